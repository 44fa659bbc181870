"""`leaderboard.md`: the leaderboard and how to read it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from reelbench.evaluation.metrics import RatingMetric
from reelbench.reporting.content import Content
from reelbench.reporting.page import environment
from reelbench.reporting.tables import MISSING, Cell, Column, Table


def render(content: Content) -> str:
    """The whole file."""
    known = {key for r in content.results for key in r.metrics.get("intervals", {})}
    # those of rating metrics stand in the first table
    ranking = [c for c in content.columns if c.key in known and not isinstance(c, RatingMetric)]
    text = environment.get_template("leaderboard.md").render(
        content=content,
        leaderboard=_table(content, content.columns, _main_cell),
        intervals=_table(content, ranking, lambda column, cell: cell.interval or MISSING),
    )
    return f"{text}\n"


def _main_cell(column: Column, cell: Cell) -> str:
    text = f"**{cell.text}**" if cell.best else cell.text
    return f"{text} {cell.interval}".strip() if isinstance(column, RatingMetric) else text


def _table(
    content: Content, columns: Sequence[Column], show: Callable[[Column, Cell], str]
) -> Table:
    rows = []
    for model, cells in content.rows:
        by_column = dict(zip(content.columns, cells, strict=True))
        rows.append([model, *(show(column, by_column[column]) for column in columns)])
    return Table(["model", *(c.title for c in columns)], "l" + "r" * len(columns), rows)
