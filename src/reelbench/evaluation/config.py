"""Section `evaluate` of the parameters, alone in a file: the report needs it and no model."""

from __future__ import annotations

from pydantic import Field, PositiveInt

from reelbench.params import Section


class EvaluateConfig(Section):
    """What counts as relevant, and how far down a list one looks."""

    #: cutoffs of the ranking metrics; the leaderboard shows the first
    k: tuple[PositiveInt, ...] = Field(min_length=1)
    #: a test rating counts as relevant from this value on; None: every test rating
    min_relevant_rating: float | None
    #: resamples of the users behind every interval and paired test
    bootstrap_samples: PositiveInt
