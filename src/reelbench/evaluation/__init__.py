"""How good predictions and rankings are, and how sure one can be of it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from reelbench.params import Section


class EvaluateConfig(Section):
    """What is ranked, what counts as relevant, and how far down a list one looks."""

    #: cutoffs of the ranking metrics; the leaderboard shows the first
    k: tuple[PositiveInt, ...] = Field(min_length=1)
    #: a test rating counts as relevant from this value on; None: every test rating
    min_relevant_rating: float | None
    #: what may be recommended: every item, or those with a row in train. Other relevant items are
    #: still missed, in either case
    candidates: Literal["catalogue", "train"]
    #: a model's score for ranking, or its predicted rating, whose clipping to the scale makes ties
    rank_by: Literal["score", "prediction"]
    #: feature block that says how alike two items are, beside genres; `ids` says nothing
    similarity: str
    #: bins of equal width over the rating scale, to hold predicted against given ratings
    calibration_bins: PositiveInt
    #: the report looks at the movies with at most so many ratings in train by themselves
    rare_item_ratings: NonNegativeInt
    #: resamples of the users behind every interval and paired test; a report that compares many
    #: models draws more, or the correction for their number would leave no difference
    bootstrap_samples: PositiveInt
