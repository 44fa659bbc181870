"""How the models' parameters were chosen: the searches of `reelbench tune`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from reelbench import paths
from reelbench.evaluation.metrics import find
from reelbench.files import read_json
from reelbench.reporting.tables import Table, number


class Tuned(NamedTuple):
    """One finished search.

    Attributes:
        budget: largest number of trials, and of seconds (None: unlimited).
        ended: why it ended.
        default, best: the metric of the first trial, with the parameters of conf/, and of the best.
        in_use: whether the parameters of the model are now those of the best trial.
        important: most important parameter with its share of the variance; empty if unknown.
    """

    model: str
    place: str
    searcher: str
    budget: tuple[int, float | None]
    trials: int
    failed: int
    ended: str
    metric: str
    default: float | None
    best: float | None
    in_use: bool
    important: str

    @property
    def cells(self) -> list[str]:
        """Texts of the row."""
        digits = find(self.metric).digits
        return [
            self.model,
            self.searcher,
            str(self.trials),
            str(self.failed),
            self.metric,
            number(self.default, digits),
            number(self.best, digits),
            "the best trial" if self.in_use else "others",
        ]


@dataclass(frozen=True)
class Tuning:
    """All searches for the models of the leaderboard, and the models without one."""

    searches: Sequence[Tuned]
    fixed: Sequence[str]
    untuned: Sequence[str]

    @property
    def table(self) -> Table:
        """A row per search."""
        titles = ["model", "searcher", "trials", "failed", "metric on valid", "parameters of conf/"]
        rows = [search.cells for search in self.searches]
        return Table([*titles, "best trial", "now in use"], "llrrlrrl", rows)

    @property
    def budgets(self) -> list[tuple[int, float | None]]:
        """Different budgets."""
        return list(dict.fromkeys(search.budget for search in self.searches))

    @property
    def important(self) -> list[str]:
        """The most important parameter of every model, where it is known."""
        return [f"{s.model} {s.important}" for s in self.searches if s.important]

    @property
    def short(self) -> list[str]:
        """Searches that ended before their budget did, with the reason."""
        return [f"{s.model} ({s.ended})" for s in self.searches if s.trials < s.budget[0]]


def read_tuning(
    models: Iterable[str], parameters: Mapping[str, Any], spaces: Mapping[str, Any]
) -> Tuning | None:
    """The searches for the parameters of the models.

    Args:
        models: names in the order of the leaderboard.
        parameters: section `models` of the parameters.
        spaces: section `search`.

    Returns:
        None without a search.
    """
    names = list(models)
    known = finished_searches()
    found = {name: _read(name, known.get(name), parameters.get(name, {})) for name in names}
    searches = [search for search in found.values() if search is not None]
    fixed = [name for name in names if found[name] is None and not spaces.get(name)]
    untuned = [name for name in names if found[name] is None and spaces.get(name)]
    return Tuning(searches, fixed, untuned) if searches else None


def finished_searches() -> dict[str, dict[str, Any]]:
    """Record of the last finished search by model: of this checkout, else as committed."""
    known: dict[str, dict[str, Any]] = read_json(paths.TUNING) if paths.TUNING.is_file() else {}
    files = sorted(paths.SEARCHES.glob("*/search.json"))
    own = {file.parent.name: read_json(file) for file in files}
    return known | {model: found for model, found in own.items() if found["ended"] is not None}


def _read(model: str, content: Mapping[str, Any] | None, now: Mapping[str, Any]) -> Tuned | None:
    """One row of the table; None for a model without a search, or with nothing to search."""
    if content is None or not content["trials"]:
        return None
    values = {row["number"]: row["value"] for row in content["trials"]}
    chosen = next(r["parameters"] for r in content["trials"] if r["number"] == content["winner"])
    return Tuned(
        model=model,
        place=f"{content['data']}/{content['split']}",
        searcher=content["searcher"],
        budget=(content["budget"]["trials"], content["budget"]["seconds"]),
        trials=len(values),
        failed=sum(value is None for value in values.values()),
        ended=content["ended"],
        metric=content["objective"]["metric"],
        default=values[1],
        best=values[content["winner"]],
        important=_important(content.get("importances", {})),
        in_use=all(now.get(name) == value for name, value in chosen.items()),
    )


def _important(importances: Mapping[str, float]) -> str:
    """The first parameter and its share, such as `factors (71 %)`."""
    name, share = max(importances.items(), key=lambda pair: pair[1], default=("", 0.0))
    return f"{name} ({share:.0%})".replace("%", " %") if name else ""
