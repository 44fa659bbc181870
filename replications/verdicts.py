"""A verdict on each row: how our figures stand to the printed ones."""

from __future__ import annotations

from enum import StrEnum

from replications.published import Printed, Row, System
from replications.results import Result, Spread

#: runs that a spread needs before a figure within it is near
FEWEST_RUNS = 3
_DEVIATIONS = 2


class Verdict(StrEnum):
    """How a re-run stands to what was printed; the value is its name on the page."""

    EXACT = "exact"
    NEAR = "near"
    OTHER_DATA = "other data"
    DIFFERS = "differs"
    NOT_PRINTED = "not printed"
    NOT_RUN = "not run"


#: what each verdict means, for the page
MEANINGS = {
    Verdict.EXACT: "every printed figure or text is equal to its last digit",
    Verdict.NEAR: f"within {_DEVIATIONS} standard deviations of our mean, of {FEWEST_RUNS} runs up",
    Verdict.OTHER_DATA: "the published data are not at hand: the figures cannot be compared",
    Verdict.DIFFERS: "neither; the row says why",
    Verdict.NOT_PRINTED: "the document has no figure for this step",
}


def verdict(system: System, row: Row, result: Result) -> Verdict:
    """The verdict on a row; times are another machine's and are not judged."""
    if result.not_run:
        return Verdict.NOT_RUN
    judged = {m: figure for m, figure in row.published.items() if not is_cost(m)}
    if not row.published and not row.printed:
        return Verdict.NOT_PRINTED
    if result.data != system.data_set or row.other_data or not (judged or row.printed):
        return Verdict.OTHER_DATA
    texts = not row.printed or row.printed == result.listed
    found = [standing(figure, result.same.get(metric)) for metric, figure in judged.items()]
    if not texts or Verdict.DIFFERS in found:
        return Verdict.DIFFERS
    return Verdict.NEAR if Verdict.NEAR in found else Verdict.EXACT


def standing(printed: Printed, ours: Spread | None) -> Verdict:
    """Exact, near or differs: one figure."""
    if ours is None:
        return Verdict.DIFFERS
    if printed.same(ours.mean):
        return Verdict.EXACT
    enough = ours.runs >= FEWEST_RUNS and ours.deviation is not None
    near = enough and abs(ours.mean - printed) <= _DEVIATIONS * (ours.deviation or 0.0)
    return Verdict.NEAR if near else Verdict.DIFFERS


def is_cost(metric: str) -> bool:
    """Whether a figure is a time, which depends on the machine."""
    return metric == "seconds" or metric.endswith("_seconds")
