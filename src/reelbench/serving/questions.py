"""From what is asked in the app to an answer that can be sent as JSON.

`Wanted` is the state of the page. Every list goes the same way: how relevant each movie is, which
movies are allowed, and the order of those. Movies are named by their `item_id`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from pathlib import Path
from threading import Event, Lock, RLock
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from cachetools import LRUCache
from pydantic import BaseModel, ConfigDict, Field

from reelbench import paths
from reelbench.columns import GENRES, OVERVIEW, RUNTIME, TITLE, YEAR
from reelbench.data.identity import label, read_data, read_identity, same_results
from reelbench.evaluation.metrics import METRICS
from reelbench.faults import warning
from reelbench.features.text import words_of
from reelbench.files import read_json, read_json_if_any
from reelbench.models.rerank import mmr
from reelbench.serving import AskError, capitalized
from reelbench.serving import recommend as core
from reelbench.serving.descriptions import Descriptions, parts_of
from reelbench.serving.library import Library
from reelbench.serving.reasons import Anchors, anchors_of, liked
from reelbench.serving.recommend import CONTENT, MIXED, TEXT
from reelbench.serving.trained_models import ranking_metric

LONGEST = 200  # longest text that is read
_KEPT = 16_000_000  # bytes of scores
_MOST = 500  # ratings, and other movies that are named, of a request
_STARTERS, _KNOWN_BY = 40, 120  # movies to begin with, out of so many with the most ratings
_ANCHORS = 30  # movies that reasons refer to, at most
_POOL = 100  # first places that the slider for diversity puts in order
_WIDEST = 4.0  # standard deviations at which a score counts no more
_POPULAR, _NEAR, _DIVERSE = 1.5, 2.0, 0.8  # what sliders, "more like this" and diversity weigh
_LIFTS_TRIED, _LIFTS = 12, 3  # movies that are tried, and shown, as what would lift another

Text = Annotated[str, Field(max_length=20_000)]
Ids = Annotated[list[Text], Field(max_length=_MOST)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Person(_Part):
    """A user of the data set, ratings of the page, or both; of nobody nothing is known."""

    user: Text = ""
    ratings: dict[Text, float] = Field(default={}, max_length=_MOST)


class Wanted(_Part):
    """What is asked for; the page has the same names in its address."""

    way: Literal["you", "two", "similar", "text"] = "you"
    you: Person = Person()
    guest: Person = Person()  # the other person of `two`
    fairness: Share = 0.5  # of `two`: from the mean of both to the one who likes a movie less
    item: Text = ""  # of `similar`
    by: Text = MIXED  # of `similar`: a kind of similarity, or a model
    genre_weight: Share = 0.5  # of `similar` by `content`
    text: Text = ""  # of `text`
    model: Text = ""  # that ranks; empty: the best available
    more: Ids = []  # like these
    less: Ids = []  # like these
    dismissed: Ids = []  # not for me
    from_year: int | None = None
    to_year: int | None = None
    genres: Ids = []  # any of these; none: all
    max_runtime: float | None = None  # minutes
    seen: bool = False  # whether rated movies may be listed
    diversity: Share = 0.0
    popular: float = Field(default=0.0, ge=-1, le=1)  # from adventurous to popular
    k: int = Field(default=10, ge=1, le=50)
    why: Text = ""  # the movie whose place is asked for


@dataclass(frozen=True)
class Taste:
    """What is known of a person."""

    user: int  # `user_idx`, -1 where ratings of the page take part
    items: np.ndarray  # int64 (n,)
    ratings: np.ndarray  # float64 (n,)
    seen: np.ndarray  # bool (n_items,), rated in train, valid or on the page
    label: str
    note: str = ""


@dataclass(frozen=True)
class Questions:
    """The questions of the app."""

    library: Library
    #: scores that were asked for last; models are loaded once, so that none goes out of date
    _scores: LRUCache[object, Any] = field(
        default_factory=lambda: LRUCache(_KEPT, lambda found: found[1].nbytes), repr=False
    )
    _kept: Lock = field(default_factory=Lock, repr=False)
    _network: RLock = field(default_factory=RLock, repr=False)  # cannot answer two at once
    #: set once what the first answers of each kind need is loaded
    ready: Event = field(default_factory=Event, repr=False)

    def at_once(self, wanted: Wanted | None = None) -> bool:
        """Whether an answer takes milliseconds: nothing is to be loaded, no network is busy."""
        named = {wanted.model, wanted.by} - {"", MIXED, CONTENT, TEXT} if wanted else set()
        if not self.ready.is_set() or (wanted and wanted.why):
            return False
        models = self.library.models
        if not all(name in models.quick and models.is_loaded(name) for name in named):
            return False
        free = self._network.acquire(blocking=False)
        if free:
            self._network.release()
        return free

    # -- what the page asks

    def about(self) -> dict[str, object]:
        """What the page needs before anything is asked."""
        library, ids = self.library, self.library.ids
        years, runtimes = library.items[YEAR].dropna(), self._runtime[~np.isnan(self._runtime)]
        models = library.models
        return {
            "data": label(read_data(library.root)),
            "users": ids.n_users,
            "movies": ids.n_items,
            "ratings": len(library.train),
            "scale": [] if library.implicit else [ids.rating_min, ids.rating_max, self._step],
            "example": str(library.users["user_id"].iloc[0]) if len(library.users) else "",
            "models": [
                {"name": n, "measured": on_test(library.root, n), "slow": n not in models.quick}
                for n in models.best_first
            ],
            "genres": sorted(set().union(*library.genres)),
            "years": [int(years.min()), int(years.max())] if len(years) else [],
            "runtimes": [float(runtimes.min()), float(runtimes.max())] if len(runtimes) else [],
            "tags": bool(library.content.tags.nnz),
            "texts": self.descriptions is not None,
            "starters": [self._card(item) for item in self._starters],
        }

    def titles(self, text: str) -> list[dict[str, object]]:
        """Movies whose titles are typed, perhaps with errors; the first eight."""
        return [self._card(o.item_idx) for o in self.library.titles.complete(text[:LONGEST], 8)]

    def answer(self, wanted: Wanted) -> dict[str, object]:
        """The list, or with `why` the place of a movie in it."""
        people = [self._taste(wanted.you, "you")]
        if wanted.way == "two":
            people.append(self._taste(wanted.guest, "your guest"))
        name, relevance, allowed, heading, notes = self._asked(wanted, people)
        relevance = self._nudged(wanted, relevance)
        refused = self._refused(wanted, people)
        if wanted.why:
            return self._why(wanted, people, name, relevance, allowed, refused)
        allowed = allowed & ~np.any([*refused.values()], axis=0)
        items = self._ordered(wanted, relevance, allowed)
        anchors = self._anchors(wanted, people)
        movies = core.recommendations(self.library, items, relevance[items], anchors)
        stars = [self._stars(taste, items) for taste in people]
        cards = []
        for place, (item, movie) in enumerate(zip(items.tolist(), movies, strict=True)):
            own = {"rank": movie.rank, "reasons": [*self._matches(wanted, item), *movie.reasons]}
            own["stars"] = [person[place] for person in stars if person]
            cards.append(self._card(item) | own)
        ids = [*wanted.you.ratings, *wanted.guest.ratings, *wanted.dismissed]
        ids += [wanted.item] if wanted.item else []
        return {
            "named": [self._card(self._item(one)) for one in ids],
            "heading": capitalized(heading),
            "model": name,
            "measured": on_test(self.library.root, name),
            "notes": [capitalized(note) for note in notes if note],
            "movies": cards,
            "people": [*map(self._context, (wanted.you, wanted.guest), people)],
            "stars_by": self.library.stars.name if any(stars) and self.library.stars else "",
        }

    # -- how relevant every movie is

    def _asked(
        self, wanted: Wanted, people: Sequence[Taste]
    ) -> tuple[str, np.ndarray, np.ndarray, str, list[str]]:
        """What answers, relevance (n_items,), which movies may be listed, heading and notes."""
        everything = np.ones(self.library.ids.n_items, dtype=bool)
        if wanted.way == "similar":
            item = self._item(wanted.item)
            with self._network:
                options = item, wanted.by or MIXED, wanted.genre_weight
                name, similarity, order, note = core.similar_items(self.library, *options)
            relevance = np.zeros(len(everything))
            # places, since movies by the same director may come before more similar ones
            relevance[order] = np.linspace(1, 0, len(order) + 1)[:-1]
            if not (np.diff(similarity[order]) > 1e-9).any():
                relevance[order] = similarity[order]
            heading = f"movies similar to {self.library.title(item)}"
            return name, _standard(relevance), relevance > 0, heading, [note]
        if wanted.way == "text":
            if self.descriptions is None:
                raise AskError("this run has no embeddings of texts: see features/text in conf/")
            if not (text := wanted.text[:LONGEST].strip()):
                raise AskError("describe a movie, such as: slow space film, no war")
            close = self.descriptions.similarity(text)
            known = np.asarray(self.library.content.text.any(axis=1))
            kept, unwanted = parts_of(text)
            without = f", without {' and '.join(unwanted)}" if unwanted else ""
            return "text", _standard(close), known, f"{kept or 'movies'}{without}", []
        found = [self._relevance(taste, wanted.model) for taste in people]
        names = dict.fromkeys(name for name, _, _ in found)
        notes = [note for _, _, note in found] + [taste.note for taste in people]
        heading = "for " + " and ".join(taste.label for taste in people)
        every = np.stack([scores for _, scores, _ in found])
        relevance = every[0]
        if len(people) > 1:
            mean, least = every.mean(axis=0), every.min(axis=0)
            relevance = (1 - wanted.fairness) * mean + wanted.fairness * least
        return ", ".join(names), relevance, everything, heading, list(dict.fromkeys(notes))

    def _relevance(self, taste: Taste, model: str) -> tuple[str, np.ndarray, str]:
        """Model, standardised scores (n_items,) for a person, and a note; kept for a while."""
        key = (taste.user, taste.items.tobytes(), taste.ratings.tobytes(), model)
        with self._kept:
            if key in self._scores:
                return self._scores[key]
        library = self.library
        if not len(taste.items):
            name, scores, note = core.popular_scores(library)
        else:
            own = {taste.user} - {-1}
            rated = dict(zip(taste.items.tolist(), taste.ratings, strict=True))
            fold = core.folding_in(library, core.new_user(library, rated))

            def ask(name: str) -> np.ndarray | str:
                return library.models.get(name).score([*own])[0] if own else fold(name)

            with self._network:
                name, scores, note = core.ranking(library, ask, model or None, library.models.quick)
        found = name, _standard(scores), note
        with self._kept:
            self._scores[key] = found
        return found

    def _nudged(self, wanted: Wanted, relevance: np.ndarray) -> np.ndarray:
        """Relevance after "more" and "less like this" and the slider for popularity."""
        found = relevance + _POPULAR * wanted.popular * self._popularity
        for ids, sign in ((wanted.more, 1.0), (wanted.less, -1.0), (wanted.dismissed, -0.5)):
            for item in ids[-_ANCHORS:]:
                near = self.library.mixed.similarity(self._item(item))
                found = found + sign * _NEAR * near / max(near.max(), 1e-12)
        return found

    # -- which movies may be listed, and in which order

    def _refused(self, wanted: Wanted, people: Sequence[Taste]) -> dict[str, np.ndarray]:
        """From a reason, as the rest of a sentence, to the movies (n_items,) that it keeps out."""
        found = {}
        if wanted.from_year is not None:
            earlier = ~(self._year >= wanted.from_year)
            found[f"is not known to be from {wanted.from_year} or later"] = earlier
        if wanted.to_year is not None:
            later = ~(self._year <= wanted.to_year)
            found[f"is not known to be from {wanted.to_year} or earlier"] = later
        if wanted.genres:
            some = set(wanted.genres)
            lacking = np.array([some.isdisjoint(own) for own in self.library.genres])
            found[f"is not among {', '.join(wanted.genres)}"] = lacking
        if wanted.max_runtime is not None:
            longer = ~(self._runtime <= wanted.max_runtime)
            found[f"is not known to last {wanted.max_runtime:g} minutes or less"] = longer
        if not wanted.seen and wanted.way in ("you", "two"):
            found["is rated already"] = np.any([taste.seen for taste in people], axis=0)
        dismissed = np.zeros(self.library.ids.n_items, dtype=bool)
        dismissed[[self._item(one) for one in wanted.dismissed]] = True
        found["was marked as not for you"] = dismissed
        return found

    def _ordered(self, wanted: Wanted, relevance: np.ndarray, allowed: np.ndarray) -> np.ndarray:
        """The k first of the allowed movies, ties by index; diversity puts the first in order."""
        candidates = np.where(allowed, relevance, -np.inf)
        first = min(max(_POOL, wanted.k), len(candidates))
        least = np.partition(candidates, -first)[-first]
        order = np.flatnonzero((candidates >= least) & (candidates > -np.inf))
        order = order[np.argsort(-candidates[order], kind="stable")][:first]
        if wanted.diversity and len(order) > 1:
            return order[self._diverse(relevance[order], order, wanted.diversity)][: wanted.k]
        return order[: wanted.k]

    def _diverse(self, relevance: np.ndarray, items: np.ndarray, share: float) -> np.ndarray:
        """Order of movies (n,) in which each is unlike those before it."""
        content = self.library.content
        vectors = np.hstack([content.genres[items].toarray(), content.text[items]])
        width = max(float(np.ptp(relevance)), 1e-12)
        scaled = (relevance - relevance.min()) / width
        return mmr(scaled[None], vectors[None].astype(np.float64), _DIVERSE * share)[0]

    # -- why a movie is not higher

    def _why(
        self,
        wanted: Wanted,
        people: Sequence[Taste],
        name: str,
        relevance: np.ndarray,
        allowed: np.ndarray,
        refused: dict[str, np.ndarray],
    ) -> dict[str, object]:
        item = self._item(wanted.why)
        reasons = [reason for reason, flags in refused.items() if flags[item]]
        if not allowed[item]:
            reasons.append("is not similar to it" if wanted.way == "similar" else "has no text")
        allowed = allowed & ~np.any([*refused.values()], axis=0)
        allowed[item] = True

        place = partial(rank_of, item, allowed=allowed)
        found: dict[str, object] = {"refused": reasons, "rank": place(relevance), "lifts": []}
        found |= self._card(item) | {"of": int(allowed.sum()), "model": name}
        for end, side in (("popular", 1), ("adventurous", -1)):
            found[end] = place(relevance + _POPULAR * (side - wanted.popular) * self._popularity)
        taste, models = people[0], self.library.models
        names = [n for n in (name, *models.quick) if n in models.names]
        able = next((n for n in names if models.folds_in(n)), None)
        if wanted.way != "you" or able is None:
            return found
        now = self._nudged(wanted, relevance * 0)
        before = place(now + self._relevance(taste, able)[1]) if able != name else place(relevance)
        near = np.argsort(-self.library.mixed.similarity(item), kind="stable")
        lifts = []
        for other in near[~taste.seen[near] & (near != item)][:_LIFTS_TRIED].tolist():
            items = np.append(taste.items, other)
            ratings = np.append(taste.ratings, self.library.ids.rating_max)
            liking = replace(taste, user=-1, items=items, ratings=ratings)
            rank = place(now + self._relevance(liking, able)[1])
            if rank < before:
                lifts.append((rank, other))
        found["lifts"] = [self._card(o) | {"rank": rank} for rank, o in sorted(lifts)[:_LIFTS]]
        return found

    # -- what is shown

    def _card(self, item: int) -> dict[str, object]:
        runtime, (item_id, title, year) = self._runtime[item], self.library.rows[item]
        return {
            "item": item_id,
            "title": title,
            "year": year,
            "genres": self.library.genres[item],
            "director": self.library.directors[item],
            "runtime": None if np.isnan(runtime) else round(float(runtime)),
            **self.library.links.get(item_id, {}),
        }

    def _context(self, person: Person, taste: Taste) -> dict[str, object]:
        """Best-rated movies of a user of the data set; none of anybody else."""
        user = self.library.user(person.user) if person.user else -1
        items, ratings = self.library.rated(user)
        best = np.lexsort((-self.library.count[items], -ratings))[:8]
        pairs = zip(items[best].tolist(), ratings[best].tolist(), strict=True)
        cards = [self._card(item) | {"rating": rating} for item, rating in pairs]
        return {"label": taste.label, "known": user >= 0, "rated": len(items), "best": cards}

    def _stars(self, taste: Taste, items: np.ndarray) -> list[dict[str, float]]:
        """Predicted ratings with bounds; empty without a model for them."""
        with self._network:
            stars = self.library.stars
        if stars is None:
            return []
        found = stars.predict(items, taste.items, taste.ratings, taste.user)
        return [{"mean": mean, "low": low, "high": high} for mean, low, high in found]

    def _anchors(self, wanted: Wanted, people: Sequence[Taste]) -> Anchors:
        if wanted.way == "similar":
            return liked([self._item(wanted.item)])
        if wanted.way == "text":
            return {}
        found: dict[int, float] = {}
        for taste in people:
            if len(taste.items):
                own = anchors_of(self.library, taste.items, taste.ratings)
                found |= dict(list(own.items())[:_ANCHORS])
        return found

    def _matches(self, wanted: Wanted, item: int) -> Iterable[str]:
        """Which words of a description are those of the movie."""
        if wanted.way != "text":
            return
        row = self.library.items.iloc[item]
        text = ". ".join(words_of(row.get(name)) for name in (TITLE, GENRES, OVERVIEW))
        words = {word for word in parts_of(wanted.text)[0].lower().split() if len(word) > 3}
        if both := sorted(word for word in words if word.strip(",.") in text.lower()):
            yield f"Its description has: {', '.join(both)}"
        if overview := words_of(row.get(OVERVIEW)):
            beginning = f"{overview[:LONGEST].rsplit(' ', 1)[0]} …"
            yield overview if len(overview) < LONGEST else beginning

    # -- people and movies

    def _taste(self, person: Person, name: str) -> Taste:
        library, typed = self.library, person.user[:LONGEST].strip()
        user = library.user(typed) if typed else -1
        items, ratings = library.rated(user)
        seen = library.seen[[user]].toarray()[0]
        known = dict(zip(items.tolist(), ratings.tolist(), strict=True))
        page = {self._item(one): rating for one, rating in person.ratings.items()}
        if page:
            core.new_user(library, page)  # refuses a rating off the scale
        seen[list(page)] = True
        both = known | page
        rated = np.array(sorted(both), dtype=np.int64)
        values = np.array([both[item] for item in rated.tolist()], dtype=np.float64)
        about = f"user {typed}" if user >= 0 else name
        if count := len(page):
            about += f" ({count} rating{'s' * (count > 1)} here)"
        note = f"User '{typed}' is not in the data set." if typed and user < 0 else ""
        return Taste(-1 if page else user, rated, values, seen, about, note)

    def _item(self, item_id: str) -> int:
        item = self._places.get(item_id)
        if item is None:
            raise AskError(f"there is no movie with the id '{item_id[:LONGEST]}'")
        return item

    @cached_property
    def descriptions(self) -> Descriptions | None:
        """The encoder of descriptions; None where the run has no embeddings that it can compare."""
        return Descriptions.of(self.library.blocks.get("text"))

    @cached_property
    def _places(self) -> dict[str, int]:
        return {item_id: place for place, (item_id, *_) in enumerate(self.library.rows)}

    @cached_property
    def _year(self) -> np.ndarray:
        return self.library.items[YEAR].astype("float64").to_numpy(na_value=np.nan)

    @cached_property
    def _runtime(self) -> np.ndarray:
        items = self.library.items
        nothing = pd.Series(np.nan, index=items.index)
        return pd.to_numeric(items.get(RUNTIME, nothing)).astype("float64").to_numpy()

    @cached_property
    def _popularity(self) -> np.ndarray:
        return _standard(np.log1p(self.library.count))

    @cached_property
    def _starters(self) -> list[int]:
        """Movies that many know, of several kinds."""
        most = np.argsort(-self.library.count, kind="stable")[:_KNOWN_BY]
        scores = np.log1p(self.library.count[most])
        return [int(item) for item in most[self._diverse(scores, most, 0.5)][:_STARTERS]]

    @cached_property
    def _step(self) -> float:
        """The smallest step of ratings, 1 or 0.5."""
        whole = np.array_equal(self.library.train.rating, np.round(self.library.train.rating))
        return 1.0 if whole else 0.5


def rank_of(item: int, scores: np.ndarray, allowed: np.ndarray) -> int:
    """Rank, from 1, of a movie among those allowed, bool (n_items,); ties by index."""
    before = scores > scores[item]
    before |= (scores == scores[item]) & (np.arange(len(scores)) < item)
    return 1 + int((allowed & before).sum())


def _standard(scores: np.ndarray) -> np.ndarray:
    """Scores (n_items,) in standard deviations from their mean, within bounds; order is kept."""
    deviation = float(scores.std())
    scaled = (scores.astype(np.float64) - scores.mean()) / max(deviation, 1e-12)
    # beyond the bound distances shrink to a tenth: order stays, one score does not outweigh all
    beyond = np.abs(scaled) - _WIDEST
    return np.where(beyond > 0, np.sign(scaled) * (_WIDEST + 0.1 * beyond), scaled)


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
    faults = warning(found.get("faults", ()))
    return f"on test: {', '.join(values)}" + (f". {faults}" if faults else "")
