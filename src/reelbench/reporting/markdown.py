"""`leaderboard.md`: the leaderboard and how to read it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from reelbench.evaluation.metrics import RatingMetric
from reelbench.reporting import tuning
from reelbench.reporting.comparisons import BASELINE
from reelbench.reporting.content import Content, describe, describe_pair, describe_rare
from reelbench.reporting.tables import MISSING, Cell, Column, number

_Show = Callable[[Column, Cell], str]


def render(content: Content) -> str:
    """The whole file."""
    parts = content.dataset.part_rows
    sizes = ", ".join(f"{rows:,} {name}" for name, rows in parts.items())
    blocks = [
        "# Leaderboard",
        f"> **{content.warning}**" if content.warning else "",
        f"Data `{content.dataset.name}`, split `{content.split_name}` ({sizes} ratings). Best "
        "values in bold, 95 % intervals in brackets.",
        _table(content.columns, content.rows, _main_cell),
        _verdicts(content),
        "## 95 % intervals of the ranking metrics",
        _intervals(content),
        _rare(content),
        _pairs(content),
        _published(content),
        tuning.markdown(content.tuning),
        "## How to read this",
        _notes(content),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _notes(content: Content) -> str:
    notes = [content.relevance, content.cold, content.machine]
    if content.dataset.leak:
        notes.insert(0, f"What split `{content.split_name}` still leaks: {content.dataset.leak}")
    if content.dataset.population:
        notes.insert(0, content.dataset.population)
    return "\n".join(f"- {note}" for note in notes)


def _verdicts(content: Content) -> str:
    groups = content.verdict_groups()
    if not groups:
        return ""
    lines = [
        f"- {heading}: " + "; ".join(f"`{v.model}` ({describe(v)})" for v in verdicts)
        for heading, verdicts in groups
    ]
    return "\n".join([f"{content.better}\n", *lines])


def _intervals(content: Content) -> str:
    shown = [i for i, column in enumerate(content.columns) if _is_ranking(content, column)]
    columns = [content.columns[i] for i in shown]
    rows = [(model, [cells[i] for i in shown]) for model, cells in content.rows]
    return _table(columns, rows, lambda column, cell: cell.interval or MISSING)


def _pairs(content: Content) -> str:
    if not content.pairs:
        return ""
    lines = [["metric", "model", "best", "model minus best", "95 %", "p", "better"]]
    lines += [["---", "---", "---", "---:", "---:", "---:", "---"]]
    lines += [[pair.metric.title, *describe_pair(pair)] for pair in content.best_pairs]
    return f"## Significant differences\n\n{content.significant}\n\n{_lines(lines)}"


def _rare(content: Content) -> str:
    text = f"## {content.rare_title}\n\n{content.rare_note}"
    if not content.rare.rows:
        return text
    lines = [["model", "RMSE", f"minus {BASELINE}", "95 %", "p", "better"]]
    lines += [["---", "---:", "---:", "---:", "---:", "---"]]
    lines += [describe_rare(row) for row in content.rare.rows]
    return f"{text}\n\n{_lines(lines)}"


def _published(content: Content) -> str:
    if not content.published:
        return ""
    columns = content.published_columns
    rows = [
        (row.algorithm, [Cell(number(row.values.get(c.key), 6)) for c in columns])
        for row in content.published
    ]
    table = _table(columns, rows, lambda column, cell: cell.text)
    return f"## Published figures\n\n{content.published_note}\n\n{table}"


def _is_ranking(content: Content, column: Column) -> bool:
    """Whether a column has intervals that the first table leaves out."""
    known = {key for r in content.results for key in r.metrics.get("intervals", {})}
    return column.key in known and not isinstance(column, RatingMetric)


def _main_cell(column: Column, cell: Cell) -> str:
    text = f"**{cell.text}**" if cell.best else cell.text
    return f"{text} {cell.interval}".strip() if isinstance(column, RatingMetric) else text


def _table(columns: Sequence[Column], rows: Iterable[tuple[str, list[Cell]]], show: _Show) -> str:
    lines = [
        ["model", *(column.title for column in columns)],
        ["---", *("---:" for _ in columns)],
        *([model, *map(show, columns, cells)] for model, cells in rows),
    ]
    return _lines(lines)


def _lines(lines: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
