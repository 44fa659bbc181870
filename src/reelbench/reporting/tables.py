"""The leaderboard as numbers: one row per model, in the order of the ranking."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple

import pandas as pd

from reelbench import paths
from reelbench.evaluation.metrics import Metric
from reelbench.files import read_json
from reelbench.reporting.comparisons import compared_metrics
from reelbench.reporting.results import Result

MISSING = "—"


class Table(NamedTuple):
    """A table of texts, for Markdown and for the page."""

    titles: Sequence[str]  # heading of every column
    align: str  # `l` (text) or `r` (number) per column
    rows: Sequence[Sequence[str]]  # the first text of each names the row

    def markdown(self) -> str:
        """The table in Markdown."""
        rule = ["---:" if side == "r" else "---" for side in self.align]
        return "\n".join(f"| {' | '.join(row)} |" for row in [self.titles, rule, *self.rows])


class Cost(NamedTuple):
    """A column of costs: lower is better, but no value is marked as the best."""

    key: str
    title: str
    digits: int
    file: str = "train_cost"  # the field of a `Result` that has it
    unit: float = 1  # of the column, in those of the file


COSTS = (
    Cost("train_seconds", "train s", 2),
    Cost("score_microseconds_per_user", "scoring µs per user", 0, "evaluate_cost"),
    Cost("peak_memory_bytes", "peak MB", 0, unit=1e6),
    Cost("model_bytes", "model MB", 1, unit=1e6),
    Cost("cpu_seconds", "CPU s", 2),
    Cost("energy_wh", "energy Wh", 5),
    Cost("tuning_cpu_seconds", "tuning CPU s", 0),
)

# title, kind of stage, what is predicted of it; field and key of a `Result`, unit of the title
_PREDICTED = (
    ("train s", "train", "seconds", "train_cost", "stage_seconds", 1),
    ("train MB", "train", "memory", "train_cost", "peak_memory_bytes", 10**6),
    ("evaluate s", "evaluate", "seconds", "evaluate_cost", "evaluate_seconds", 1),
)
_FACTOR = 2.0

# of the CSV: columns of names with the field of a `Result`, and of costs
_NAMES = {"model": "name", "family": "family"}
_IN_CSV = (*(cost.key for cost in COSTS), "energy_source")

Column = Metric | Cost  # a column of the leaderboard


def ranked(results: Sequence[Result], k: int) -> list[Result]:
    """By RMSE; after them the models that only rank, by nDCG; equals by name."""
    error, ranking = (metric.key for metric in compared_metrics(k))

    def place(result: Result) -> tuple[bool, float, float, str]:
        value, gain = result.metrics.get(error), result.metrics.get(ranking)
        return (value is None, value or 0.0, -(gain or 0.0), result.name)

    return sorted(results, key=place)


def metrics_frame(
    results: Sequence[Result],
    skipped: Mapping[str, str] | None = None,
    same_as: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Every number of the metrics files, with the bounds of its interval: content of the CSV.

    Returns:
        a row per model in the given order; columns `model`, `family` (`imported`, or the module of
        its class), then metrics and counts by name, each metric followed by `_low` and `_high`,
        then costs in the units of their files, empty where unknown; after `model`, `faults` where a
        model has any, `skipped` where a model was: the reason, and `same_as` where a model is
        another under a name of its own (`results.twins`): the name of that.
    """
    rows = [
        {
            (key, end): number
            for key, value in result.metrics.items()
            if not isinstance(value, dict)
            for end, number in enumerate((value, *result.metrics.get("intervals", {}).get(key, ())))
        }
        for result in results
    ]
    by_name = {
        f"{key}{('', '_low', '_high')[end]}": [row.get((key, end)) for row in rows]
        for key, end in sorted({column for row in rows for column in row})
    }
    costs = [result.evaluate_cost | result.train_cost for result in results]
    by_name |= {key: [own.get(key) for own in costs] for key in _IN_CSV}
    named = {key: [getattr(r, of) for r in results] for key, of in _NAMES.items()}
    frame = pd.DataFrame(named | by_name)
    if skipped:
        without = pd.DataFrame({"model": list(skipped), "skipped": list(skipped.values())})
        frame.insert(1, "skipped", pd.Series(dtype=object))
        frame = pd.concat([frame, without], ignore_index=True)
    faults = {result.name: " ".join(result.faults) for result in results if result.faults}
    if faults:
        frame.insert(1, "faults", frame["model"].map(faults))
    if same_as:
        frame.insert(1, "same_as", frame["model"].map(same_as))
    return frame


def to_csv(frame: pd.DataFrame) -> str:
    """CSV with six decimals: what two machines can be expected to agree on."""
    return frame.to_csv(index=False, float_format="%.6f", lineterminator="\n")


@dataclass(frozen=True)
class Cell:
    """One number of the leaderboard as text."""

    text: str  # the number, or a dash; `~` before an energy that was not measured
    interval: str = ""  # `[low, high]` with one decimal fewer; empty without an interval
    best: bool = False  # whether no other model is better in this column


def cells(results: Sequence[Result], columns: Sequence[Column]) -> Iterator[list[Cell]]:
    """A row of cells per model."""
    values = [[_value(result, column) for result in results] for column in columns]
    best = [_best(own, column) for own, column in zip(values, columns, strict=True)]
    for result, row in zip(results, zip(*values, strict=True), strict=True):
        intervals, cost = result.metrics.get("intervals", {}), result.train_cost
        estimated = "energy_wh" if cost.get("energy_source") == "estimated" else None
        found = []
        for value, top, column in zip(row, best, columns, strict=True):
            text = "~" * (column.key == estimated) + number(value, column.digits)
            bounds = [f"{bound:.{column.digits - 1}f}" for bound in intervals.get(column.key) or ()]
            interval = f"[{', '.join(bounds)}]" if bounds else ""
            found.append(Cell(text, interval, value is not None and value == top))
        yield found


def _value(result: Result, column: Column) -> float | None:
    if isinstance(column, Metric):
        return result.metrics.get(column.key)
    cost = getattr(result, column.file).get(column.key)
    return None if cost is None else cost / column.unit


def _best(values: Sequence[float | None], column: Column) -> float | None:
    known = [value for value in values if value is not None]
    if not known or isinstance(column, Cost) or column.better is None:
        return None
    return column.extreme(known)


def number(value: float | None, digits: int) -> str:
    """Text of a number, a dash for None, NaN and infinity."""
    return MISSING if value is None or not isfinite(value) else f"{value:,.{digits}f}"


def mispredicted(results: Sequence[Result]) -> Table | None:
    """Seconds and megabytes that were predicted wrong by more than a factor of two.

    A row per model and quantity; None without a plan, and where all predictions were better.
    """
    steps = read_json(paths.PLAN)["steps"] if paths.PLAN.is_file() else {}
    rows = []
    for result in results:
        for title, kind, quantity, cost, key, unit in _PREDICTED:
            predicted = (steps.get(f"{kind}@{result.name}") or {}).get("cost")
            found = getattr(result, cost).get(key)
            if not predicted or not found:
                continue
            ratio = predicted[quantity][0] / found
            if not 1 / _FACTOR <= ratio <= _FACTOR:
                texts = [number(value / unit, 1) for value in (predicted[quantity][0], found)]
                rows.append([result.name, title, *texts, number(ratio, 2)])
    titles = ["model", "cost", "predicted", "measured", "ratio"]
    return Table(titles, "llrrr", rows) if rows else None
