"""The leaderboard as numbers: one row per model, in the order of the ranking."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from reelbench.evaluation.metrics import Metric
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


COSTS = (
    Cost("train_seconds", "train s", 2),
    Cost("score_microseconds_per_user", "scoring µs per user", 0),
    Cost("peak_megabytes", "peak MB", 0),
    Cost("model_megabytes", "model MB", 1),
)

#: a column of the leaderboard
Column = Metric | Cost


def ranked(results: Sequence[Result], k: int) -> list[Result]:
    """By RMSE; after them the models that only rank, by nDCG; equals by name."""
    error, ranking = (metric.key for metric in compared_metrics(k))

    def place(result: Result) -> tuple[bool, float, float, str]:
        value, gain = result.metrics.get(error), result.metrics.get(ranking)
        return (value is None, value or 0.0, -(gain or 0.0), result.name)

    return sorted(results, key=place)


def metrics_frame(
    results: Sequence[Result],
    faults: Collection[str] = (),
    skipped: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Every number of the metrics files, with the bounds of its interval: content of the CSV.

    Returns:
        a row per model in the given order; columns `model`, then metrics and counts by name, each
        metric followed by `_low` and `_high`; after `model`, `faults` where the protocol has any,
        and `skipped` where a model was: the reason. No costs, so that the bytes are stable.
    """
    rows = [{"model": result.name, **dict(_numbers(result))} for result in results]
    frame = pd.DataFrame(rows, columns=_columns(rows))
    if skipped:
        without = pd.DataFrame({"model": list(skipped), "skipped": list(skipped.values())})
        frame.insert(1, "skipped", pd.Series(dtype=object))
        frame = pd.concat([frame, without], ignore_index=True)
    if faults:
        frame.insert(1, "faults", " ".join(sorted(faults)))
    return frame


def _numbers(result: Result) -> Iterator[tuple[str, object]]:
    """Names and values of the metrics and counts, and of the bounds of the intervals."""
    intervals = result.metrics.get("intervals", {})
    for key, value in result.metrics.items():
        if not isinstance(value, dict):
            yield key, value
            yield from zip((f"{key}_low", f"{key}_high"), intervals.get(key, ()), strict=False)


def _columns(rows: Sequence[dict[str, object]]) -> list[str]:
    """Union of the keys; a metric that one model lacks keeps its place beside its bounds."""
    keys = {key for row in rows for key in row} - {"model"}
    order = {"_low": 1, "_high": 2}

    def place(key: str) -> tuple[str, int]:
        for suffix, rank in order.items():
            if key.endswith(suffix) and key.removesuffix(suffix) in keys:
                return key.removesuffix(suffix), rank
        return key, 0

    return ["model", *sorted(keys, key=place)]


def to_csv(frame: pd.DataFrame) -> str:
    """CSV with six decimals: what two machines can be expected to agree on."""
    return frame.to_csv(index=False, float_format="%.6f", lineterminator="\n")


@dataclass(frozen=True)
class Cell:
    """One number of the leaderboard as text."""

    text: str  # the number, or a dash
    interval: str = ""  # `[low, high]` with one decimal fewer; empty without an interval
    best: bool = False  # whether no other model is better in this column


def cells(results: Sequence[Result], columns: Sequence[Column]) -> Iterator[list[Cell]]:
    """A row of cells per model."""
    values = [[_value(result, column.key) for column in columns] for result in results]
    best = [_best([row[i] for row in values], column) for i, column in enumerate(columns)]
    for result, row in zip(results, values, strict=True):
        intervals = result.metrics.get("intervals", {})
        yield [
            Cell(
                number(value, column.digits),
                _interval(intervals.get(column.key), column.digits - 1),
                value is not None and value == top,
            )
            for value, top, column in zip(row, best, columns, strict=True)
        ]


def _value(result: Result, key: str) -> float | None:
    costs = {
        "train_seconds": result.train_cost.get("train_seconds"),
        "score_microseconds_per_user": result.evaluate_cost.get("score_microseconds_per_user"),
        "peak_megabytes": _megabytes(result.train_cost.get("peak_memory_bytes")),
        "model_megabytes": _megabytes(result.train_cost.get("model_bytes")),
    }
    return costs[key] if key in costs else result.metrics.get(key)


def _megabytes(number: float | None) -> float | None:
    return None if number is None else number / 1e6


def _best(values: Iterable[float | None], column: Column) -> float | None:
    known = [value for value in values if value is not None]
    if not known or isinstance(column, Cost) or column.better is None:
        return None
    return column.extreme(known)


def number(value: float | None, digits: int) -> str:
    """Text of a number, a dash for none."""
    return MISSING if value is None else f"{value:,.{digits}f}"


def _interval(bounds: Sequence[float] | None, digits: int) -> str:
    if bounds is None:
        return ""
    low, high = bounds
    return f"[{low:.{digits}f}, {high:.{digits}f}]"
