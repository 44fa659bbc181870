"""Which models are better than the yardstick, by a paired test and not by their place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from reelbench.evaluation.significance import (
    ALPHA,
    Comparison,
    compared,
    enough_resamples,
    holm,
    resampling,
)
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
    rated = {result.name: result.per_user for result in results if result.predicts_ratings}
    return against_baseline(rated, samples, seed)


def against_baseline(
    per_user: Mapping[str, pd.DataFrame], samples: int, seed: int
) -> list[Verdict]:
    """The same from per-user tables of squared errors by model.

    Args:
        samples: resamples; more are drawn where the correction needs them.
    """
    others = [model for model in per_user if model != BASELINE]
    if BASELINE not in per_user or not others:
        return []
    tables = [per_user[BASELINE], *(per_user[model] for model in others)]
    pairs = [(number, 0) for number in range(1, len(tables))]
    samples = enough_resamples(samples, len(pairs))
    comparisons = compared(tables, pairs, "rmse", samples, resampling(seed))
    corrected = holm(np.array([comparison.p for comparison in comparisons]))
    return [
        Verdict(model, comparison, float(p))
        for model, comparison, p in zip(others, comparisons, corrected, strict=True)
    ]
