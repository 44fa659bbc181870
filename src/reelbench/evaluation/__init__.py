"""How good predictions and rankings are, and how certain the difference between two models is."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt

from reelbench.params import ParamsError, Section
from reelbench.paths import CONF, EVALUATION

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]
Flags = NDArray[np.bool_]
Items = NDArray[np.int32]

#: of runs of other libraries (`imported.py`), in the leaderboard's column `family`
IMPORTED = "imported"
NO_ITEM = -1  # marks the empty places of a list that has fewer than k candidates
_SHORT = 1000  # places that a list may have in any catalogue


class EvaluateConfig(Section):
    """Section `evaluate` of the parameters."""

    #: cutoffs of the ranking metrics; the leaderboard shows the first
    k: tuple[PositiveInt, ...] = Field(default=(10,), min_length=1)
    #: smallest rating that counts as relevant; None: every test rating does
    min_relevant_rating: float | None = None
    #: gamma of the inverse-propensity metrics: how much likelier choices of popular items are
    #: observed; -1: no likelier
    propensity_power: float = Field(default=1.5, ge=-1)
    #: what may be recommended: every item, or the items of train. Other relevant items count as
    #: missed in either case
    candidates: Literal["catalogue", "train"] = "catalogue"
    #: ranking by the model's score, or by its predicted rating, where clipping makes ties
    rank_by: Literal["score", "prediction"] = "score"
    #: evaluate so many test users, a sample stratified by their ratings in train; None: all of them
    users: PositiveInt | None = None
    #: feature block whose vectors measure diversity, beside genres; `ids` has none
    similarity: str = "ids"
    calibration_bins: PositiveInt = 16  # bins of equal width over the rating scale for calibration
    #: the report compares models on items with at most so many ratings in train
    rare_item_ratings: NonNegativeInt = 2
    #: share of a metric's value up to which two models are equivalent
    margin: NonNegativeFloat = 0.01
    #: resamples of users for an interval; comparisons of several models draw four times as many
    bootstrap_samples: PositiveInt = 1000

    def check(self, n_items: int) -> None:
        """Refuse, as a ParamsError, lists longer than a catalogue: memory follows their length."""
        if max(self.k) > max(n_items, _SHORT):
            raise ParamsError(
                f"evaluate.k: a list of {max(self.k):,} movies is longer than the catalogue, which "
                f"has {n_items:,}: choose a smaller k in {CONF / 'config.yaml'}"
            )


def evaluated_runs() -> list[str]:
    """Names of the runs that the last evaluation had, sorted."""
    return sorted(file.parent.name for file in EVALUATION.glob("*/run.json"))
