"""The leaderboard as numbers: one row per model, in the order of the ranking."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from reelbench.evaluation.metrics import metric_key
from reelbench.reporting.results import Result

MISSING = "—"


@dataclass(frozen=True)
class Column:
    """One column of the leaderboard.

    Attributes:
        key: key of a metric, or of a cost.
        title: heading, with the unit of a cost.
        digits: decimals shown.
        higher_is_better: None where neither end is marked as best.
    """

    key: str
    title: str
    digits: int = 4
    higher_is_better: bool | None = True


COSTS = (
    Column("train_seconds", "train s", 2, None),
    Column("score_microseconds_per_user", "scoring µs per user", 0, None),
    Column("peak_megabytes", "peak MB", 0, None),
    Column("model_megabytes", "model MB", 1, None),
)


def metric_columns(k: int) -> tuple[Column, ...]:
    """Columns of the metrics at the cutoff of the leaderboard."""
    ranked = {
        "ndcg": "nDCG",
        "recall": "recall",
        "precision": "precision",
        "map": "MAP",
        "mrr": "MRR",
        "hit_rate": "hit rate",
        "coverage": "coverage",
    }
    return (
        Column("rmse", "RMSE", higher_is_better=False),
        Column("mae", "MAE", higher_is_better=False),
        Column("r2", "R²"),
        *(Column(metric_key(name, k), f"{title}@{k}") for name, title in ranked.items()),
    )


def ranked(results: Sequence[Result], k: int) -> list[Result]:
    """By RMSE; after them the models that only rank, by nDCG; equals by name."""

    def place(result: Result) -> tuple[bool, float, float, str]:
        rmse = result.metrics.get("rmse")
        ndcg = result.metrics.get(metric_key("ndcg", k))
        return (rmse is None, rmse or 0.0, -(ndcg or 0.0), result.name)

    return sorted(results, key=place)


def metrics_frame(results: Sequence[Result], faults: Collection[str] = ()) -> pd.DataFrame:
    """Every number of the metrics files, with the bounds of its interval: content of the CSV.

    Returns:
        a row per model in the given order; columns `model`, then metrics and counts by name, each
        metric followed by `_low` and `_high`; `faults` after `model` where the protocol has any.
        No costs, so that the bytes are stable.
    """
    rows = []
    for result in results:
        row: dict[str, Any] = {"model": result.name}
        if faults:
            row["faults"] = " ".join(sorted(faults))
        intervals = result.metrics.get("intervals", {})
        for key, value in sorted(result.metrics.items()):
            if isinstance(value, dict):
                continue
            row[key] = value
            if key in intervals:
                row[f"{key}_low"], row[f"{key}_high"] = intervals[key]
        rows.append(row)
    return pd.DataFrame(rows, columns=_columns(rows))


def _columns(rows: Sequence[dict[str, Any]]) -> list[str]:
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
    """One figure of the leaderboard, ready to print.

    Attributes:
        text: the number, or a dash.
        interval: `[low, high]` with a decimal less, empty where there is none.
        best: whether no other model is better in this column.
    """

    text: str
    interval: str = ""
    best: bool = False


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


def _best(values: Sequence[float | None], column: Column) -> float | None:
    known = [value for value in values if value is not None]
    if not known or column.higher_is_better is None:
        return None
    return max(known) if column.higher_is_better else min(known)


def number(value: float | None, digits: int) -> str:
    """Text of a number, a dash for none."""
    return MISSING if value is None else f"{value:,.{digits}f}"


def _interval(bounds: Sequence[float] | None, digits: int) -> str:
    if bounds is None:
        return ""
    low, high = bounds
    return f"[{low:.{digits}f}, {high:.{digits}f}]"
