"""`reports/replication.md`: every published row, what we get, and what made the difference."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from reelbench.files import atomic
from reelbench.replication.result import PAGE, Report, Result, read_all
from reelbench.replication.rows import Row, System, systems
from reelbench.replication.words import MISSING, estimate, number, spread, title, told

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


def write(file: Path = PAGE) -> Path:
    """Render all reports that there are; the file that was written."""
    with atomic(file) as temporary:
        temporary.write_text(render(systems(), read_all()), encoding="utf-8")
    return file


def render(known: Sequence[System], reports: Mapping[str, Report]) -> str:
    """The whole page: a section per system, a line per row of it."""
    blocks = ["# Replication of five published systems", _NOTE]
    for system in known:
        blocks += _section(system, reports.get(system.preset))
    return "\n\n".join(blocks) + "\n"


def _section(system: System, report: Report | None) -> list[str]:
    about = f"Run: `reelbench replicate {system.preset}`."
    if report is not None:
        about += f" Data: `{report.data}`; {report.seeds} seeds. {report.about}".rstrip()
    lines = ["| " + " | ".join(_HEAD) + " |", "|" + " --- |" * len(_HEAD)]
    lines += [_line(row, _result(row, report)) for row in system.rows]
    return [f"## {system.system}. {system.title}", about, "\n".join(lines)]


def _result(row: Row, report: Report | None) -> Result:
    why = "this system was not replicated yet"
    found = report.rows.get(row.id) if report is not None else None
    if report is not None:
        why = "the replication has no such step yet"
    return found or Result(row=row.id, not_run=why)


def _line(row: Row, result: Result) -> str:
    cells = [
        f"`{row.id}`",
        f"{row.step}: {row.what}",
        _published(row),
        _cell(f"{title(m)} {spread(m, found)}" for m, found in told(row, result.same)),
        _cell(f"{title(m)} {estimate(m, found)}" for m, found in told(row, result.honest)),
        _difference(result),
    ]
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _published(row: Row) -> str:
    if not row.published:
        return MISSING
    figures = _cell(f"{title(m)} {number(m, value)}" for m, value in row.published.items())
    return f"{figures} ({row.protocol})"


def _difference(result: Result) -> str:
    if result.not_run:
        return f"not run: {result.not_run}"
    files = [f"[{Path(file).name}]({Path(file).relative_to(PAGE.parent)})" for file in result.files]
    return " ".join(part for part in (result.shown, result.line, ", ".join(files)) if part)


def _cell(parts: Iterable[str]) -> str:
    return ", ".join(parts) or MISSING
