"""An answer on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from reelbench.serving.answer import Answer, Recommendation


def show(answer: Answer, console: Console) -> None:
    """Heading, note, and a table of movies with their titles in full."""
    heading = f"For {answer.asked}, by {answer.model}"
    console.print(heading, style="bold", markup=False, soft_wrap=True)
    if answer.note:
        console.print(answer.note, style="yellow", markup=False, soft_wrap=True)
    if not answer.recommendations:
        console.print("No movie is left to recommend.")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("movie", overflow="fold", min_width=20)
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("why", overflow="fold")
    for movie in answer.recommendations:
        why = Text("; ".join(movie.reasons))
        table.add_row(f"{movie.rank}", Text(_told(movie)), f"{movie.score:.3g}", why)
    console.print(table)


def _told(movie: Recommendation) -> str:
    return movie.title if movie.year is None else f"{movie.title} ({movie.year})"
