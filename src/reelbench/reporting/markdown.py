"""`leaderboard.md`: the leaderboard and how to read it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from reelbench.evaluation.metrics import RatingMetric
from reelbench.reporting.content import Content, describe
from reelbench.reporting.tables import MISSING, Cell, Column, Table

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
        *_sections(content),
        "## How to read this",
        _notes(content),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _sections(content: Content) -> Iterator[str]:
    """Those of the results that exist."""
    yield _section(content.rare_title, content.rare_note, content.rare_table)
    if content.pairs:
        yield _section("Significant differences", content.significant, content.best_table)
    if content.published:
        yield _section("Published figures", content.published_note, content.published_table)
    if tuning := content.tuning:
        yield _section("Tuning", f"{tuning.budget} {tuning.notes}", tuning.table)


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
        f"- {heading}: " + "; ".join(f"`{pair.first}` ({describe(pair)})" for pair in pairs)
        for heading, pairs in groups
    ]
    return "\n".join([f"{content.better}\n", *lines])


def _intervals(content: Content) -> str:
    shown = [i for i, column in enumerate(content.columns) if _is_ranking(content, column)]
    columns = [content.columns[i] for i in shown]
    rows = [(model, [cells[i] for i in shown]) for model, cells in content.rows]
    return _table(columns, rows, lambda column, cell: cell.interval or MISSING)


def _section(title: str, text: str, table: Table) -> str:
    """A section with a table; without rows it is only text."""
    return "\n\n".join([f"## {title}", text, *([table.markdown()] if table.rows else [])])


def _is_ranking(content: Content, column: Column) -> bool:
    """Whether a column has intervals that the first table leaves out."""
    known = {key for r in content.results for key in r.metrics.get("intervals", {})}
    return column.key in known and not isinstance(column, RatingMetric)


def _main_cell(column: Column, cell: Cell) -> str:
    text = f"**{cell.text}**" if cell.best else cell.text
    return f"{text} {cell.interval}".strip() if isinstance(column, RatingMetric) else text


def _table(columns: Sequence[Column], rows: Iterable[tuple[str, list[Cell]]], show: _Show) -> str:
    titles = ["model", *(column.title for column in columns)]
    texts = [[model, *map(show, columns, cells)] for model, cells in rows]
    return Table(titles, "l" + "r" * len(columns), texts).markdown()
