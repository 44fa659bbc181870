"""A replication as a list of parts: each makes some rows, and one that fails hides no other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from reelbench.params import ParamsError
from replications.plan import Plan, carry_out
from replications.result import Result
from replications.rows import Row, System
from replications.study import Study
from replications.workspace import StepError

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Part:
    """Rows that are made together; `run` gives a result for each of them."""

    rows: tuple[str, ...]
    run: Callable[[Study], Sequence[Result]]


@dataclass(frozen=True)
class Script:
    """What is done for one system.

    Attributes:
        parts: in the order in which they run.
    """

    parts: tuple[Part, ...]


def of_plans(plans: Iterable[Plan], system: System) -> list[Part]:
    """A part per plan."""
    rows: dict[str, Row] = {row.id: row for row in system.rows}
    return [Part(tuple(plan.rows), partial(carry_out, plan, rows=rows)) for plan in plans]


def carried_out(
    script: Script, study: Study, system: System, rows: Collection[str] = ()
) -> dict[str, Result]:
    """A result for every row of the system, in its order; what failed says so.

    With `rows`, of the parts that make one of these alone.
    """
    found: dict[str, Result] = {}
    for part in script.parts:
        if not rows or set(part.rows) & set(rows):
            found |= {result.row: result for result in _tried(part, study)}
    return {row.id: found[row.id] for row in system.rows if row.id in found}


def _tried(part: Part, study: Study) -> Sequence[Result]:
    _LOG.info("%s: %s", study.preset, ", ".join(part.rows))
    start = len(study.ran)
    try:
        return [_with_cost(result, study, start) for result in part.run(study)]
    except (StepError, ParamsError) as error:
        _LOG.error("%s: %s", ", ".join(part.rows), error)
        why = str(error)
    except Exception as error:  # hours of other rows must not be lost for it
        _LOG.exception("%s", ", ".join(part.rows))
        why = f"{type(error).__name__}: {error}"
    return [Result(row=row, not_run=f"failed: {why}") for row in part.rows]


def _with_cost(result: Result, study: Study, start: int) -> Result:
    """Seconds and memory of the steps behind a row that does not say so itself."""
    if result.seconds is not None or len(study.ran) == start:
        return result
    seconds, memory = study.cost(start)
    return result.model_copy(update={"seconds": round(seconds, 1), "peak_memory_bytes": memory})
