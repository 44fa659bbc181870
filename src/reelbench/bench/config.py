"""Section `bench` of the parameters."""

from __future__ import annotations

from pydantic import NonNegativeFloat, PositiveFloat

from reelbench.evaluation.metrics import ComparableKey
from reelbench.params import Section


class CostLimit(Section):
    """How much dearer a model may become."""

    #: new over base, at most
    ratio: PositiveFloat
    #: what is below counts as this much: small times are mostly noise
    floor: NonNegativeFloat


class BenchConfig(Section):
    """What stops a merge."""

    #: gated metric → relative loss up to which even a significant one is let through
    tolerances: dict[ComparableKey, NonNegativeFloat]
    #: cost by its key in the cost files; compared on the same machine only
    cost_limits: dict[str, CostLimit]
    #: resamples of the users behind every paired test
    bootstrap_samples: int
