"""Figures as text, and the line of a row: what made the difference, said by its numbers alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from replications.result import Estimate, Result, Spread, Worth
from replications.rows import Row, System

T = TypeVar("T")

MISSING = "\u2013"
_MINUS = "\u2212"
# not of a model: the same for every seed
_COUNTS = ("n_test",)
_TITLES = {
    "rmse": "RMSE",
    "mae": "MAE",
    "mse": "MSE",
    "r2": "R²",
    "recall_at_10": "Recall@10",
    "precision_at_20": "precision@20",
    "precision_at_20_train": "precision@20 on train",
    "train_mse": "MSE on train",
    "n_test": "test ratings",
}


def title(metric: str) -> str:
    """A metric's name for readers."""
    return _TITLES.get(metric, metric.replace("_", " "))


def number(metric: str, value: float) -> str:
    """Counts whole, seconds with one digit, or two below one, everything else with four."""
    if metric == "seconds":
        return f"{value:,.{1 if abs(value) >= 1 else 2}f}".replace("-", _MINUS)
    if float(value).is_integer() and abs(value) >= 2:
        return f"{int(value):,}".replace("-", _MINUS)
    return f"{value:.4f}".replace("-", _MINUS)


def signed(metric: str, value: float) -> str:
    """A difference with its sign."""
    return number(metric, value) if value < 0 else f"+{number(metric, value)}"


def spread(metric: str, found: Spread) -> str:
    """Mean, and deviation over seeds where there are several."""
    text = number(metric, found.mean)
    if found.deviation is None or metric in _COUNTS:
        return text
    return f"{text} ± {found.deviation:.4f}"


def estimate(metric: str, found: Estimate) -> str:
    """Value and its interval."""
    text = number(metric, found.value)
    if found.low is None or found.high is None:
        return text
    return f"{text} [{number(metric, found.low)}, {number(metric, found.high)}]"


def line(row: Row, result: Result) -> str:
    """How far ours is from the published figure, and where the rest comes from."""
    sentences = [_metric(row, result, metric) for metric, _ in told(row, result.same)]
    for name, figures in result.also.items():
        beside = [f"{title(metric)} {estimate(metric, e)}" for metric, e in told(row, figures)]
        sentences.append(f"{name}: {', '.join(beside)}")
    said = [sentence for sentence in sentences if sentence]
    return ". ".join(said) + "." if said else ""


def with_line(system: System, result: Result) -> Result:
    """The result with the line that its numbers make."""
    return result.model_copy(update={"line": line(system.row(result.row), result)})


def report_line(result: Result) -> str:
    """One row for the terminal."""
    if result.not_run:
        return f"{result.row}: not run: {result.not_run}"
    same = ", ".join(f"{title(m)} {spread(m, found)}" for m, found in result.same.items())
    honest = ", ".join(f"{title(m)} {estimate(m, found)}" for m, found in result.honest.items())
    parts = [same, f"honest {honest}" if honest else "", result.shown, *result.files]
    return f"{result.row}: {'; '.join(part for part in parts if part)}"


def told(row: Row, figures: Mapping[str, T]) -> list[tuple[str, T]]:
    """Figures in the order of publication; what was not published comes last."""
    first = [metric for metric in row.published if metric in figures]
    rest = [metric for metric in figures if metric not in first]
    return [(metric, figures[metric]) for metric in first + rest]


def _metric(row: Row, result: Result, metric: str) -> str:
    ours = result.same[metric]
    parts = []
    if metric in row.published:
        gap = ours.mean - row.published[metric]
        parts.append(f"ours less published {signed(metric, gap)}" if gap else "the published value")
    if metric in result.honest and metric != "seconds":
        left = result.honest[metric].value - ours.mean
        parts.append(f"honest less ours {signed(metric, left)}")
        parts += _faults([w for w in result.worth if w.metric == metric])
    return f"{title(metric)}: {', '.join(parts)}" if parts else ""


def _faults(worth: list[Worth]) -> list[str]:
    """Every fault by itself, the largest first."""
    ordered = sorted(worth, key=lambda w: -abs(w.difference))
    told = [f"`{w.fault}` {signed(w.metric, w.difference)}" for w in ordered]
    return [f"one fault alone: {', '.join(told)}"] if told else []
