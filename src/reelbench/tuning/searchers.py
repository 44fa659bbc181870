"""Who proposes the trials of which model: the one place that says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from reelbench.tuning import bayesian, quasi_random, surprise_search
from reelbench.tuning.space import Space
from reelbench.tuning.study import Study


class Searcher(NamedTuple):
    """A search by the name that the report gives it; it ends when the study is done."""

    name: str
    search: Callable[[Study], None]


GRID = Searcher("grid search (Surprise)", surprise_search.grid)
SAMPLED = Searcher("random search (Surprise)", surprise_search.sampled)
BAYESIAN = Searcher("Bayesian optimisation (Keras Tuner)", bayesian.search)
QUASI_RANDOM = Searcher("Halton sequence (SciPy)", quasi_random.search)

_NETWORKS = "reelbench.models.network."
_SVD = "reelbench.models.svd."


def searcher_of(target: str, space: Space, trials: int) -> Searcher:
    """The searcher of a model.

    Args:
        target: the model's class, by its dotted name.
        trials: the budget; a grid that has more settings is sampled.
    """
    if target.startswith(_NETWORKS):
        return BAYESIAN
    if target.startswith(_SVD):
        return GRID if space.is_grid and space.size <= trials else SAMPLED
    return QUASI_RANDOM
