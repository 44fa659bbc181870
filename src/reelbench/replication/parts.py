"""A replication as a list of parts: each makes some rows, and one that fails hides no other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from reelbench.params import ParamsError
from reelbench.replication.plan import Plan, carry_out
from reelbench.replication.result import Result
from reelbench.replication.rows import Row, System
from reelbench.replication.study import Study
from reelbench.replication.workspace import StepError

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
        gaps: rows that nothing makes yet, and why.
    """

    parts: tuple[Part, ...]
    gaps: Mapping[str, str]


def of_plans(plans: Iterable[Plan], system: System) -> list[Part]:
    """A part per plan."""
    rows: dict[str, Row] = {row.id: row for row in system.rows}
    return [Part(tuple(plan.rows), partial(carry_out, plan, rows=rows)) for plan in plans]


def carried_out(script: Script, study: Study, system: System) -> dict[str, Result]:
    """A result for every row of the system, in its order; what failed says so."""
    found = {row: Result(row=row, not_run=why) for row, why in script.gaps.items()}
    for part in script.parts:
        found |= {result.row: result for result in _tried(part, study)}
    return {row.id: found[row.id] for row in system.rows}


def _tried(part: Part, study: Study) -> Sequence[Result]:
    _LOG.info("%s: %s", study.preset, ", ".join(part.rows))
    try:
        return part.run(study)
    except (StepError, ParamsError) as error:
        _LOG.error("%s: %s", ", ".join(part.rows), error)
        return [Result(row=row, not_run=f"failed: {error}") for row in part.rows]
