"""Published rows beside ours as text: `table.csv` for the report, `reports/replication.md`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from typing import NamedTuple, TypeVar

import pandas as pd

from reelbench import paths
from reelbench.files import atomic
from replications.published import Estimate, Report, Result, Row, Spread, System, read_all, systems

F = TypeVar("F")

_MISSING, _MINUS = "\u2013", "\u2212"
_TITLES = {
    "rmse": "RMSE",
    "mae": "MAE",
    "mse": "MSE",
    "r2": "R²",
    "recall_at_10": "Recall@10",
    "precision_at_20": "Precision@20",
    "precision_at_20_train": "Precision@20 on train",
    "train_mse": "MSE on train",
    "n_test": "test ratings",
}
_HEAD = ("row", "what", "published", "same protocol", "honest", "what made the difference")
_NOTE = """\
Five published recommenders, every row of their tables.

- *Published*: the printed figure, with the protocol it was measured on.
- *Same protocol*: our model with the same faults; mean ± standard deviation over root seeds, which
  also draw a random split.
- *Honest*: the same model where nothing leaks, with a 95 % interval; users are resampled, or rows
  where one pseudo-user stands for all.
- *One fault alone*: the honest protocol with that fault, minus the honest protocol.

`reelbench replicate NAME` re-runs a table and draws its figures:
[docs/replication.md](../docs/replication.md)."""


class Line(NamedTuple):
    """A row of a system's table, as text.

    Attributes:
        system: letter and title.
        about: what the system was run on.
        difference: what made the difference, or what the row gave.
        files: figures that it wrote, relative to the checkout, separated by blanks.
    """

    system: str
    about: str
    row: str
    what: str
    published: str
    same: str
    honest: str
    difference: str
    files: str


def write() -> None:
    """Write the CSV and the Markdown of all stored reports."""
    found = lines(systems().values(), read_all())
    with atomic(paths.REPLICATION_TABLE) as file:
        pd.DataFrame(found).to_csv(file, index=False, lineterminator="\n")
    with atomic(paths.REPLICATION_MD) as file:
        file.write_text(render(found), encoding="utf-8")


def lines(known: Iterable[System], reports: Mapping[str, Report]) -> list[Line]:
    """A line for every row of every system, whether it has run or not."""
    return [
        _line(system, row, reports.get(system.preset)) for system in known for row in system.rows
    ]


def render(found: Iterable[Line]) -> str:
    """The Markdown page: a section per system, a table row per line."""
    blocks = ["# Replication of five published systems", _NOTE]
    for (system, about), group in groupby(found, key=lambda line: (line.system, line.about)):
        head = ["| " + " | ".join(_HEAD) + " |", "|" + " --- |" * len(_HEAD)]
        blocks += [f"## {system}", about, "\n".join(head + [_table_row(line) for line in group])]
    return "\n\n".join(blocks) + "\n"


def _table_row(line: Line) -> str:
    cells = [f"`{line.row}`", line.what, line.published, line.same, line.honest, line.difference]
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _line(system: System, row: Row, report: Report | None) -> Line:
    missing = Result(not_run="not in the results" if report else "this system was not re-run yet")
    result = report.rows.get(row.id, missing) if report else missing
    about = f"Data: `{report.data}`; seeds: {report.seeds}. {system.about}" if report else ""
    figures = _joined(row, row.published, number)
    return Line(
        system=f"{system.system}. {system.title}",
        about=f"Run: `reelbench replicate {system.preset}`. {about}".rstrip(),
        row=row.id,
        what=f"{row.step}: {row.what}",
        published=f"{figures} ({row.protocol})" if row.published else _MISSING,
        same=_joined(row, result.same, spread) or _MISSING,
        honest=_joined(row, result.honest, estimate) or _MISSING,
        difference=f"not run: {result.not_run}"
        if result.not_run
        else " ".join(filter(None, (result.shown, difference(row, result)))),
        files=" ".join(result.files),
    )


def _joined(row: Row, figures: Mapping[str, F], text: Callable[[str, F], str]) -> str:
    """Titles and figures in the order of publication, then those that were not published."""
    order = [m for m in dict.fromkeys([*row.published, *figures]) if m in figures]
    return ", ".join(f"{title(metric)} {text(metric, figures[metric])}" for metric in order)


def difference(row: Row, result: Result) -> str:
    """How far our figures are from the published ones, and where the distance comes from."""
    order = [m for m in dict.fromkeys([*row.published, *result.same]) if m in result.same]
    sentences = [_of_metric(row, result, metric) for metric in order]
    also = result.also.items()
    sentences += [f"{name}: {_joined(row, figures, estimate)}." for name, figures in also]
    return " ".join(filter(None, sentences))


def _of_metric(row: Row, result: Result, metric: str) -> str:
    ours, parts = result.same[metric].mean, []
    if metric in row.published:
        gap = ours - row.published[metric]
        text = f"difference to published: {number(metric, gap, '+')}"
        parts.append(text if gap else "equal to published")
    if metric in result.honest and metric != "seconds":
        left = number(metric, result.honest[metric].value - ours, "+")
        parts.append(f"honest minus same protocol: {left}")
        effects = sorted(result.worth, key=lambda effect: -abs(effect.difference))
        own = [(e.fault, e.difference) for e in effects if e.metric == metric]
        faults = ", ".join(f"`{fault}` {number(metric, value, '+')}" for fault, value in own)
        parts += [f"one fault alone: {faults}"] if faults else []
    return f"{title(metric)}: {'; '.join(parts)}." if parts else ""


def title(metric: str) -> str:
    """A metric's name in text."""
    return _TITLES.get(metric, metric.replace("_", " "))


def number(metric: str, value: float, sign: str = "-") -> str:
    """Counts without decimals, seconds with one (two below one), everything else with four.

    Args:
        sign: `+` shows the sign of positive numbers too.
    """
    seconds, whole = metric == "seconds", float(value).is_integer() and abs(value) >= 2
    digits = (1 if abs(value) >= 1 else 2) if seconds else 0 if whole else 4
    return f"{value:{sign},.{digits}f}".replace("-", _MINUS)


def spread(metric: str, found: Spread) -> str:
    """Mean ± standard deviation, or the mean where there is one run or the figure is a count."""
    text = number(metric, found.mean)
    counted = found.deviation is None or metric == "n_test"
    return text if counted else f"{text} ± {found.deviation:.4f}"


def estimate(metric: str, found: Estimate) -> str:
    """Value [low, high], or the value where there is no interval."""
    text = number(metric, found.value)
    if found.low is None or found.high is None:
        return text
    return f"{text} [{number(metric, found.low)}, {number(metric, found.high)}]"


def summary(row: Row, result: Result) -> str:
    """A result as one line for the terminal."""
    if result.not_run:
        return f"{row.id}: not run: {result.not_run}"
    honest = _joined(row, result.honest, estimate)
    parts = [_joined(row, result.same, spread), f"honest {honest}" if honest else "", result.shown]
    return f"{row.id}: {'; '.join(filter(None, [*parts, *result.files]))}"
