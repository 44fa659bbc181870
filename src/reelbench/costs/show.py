"""The plan of the project in the working directory, as a table and as JSON."""

from __future__ import annotations

import json

from rich.table import Table

from reelbench import params
from reelbench.costs import plan, predict, speed
from reelbench.costs.budget import size_text
from reelbench.costs.plan import Plan, Step
from reelbench.costs.predict import Cost
from reelbench.costs.sizes import sizes_of


def current(ratings: int | None, users: int | None, items: int | None) -> Plan:
    """Plan for `params.yaml`, and for data of a size that is stated or else known.

    Raises:
        ParamsError: a parameter cannot be used, nothing is known of the size, or only a part of it
            is stated.
    """
    content = params.read()
    if ratings and users and items:
        sizes = sizes_of(content, (ratings, users, items))
    elif ratings or users or items:
        raise params.ParamsError("--ratings, --users and --items go together")
    else:
        sizes = sizes_of(content)
    slowness = speed.slowness(predict.coefficients()["measured"]["sample_seconds"])
    return plan.make(content, sizes, slowness)


def as_json(found: Plan) -> str:
    """The plan, every estimate as `[value, standard error]`."""
    return json.dumps(found.as_dict(), indent=2)


def table(found: Plan) -> Table:
    """A row per step, and the total."""
    sizes = found.sizes
    shown = Table(
        title=f"{sizes.all_ratings:,} ratings of {sizes.items:,} movies by {sizes.users:,} users",
        caption=_caption(found),
        title_justify="left",
        caption_justify="left",
    )
    shown.add_column("stage")
    for title in ("seconds", "±", "memory", "disk"):
        shown.add_column(title, justify="right")
    shown.add_column("")
    for step in found.steps:
        shown.add_row(step.name, *_texts(step.cost), _note(step))
    shown.add_section()
    shown.add_row("total", *_texts(found.total), "")
    return shown


def _texts(cost: Cost | None) -> tuple[str, ...]:
    if cost is None:
        return ("", "", "", "")
    seconds, error = cost.seconds
    return (
        f"{seconds:,.1f}",
        f"{error:,.1f}",
        size_text(cost.memory.value),
        size_text(cost.disk.value),
    )


def _note(step: Step) -> str:
    return f"skipped: {step.skipped}" if step.skipped else "" if step.cost else "unknown"


def _caption(found: Plan) -> str:
    speed_text = (
        "about as fast as"
        if found.slowness == 1
        else f"about {found.slowness:.1f} times slower than"
        if found.slowness > 1
        else f"about {1 / found.slowness:.1f} times faster than"
    )
    unknown = [step.name for step in found.steps if step.cost is None]
    without = f" Without {', '.join(unknown)}, which are unknown." if unknown else ""
    return (
        "For a run in which every stage is executed, one after the other; memory is the largest of "
        f"any stage. This machine is {speed_text} the one that was measured.{without}"
    )
