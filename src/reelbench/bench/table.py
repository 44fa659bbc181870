"""The comparison as Markdown, for a terminal and for the summary of a CI job."""

from __future__ import annotations

from collections.abc import Sequence

from reelbench.bench.compare import Row

_HEAD = ["model", "what", "base", "new", "change", "95 % of the difference", "p", "verdict"]


def render(rows: Sequence[Row], base: str, new: str) -> str:
    """Verdict, gated rows that moved, and the others folded away."""
    failed = [row for row in rows if row.failure]
    gated = [row for row in rows if row.gated]
    others = [row for row in rows if not row.gated]
    blocks = [f"## Benchmark: {new} against {base}", _verdict(failed, rows)]
    if gated:
        blocks.append(_table(gated))
    if others:
        summary = f"<summary>{len(others)} other numbers moved</summary>"
        blocks.append(f"<details>{summary}\n\n{_table(others)}\n\n</details>")
    return "\n\n".join(blocks) + "\n"


def _verdict(failed: Sequence[Row], rows: Sequence[Row]) -> str:
    if not rows:
        return "Nothing moved."
    if not failed:
        return "**Passed**: nothing that is gated got worse by more than is allowed."
    lines = [f"- `{row.model}` {row.key}: {row.failure}" for row in failed]
    return "\n".join(["**Stopped**:\n", *lines])


def _table(rows: Sequence[Row]) -> str:
    lines = [_HEAD, ["---", "---", "---:", "---:", "---:", "---:", "---:", "---"]]
    lines += [_cells(row) for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(row: Row) -> list[str]:
    interval = p = ""
    if row.comparison:
        interval = f"[{row.comparison.low:+.4f}, {row.comparison.high:+.4f}]"
    if row.p_corrected is not None:
        p = f"{row.p_corrected:.3f}"
    change = "" if row.change is None else f"{row.change:+.2%}"
    return [
        f"`{row.model}`",
        row.key,
        _number(row.base),
        _number(row.new),
        change,
        interval,
        p,
        f"**{row.failure}**" if row.failure else "ok" if row.gated else "",
    ]


def _number(value: float | None) -> str:
    return "—" if value is None else f"{value:.6g}"
