"""The plan of the project in the working directory, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from reelbench import params
from reelbench.costs import plan, predict, speed
from reelbench.costs.budget import size_text
from reelbench.costs.plan import Plan
from reelbench.costs.predict import Cost
from reelbench.costs.sizes import sizes_of


def current(
    content: Mapping[str, Any], ratings: int | None, users: int | None, items: int | None
) -> Plan:
    """Plan for the content of `params.yaml`, for data of a size that is stated or else known.

    Raises:
        ParamsError: a parameter cannot be used, nothing is known of the size, or only a part of it
            is stated.
    """
    stated = (ratings, users, items)
    if any(stated) and not all(stated):
        raise params.ParamsError("--ratings, --users and --items go together")
    sizes = sizes_of(content, tuple(n for n in stated if n))
    return plan.make(content, sizes, speed.slowness(predict.reference_seconds()))


def table(found: Plan) -> Table:
    """A row per step, and the total."""
    sizes = found.sizes
    shown = Table(
        title=f"{sizes.all_ratings:,} ratings of {sizes.items:,} movies by {sizes.users:,} users",
        caption="A run in which every stage is executed; the memory of the total is the largest. "
        f"This machine is taken to need {found.slowness:.1f} times the seconds of the one that was "
        "measured.",
        title_justify="left",
        caption_justify="left",
    )
    shown.add_column("stage")
    for title in ("seconds", "±", "memory", "disk"):
        shown.add_column(title, justify="right")
    shown.add_column("")
    for step in found.steps:
        skipped = f"skipped: {step.skipped}" if step.skipped else ""
        shown.add_row(step.name, *_texts(step.cost), skipped or ("" if step.cost else "unknown"))
    shown.add_section()
    shown.add_row("total", *_texts(found.total), "")
    return shown


def _texts(cost: Cost | None) -> tuple[str, ...]:
    if cost is None:
        return ("",) * 4
    seconds = (f"{number:,.1f}" for number in cost.seconds)
    return (*seconds, size_text(cost.memory.value), size_text(cost.disk.value))
