"""Which models are better than the yardstick, by a paired test and not by their place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from reelbench.evaluation.significance import ALPHA, Comparison, holm, paired, resampling
from reelbench.reporting.results import Result

BASELINE = "bias"


class Verdict(NamedTuple):
    """One model against the yardstick; a negative difference in RMSE is an improvement."""

    model: str
    comparison: Comparison
    #: p-value after Holm's correction for all models that are compared
    p_corrected: float

    @property
    def is_better(self) -> bool:
        """Significantly lower error."""
        return self.p_corrected < ALPHA and self.comparison.difference < 0

    @property
    def is_worse(self) -> bool:
        """Significantly higher error."""
        return self.p_corrected < ALPHA and self.comparison.difference > 0


def verdicts(results: Sequence[Result], samples: int, seed: int) -> list[Verdict]:
    """Every rating model against `bias` in RMSE, by a paired bootstrap over users.

    Returns:
        in the order of `results`; empty where there is no `bias` to compare with.
    """
    baseline = next((result for result in results if result.name == BASELINE), None)
    others = [r for r in results if r.name != BASELINE and r.predicts_ratings]
    if baseline is None or not others:
        return []
    comparisons = [
        paired(other.per_user, baseline.per_user, "rmse", samples, resampling(seed))
        for other in others
    ]
    corrected = holm(np.array([comparison.p for comparison in comparisons]))
    return [
        Verdict(other.name, comparison, float(p))
        for other, comparison, p in zip(others, comparisons, corrected, strict=True)
    ]
