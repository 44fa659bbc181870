"""From what is typed into the app to HTML: a list of movies, or why there is none.

Everything that comes from data or users is escaped.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, wraps
from pathlib import Path
from threading import Lock
from typing import Concatenate, ParamSpec

import jinja2
import pandas as pd

from reelbench import paths
from reelbench.data.identity import read_identity, same_results
from reelbench.evaluation.metrics import METRICS, Metric, find, is_metric
from reelbench.faults import warning
from reelbench.files import read_json, read_json_if_any
from reelbench.serving import Answer, AskError, UnknownTitleError, capitalized, recommend
from reelbench.serving.library import Library
from reelbench.serving.recommend import Profile, for_liked, for_profile, for_user
from reelbench.serving.trained_models import ranking_metric, read_leaderboard

#: choices beside the names of trained models
BEST, CONTENT, TEXT = "best available", recommend.CONTENT, "text embedding"
LONGEST = 200  # longest text that is read
_MOST_TITLES = 50
_SIMILARITY = {
    recommend.CONTENT: "director, genres and tags",
    recommend.TEXT: "director and text embedding",
}
_MODEL, _FAULTS = "model", "faults"
_PAGES = jinja2.Environment(
    loader=jinja2.PackageLoader("reelbench.serving.app", ""), autoescape=True
)
_PAGES.filters["capitalized"] = capitalized
_MESSAGE = (
    '<div class="rb-answer"><p class="rb-note" role="status">{{ text | capitalized }}</p></div>'
)
# Gradio passes HTML through templates of JavaScript and Handlebars, where these mean something
_TEMPLATE = str.maketrans({mark: f"&#{ord(mark)};" for mark in "{}$`@\\"})
P = ParamSpec("P")
_log = logging.getLogger(__name__)


def message(text: str) -> str:
    """A sentence in place of a list.

    >>> message("<b> ${1}")
    '<div class="rb-answer"><p class="rb-note" role="status">&lt;b&gt; &#36;&#123;1&#125;</p></div>'
    """
    return _PAGES.from_string(_MESSAGE).render(text=text).translate(_TEMPLATE)


def answer_page(answer: Answer, label: str, source: str, measured: str) -> str:
    """A list as HTML: `label` and `source` made it, `measured` says how good that is on test."""
    shown = {"answer": answer, "label": label, "source": source, "measured": measured}
    return _PAGES.get_template("answer.html").render(shown).translate(_TEMPLATE)


def _as_html(
    question: Callable[Concatenate[Questions, P], str],
) -> Callable[Concatenate[Questions, P], str]:
    """One question at a time, since a network cannot answer two at once; errors as messages."""

    @wraps(question)
    def ask(questions: Questions, *args: P.args, **kwargs: P.kwargs) -> str:
        try:
            with questions.lock:
                return question(questions, *args, **kwargs)
        except AskError as error:
            return message(f"{str(error).rstrip('.')}.")
        except Exception:
            _log.exception("a question of the app could not be answered")
            return message("This could not be answered; see the terminal of the app for the cause.")

    return ask


@dataclass(frozen=True)
class Questions:
    """The questions of the app: from what is typed to HTML."""

    library: Library
    lock: Lock = field(default_factory=Lock, repr=False)

    @_as_html
    def movies(self, text: str | None, k: float, model: str, genre_weight: float) -> str:
        """Movies for the id of a user, or similar to a title.

        Args:
            text: what was typed; None if the box was never touched.
            model: `BEST`, `CONTENT`, `TEXT`, or a trained model.
            genre_weight: from 0, tags alone, to 1, genres alone; for a title by `CONTENT`.
        """
        library, typed = self.library, _clean(text)
        if not typed:
            raise AskError("type the id of a user, such as 42, or the title of a movie")
        found = library.titles.find(typed)
        is_title = found is not None and found.similarity == 1
        # a number that is no title is taken for a user's id, so that the answer is about users
        if library.user(typed) >= 0 or (typed.isdecimal() and not is_title):
            notes = []
            if is_title:
                notes.append(f"A movie has this title too: add its year, as in {typed} (1997).")
            if model == TEXT:
                notes.append("Text embeddings find movies similar to a title, so a model is used.")
                model = BEST
            return self._page(for_user(library, typed, int(k), _named(model)).with_notes(*notes))
        by = {BEST: recommend.CONTENT, TEXT: recommend.TEXT}.get(model, model)
        try:
            answer = recommend.similar(library, typed, int(k), by, genre_weight)
        except UnknownTitleError as error:
            raise AskError(f"there is no user '{typed}', and {error}") from error
        if answer.model in _SIMILARITY:  # not a trained model of that name
            return answer_page(answer, "Similar by", _SIMILARITY[answer.model], "")
        return self._page(answer)

    @_as_html
    def liked(self, titles: str | None, k: float, model: str) -> str:
        """Movies for a new user who likes some titles, one per line."""
        typed = [line for line in map(_clean, (titles or "").splitlines()) if line]
        if not typed:
            raise AskError("type titles that you like, one per line")
        if len(typed) > _MOST_TITLES:
            raise AskError(f"{len(typed)} titles are too many: type {_MOST_TITLES} at most")
        return self._page(for_liked(self.library, typed, int(k), _named(model)))

    @_as_html
    def profile(
        self,
        age: str | None,
        gender: str | None,
        occupation: str | None,
        zip_code: str | None,
        k: float,
        model: str,
    ) -> str:
        """Movies for a new user with a profile, of which some parts may be missing."""
        words = [_clean(value) or None for value in (gender, occupation, zip_code)]
        typed = Profile(_years(_clean(age)), *words)
        if typed.empty:
            raise AskError("type at least one of age, gender, occupation and zip code")
        return self._page(for_profile(self.library, typed, int(k), _named(model)))

    def _page(self, answer: Answer) -> str:
        measured = on_test(self.library.root, answer.model)
        return answer_page(answer, "Model:", answer.model, measured)


def _clean(text: str | None) -> str:
    """The text without spaces around it; empty for None, a box that was never touched."""
    return (text or "")[:LONGEST].strip()


def _named(model: str) -> str | None:
    return None if model == BEST else model


def _years(typed: str) -> int | None:
    try:
        return int(typed) if typed else None
    except ValueError:
        raise AskError(f"an age is a whole number of years, not '{typed}'") from None


@cache
def on_test(root: Path, model: str) -> str:
    """RMSE and nDCG on test in words, and faults; empty if not of this test part. Read once."""
    file, stored = root / paths.metrics(model), root / paths.evaluation_inputs(model)
    if not file.is_file() or not same_results(read_json_if_any(stored), read_identity(root)):
        return ""
    found = read_json(file)
    values = []
    for metric in filter(None, (METRICS["rmse"], ranking_metric(found))):
        value = found.get(metric.key)
        title = metric.title
        values.append(f"no {title}" if value is None else f"{title} {value:.{metric.digits}f}")
    faults = warning(found.get(_FAULTS, ()))
    return f"on test: {', '.join(values)}" + (f". {faults}" if faults else "")


@dataclass(frozen=True)
class Leaderboard:
    """The leaderboard of the run as the app shows it."""

    table: pd.DataFrame  # column `model`, `faults` if there were any, then metrics by title
    metrics: tuple[Metric, ...] = ()  # the metrics, in the order of their columns

    @classmethod
    def read(cls, root: Path) -> Leaderboard:
        """The best ranking first; an empty table if there is no leaderboard of the data yet."""
        table = read_leaderboard(root)
        known = [find(key) for key in map(str, table) if is_metric(key)]
        metrics = tuple(metric for metric in known if metric.leaderboard)
        if best := ranking_metric(map(str, table)):
            ascending = not best.higher_is_better
            table = table.sort_values(best.key, ascending=ascending, ignore_index=True)
        names = [name for name in (_MODEL, _FAULTS) if name in table]
        titles = {metric.key: metric.title for metric in metrics}
        return cls(table[[*names, *titles]].rename(columns=titles), metrics)

    @property
    def warning(self) -> str:
        """A sentence on the faults of the protocol; empty without any."""
        rows = self.table[_FAULTS].dropna() if _FAULTS in self.table else ()
        return warning({name for names in rows for name in str(names).split()})
