"""Which numbers moved between two results, which moves are too much, and a table of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from reelbench.evaluation.metrics import ComparableKey, find
from reelbench.evaluation.significance import (
    ALPHA,
    Comparison,
    enough_resamples,
    holm,
    paired,
    resampling,
)
from reelbench.gate.results import ModelResults
from reelbench.params import Section
from reelbench.templates import filled

# smaller relative changes are another processor's rounding
_ROUNDING = 1e-7


class CostLimit(Section):
    """By how much a cost may grow."""

    ratio: PositiveFloat  # largest ratio of new to base
    floor: NonNegativeFloat  # smaller costs count as this much, since small times are mostly noise


class GateConfig(Section):
    """Section `gate` of the parameters: what stops a merge."""

    #: gated metric → relative loss that passes even where it is significant
    tolerances: dict[ComparableKey, NonNegativeFloat]
    #: limit by the key of a cost; compared on the same machine only
    cost_limits: dict[str, CostLimit]
    bootstrap_samples: PositiveInt  # resamples of the users in every paired test


@dataclass
class Row:
    """One number of one model, before and after."""

    model: str
    key: str
    base: float | None  # the number in the baseline; None where it has none
    new: float | None  # the number in the new results; None where they have none
    gated: bool = False  # whether it can stop a merge
    #: new minus base, paired by user; None where it is not tested
    comparison: Comparison | None = None
    p_corrected: float | None = None  # after Holm's correction for all gated rows that are tested
    failure: str = ""  # why it stops the merge; empty if it does not

    @property
    def change(self) -> float | None:
        """Relative change; None where it is not defined."""
        if self.base is None or self.new is None or self.base == 0:
            return None
        return (self.new - self.base) / abs(self.base)

    @property
    def loss(self) -> float:
        """How much worse a metric is, relative to the base; negative for an improvement."""
        change = self.change or 0.0
        return change if find(self.key).better == "lower" else -change

    @property
    def moved(self) -> bool:
        """Whether the two numbers differ by more than rounding."""
        if self.base is None or self.new is None:
            return self.base is not self.new
        return abs(self.new - self.base) > _ROUNDING * max(abs(self.base), abs(self.new))


def compare(
    base: Mapping[str, ModelResults], new: Mapping[str, ModelResults], config: GateConfig, seed: int
) -> list[Row]:
    """Every number that moved, failures and gated rows first; a missing model is a failure.

    A gated metric fails where it is worse by more than its tolerance and significantly so in the
    paired test. Without tables to test with, the tolerance decides alone.
    """
    samples = enough_resamples(config.bootstrap_samples, len(base) * len(config.tolerances))
    config = config.model_copy(update={"bootstrap_samples": samples})
    rows: list[Row] = []
    for model in base:
        if model not in new:
            gone = "the model is gone: save a new baseline if that is meant"
            rows.append(Row(model, "model", 1.0, None, gated=True, failure=gone))
            continue
        rows += _metrics(model, base[model], new[model], config, seed)
        rows += _costs(model, base[model], new[model], config)
    rows += [Row(model, "model", None, 1.0) for model in new if model not in base]
    rows = [row for row in rows if row.moved]
    corrected = iter(holm(np.array([row.comparison.p for row in rows if row.comparison])))
    for row in rows:
        if row.comparison:
            row.p_corrected = float(next(corrected))
        row.failure = row.failure or _failure(row, config.tolerances.get(row.key))
    return sorted(rows, key=lambda row: (not row.failure, not row.gated))


def _metrics(
    model: str, base: ModelResults, new: ModelResults, config: GateConfig, seed: int
) -> Iterator[Row]:
    before, after = base.numbers(), new.numbers()
    for key in sorted({*before, *after}):
        row = Row(model, key, before.get(key), after.get(key), key in config.tolerances)
        if row.gated and row.moved:
            _test(row, base.per_user, new.per_user, config.bootstrap_samples, seed)
        yield row


def _test(
    row: Row, base: pd.DataFrame | None, new: pd.DataFrame | None, samples: int, seed: int
) -> None:
    """Compare the values per user, where there are any."""
    if row.new is None:
        row.failure = "the metric is gone"
    elif row.base is not None and base is not None and new is not None and find(row.key).per_user:
        try:
            row.comparison = paired(new, base, row.key, samples, resampling(seed))
        except ValueError as error:
            row.failure = f"cannot be compared: {error}"


def _failure(row: Row, tolerance: float | None) -> str:
    """Why a row fails its tolerance; empty if it does not, or has none."""
    if tolerance is None or row.loss <= tolerance:
        return ""
    if row.p_corrected is None:
        why = "no values per user to test with"
    elif row.p_corrected < ALPHA:
        why = f"p = {row.p_corrected:.3f}"
    else:
        return ""
    return f"worse by {row.loss:.1%}, more than the {tolerance:.1%} allowed ({why})"


def _costs(model: str, base: ModelResults, new: ModelResults, config: GateConfig) -> Iterator[Row]:
    """Costs with a limit, gated only where both were measured on the same machine."""
    same = base.machine is not None and base.machine == new.machine
    for key, limit in config.cost_limits.items():
        before, after = base.costs.get(key), new.costs.get(key)
        if before is None or after is None:
            continue
        ratio = max(after, limit.floor) / max(before, limit.floor, 1e-12)
        failure = ""
        if same and ratio > limit.ratio:
            failure = f"{ratio:.2f} times as much, more than {limit.ratio:g} times"
        yield Row(model, key, before, after, gated=same, failure=failure)


def render(rows: Sequence[Row], base: str, new: str) -> str:
    """Markdown for a terminal or the summary of a CI job."""
    return filled(Path(__file__).with_suffix(".jinja"), rows=rows, base=base, new=new)
