"""`reports/replication.md`: every published row, what we get, and what made the difference."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from reelbench import paths
from reelbench.files import atomic
from replications.table import Line

_HEAD = ("row", "what", "published", "same protocol", "honest", "what made the difference")
_NOTE = """\
Five published recommenders, every row of them.

- *Published* is what was printed, on the protocol named beside it.
- *Same protocol* is our model with the same faults: mean ± standard deviation over root seeds,
  which draw a random split too.
- *Honest* is the same model where nothing leaks, with its 95 % interval: users drawn with
  replacement, or rows where one pseudo-user stands for all.
- A fault's worth is the honest protocol with that fault alone, less the honest protocol.

`reelbench replicate NAME` runs a table again: [docs/replication.md](../docs/replication.md)."""


def write(lines: Sequence[Line], file: Path = paths.REPLICATION_MD) -> None:
    """Render all rows."""
    with atomic(file) as temporary:
        temporary.write_text(render(lines), encoding="utf-8")


def render(lines: Sequence[Line]) -> str:
    """The whole page: a section per system, a line per row of it."""
    blocks = ["# Replication of five published systems", _NOTE]
    for (system, about), group in groupby(lines, key=lambda line: (line.system, line.about)):
        head = ["| " + " | ".join(_HEAD) + " |", "|" + " --- |" * len(_HEAD)]
        blocks += [f"## {system}", about, "\n".join(head + [_row(line) for line in group])]
    return "\n\n".join(blocks) + "\n"


def _row(line: Line) -> str:
    links = [f"[{Path(file).name}]({Path(file).relative_to(paths.REPORTS)})" for file in line.files]
    last = " ".join(part for part in (line.difference, ", ".join(links)) if part)
    cells = [f"`{line.row}`", line.what, line.published, line.same, line.honest, last]
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
