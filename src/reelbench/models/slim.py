"""Model `slim`: a sparse linear model from a user's movies to all others.

Ning & Karypis (2011), "SLIM: Sparse Linear Methods for Top-N Recommender Systems". With X the
users' rows and x_j its column of movie j, the scores are XB, where the column b of movie j, with
b_j = 0 and b ≥ 0 unless `non_negative` is off, minimises

    ½ ‖x_j - Xb‖² + ½ l2 ‖b‖² + l1 ‖b‖₁

Coordinate descent (Friedman, Hastie & Tibshirani 2010, "Regularization Paths for Generalized Linear
Models via Coordinate Descent") works on XᵀX, so that its time does not depend on the number of
ratings. It is the elastic net of scikit-learn with alpha = (l1 + l2) / n_users and l1_ratio = l1 /
(l1 + l2).
"""

from functools import partial

import numpy as np
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from scipy import sparse

from reelbench.machine import memory_bytes
from reelbench.models.base import Interactions, Saved
from reelbench.models.shared.fold_in import PreferenceConfig, PreferenceRanker
from reelbench.models.shared.user_items import gram
from reelbench.parallel import kernel, square_by_rows
from reelbench.params import ParamsError

_BYTES = 8  # per entry of XᵀX
_SHARE = 0.75  # of the memory that a fit may take


class SLIMConfig(PreferenceConfig):
    """Parameters; penalties are in ratings, as that of `ease`."""

    l1: NonNegativeFloat = 5.0  # L1 penalty: the greater, the fewer weights
    l2: PositiveFloat = 100.0  # L2 penalty
    non_negative: bool = True  # whether weights below 0 are ruled out, as in the paper
    #: weights are sought among so many movies, those of the highest cosine with a movie (fsSLIM in
    #: the paper); None: among all
    neighbours: PositiveInt | None = None
    epochs: PositiveInt = 200  # passes over the weights of a movie, at most
    #: largest change of a weight in the last pass
    tolerance: float = Field(1e-4, gt=0, lt=1)


class SLIM(PreferenceRanker):
    """SLIM on weighted ratings; an item without ratings has the score 0. Fold-in is exact.

    Memory: 8·n_items² bytes in training, of which more than three quarters of the machine's is a
    ParamsError; what is kept is sparse.

    >>> train = Interactions.from_arrays([0, 0, 1, 1, 2], [0, 1, 0, 2, 1], [5, 3, 4, 2, 1])
    >>> model = SLIM(l1=0.1, l2=1.0).fit(train)
    >>> model.score([2]).round(2)
    array([[0.3, 0. , 0. ]], dtype=float32)
    >>> model.fold_in([1], [1.0]).score([-1]).round(2)  # has rated what user 2 has
    array([[0.3, 0. , 0. ]], dtype=float32)
    """

    config: SLIMConfig
    _weights: Saved[sparse.csr_array]

    def _learn(self, chosen: sparse.csr_array, valid: Interactions) -> None:
        """Weights, float32 CSR (n_items, n_items): a column for each movie that is scored."""
        size, config = chosen.shape[1], self.config
        if (needed := _BYTES * size**2) > _SHARE * memory_bytes():
            raise ParamsError(
                f"slim needs {needed / 1e9:.1f} GB for a matrix of {size:,} by {size:,} movies, "
                "more than three quarters of the memory: keep fewer movies with "
                "filter.min_per_item in conf/config.yaml"
            )
        products = gram(chosen, self.threads)
        diagonal = np.diagonal(products).copy()
        products += products.T
        products[np.diag_indices(size)] = diagonal
        penalties = config.l1, config.l2, 0.0 if config.non_negative else -np.inf
        bounds = min(config.neighbours or size, size), config.epochs, config.tolerance

        def rows_of(first: int, last: int) -> tuple[np.ndarray, ...]:
            return _descend(products, first, last, penalties, bounds)

        by_target = square_by_rows(rows_of, size, self.threads)
        self._weights = sparse.csr_array(by_target.T.tocsr().astype(np.float32))

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        return (self._profiles.rows(user_idx) @ self._weights).toarray()


@partial(kernel, reorder=True)
def _descend(
    products: np.ndarray,
    first: int,
    last: int,
    penalties: tuple[float, float, float],
    bounds: tuple[int, int, float],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights for the movies from `first` to `last`: how many each has, of which movies, values.

    Passes go over a set of movies until these stand still. Then the movies that would get a weight
    join it, the strongest first and so many that it doubles at most; where there are none, all
    conditions of the minimum hold.
    """
    l1, l2, lowest = penalties
    most, epochs, tolerance = bounds
    size = len(products)
    diagonal = np.diag(products).copy()
    counts = np.zeros(last - first, np.int64)
    columns = np.empty((last - first) * most, np.int32)
    values = np.empty((last - first) * most, np.float32)
    found = 0
    for target in range(first, last):
        slope = products[target].copy()  # minus the gradient of the quadratic part
        free = diagonal > 0
        free[target] = False
        if most < size:
            cosine = np.where(free, slope / np.sqrt(np.maximum(diagonal, 1e-300)), -1.0)
            free[np.argsort(-cosine, kind="mergesort")[most:]] = False
        members, weights = np.empty(0, np.int64), np.empty(0)
        while True:
            strength = slope if lowest == 0.0 else np.abs(slope)
            strength = np.where(free, (strength - l1) / (diagonal + l2), 0.0)
            joining = np.flatnonzero(strength > tolerance)
            if len(joining) == 0:
                break
            order = np.argsort(-strength[joining], kind="mergesort")
            joining = joining[order[: 64 + len(members)]]
            free[joining] = False
            members = np.append(members, joining)
            weights = np.append(weights, np.zeros(len(joining)))
            own = np.empty((len(members), len(members)), products.dtype)
            for place in range(len(members)):
                own[place] = products[members[place]][members]
            before, pulls = weights.copy(), slope[members]
            for _ in range(epochs):
                largest = 0.0
                for place in range(len(members)):
                    square = own[place, place]
                    pull = pulls[place] + square * weights[place]
                    size_of = max(abs(pull) - l1, 0.0) / (square + l2)
                    change = max(np.sign(pull) * size_of, lowest) - weights[place]
                    if change != 0.0:
                        weights[place] += change
                        largest = max(largest, abs(change))
                        for other in range(len(members)):
                            pulls[other] -= change * own[place, other]
                if largest <= tolerance:
                    break
            for place in range(len(members)):
                change = weights[place] - before[place]
                if change != 0.0:
                    row = products[members[place]]
                    for other in range(size):
                        slope[other] -= change * row[other]
        for place in np.argsort(members):
            if weights[place] != 0.0:
                columns[found], values[found] = members[place], weights[place]
                counts[target - first] += 1
                found += 1
    return counts, columns[:found], values[:found]
