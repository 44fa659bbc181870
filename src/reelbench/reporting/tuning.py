"""How the models' parameters were chosen: the searches of `reelbench tune`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reelbench import paths
from reelbench.costs import cpu_seconds_of_search
from reelbench.evaluation.metrics import find
from reelbench.files import read_json, read_json_if_any, sha256_file
from reelbench.reporting.tables import Table, number


@dataclass(frozen=True)
class Tuned:
    """One finished search."""

    model: str
    record: Mapping[str, Any]  # content of `paths.tuning`
    now: Mapping[str, Any]  # parameters that the model has now

    @property
    def place(self) -> str:
        """Data and split."""
        return f"{self.record['data']}/{self.record['split']}"

    @property
    def budget(self) -> tuple[int, float | None]:
        """Largest number of trials, and of seconds (None: unlimited)."""
        return self.record["budget"]["trials"], self.record["budget"]["seconds"]

    @property
    def short(self) -> str:
        """Why it ended before it had all trials of its budget; empty if it did not."""
        trials = len(self.record["trials"])
        return f"{self.model} ({self.record['ended']})" if trials < self.budget[0] else ""

    @property
    def important(self) -> str:
        """The most important parameter, such as `svd factors (71 %)`; empty where unknown."""
        shares = self.record.get("importances", {})
        name = max(shares, key=lambda name: shares[name], default="")
        return f"{self.model} {name} ({100 * shares[name]:.0f} %)" if name else ""

    @property
    def in_use(self) -> bool:
        """Whether the model has the parameters of the best trial."""
        trials = {trial["number"]: trial["parameters"] for trial in self.record["trials"]}
        chosen = trials.get(self.record["winner"], {})
        return bool(chosen) and all(self.now.get(name) == own for name, own in chosen.items())

    @property
    def cells(self) -> list[str]:
        """Texts of the row; the first trial had the parameters of conf/."""
        metric, winner = self.record["objective"]["metric"], self.record["winner"]
        trials = {trial["number"]: trial for trial in self.record["trials"]}
        values = [trial["value"] for trial in trials.values()]
        first, best = (number(trials[n]["value"], find(metric).digits) for n in (1, winner))
        counts = [str(len(values)), str(values.count(None))]
        which = "the best trial" if self.in_use else "others"
        return [self.model, self.record["searcher"], *counts, metric, first, best, which]


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


def read_tuning(
    models: Iterable[str], parameters: Mapping[str, Any], spaces: Mapping[str, Any]
) -> Tuning | None:
    """The searches for the parameters of the models; None without any.

    Args:
        models: names in the order of the leaderboard.
        parameters: section `models` of the parameters.
        spaces: section `search`.
    """
    names = list(models)
    # a search of a model without parameters has no trial
    known = {name: found for name, found in finished_searches().items() if found["trials"]}
    searches = [Tuned(n, known[n], parameters.get(n, {})) for n in names if n in known]
    fixed = [n for n in names if n not in known and not spaces.get(n)]
    untuned = [n for n in names if n not in known and spaces.get(n)]
    return Tuning(searches, fixed, untuned) if searches else None


def finished_searches() -> dict[str, dict[str, Any]]:
    """Record of the last finished search by model on this train part: own, else committed."""
    known = read_json_if_any(paths.TUNING)
    files = sorted(paths.SEARCHES.glob("*/search.json"))
    own = {file.parent.name: read_json(file) for file in files}
    known |= {model: found for model, found in own.items() if found["ended"] is not None}
    train = sha256_file(paths.TRAIN) if paths.TRAIN.exists() else None
    own = {model: found.get("inputs", {}).get("train") for model, found in known.items()}
    return {model: found for model, found in known.items() if own[model] in (None, train)}


def tuning_costs(parameters: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """`tuning_cpu_seconds` by model, of the search that led to its parameters.

    A model without a search, with other parameters than the best, or of whose search the
    CPU-seconds are not known, has an empty mapping.

    Args:
        parameters: section `models` of the parameters.
    """
    found: dict[str, dict[str, float]] = {model: {} for model in parameters}
    known = finished_searches()
    for model in parameters.keys() & known.keys():
        cost = cpu_seconds_of_search(model) if paths.tuning(model).is_file() else known[model]
        if "cpu_seconds" in cost and Tuned(model, known[model], parameters[model]).in_use:
            found[model] = {"tuning_cpu_seconds": cost["cpu_seconds"]}
    return found
