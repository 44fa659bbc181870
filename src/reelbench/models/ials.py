"""Model `ials`: factors of users and items by weighted alternating least squares (`implicit`).

Hu, Koren & Volinsky (2008), "Collaborative Filtering for Implicit Feedback Datasets": a rated pair
is a 1 with a confidence that grows with the rating, any other a 0 with confidence 1. The penalty
decides how good it is: Rendle et al. (2022), "Revisiting the Performance of iALS on Item
Recommendation Benchmarks".

Fold-in solves for one more user: with item factors Y and confidences c (1 for what was not rated)
(YᵀY + Σ (c_i - 1) y_i y_iᵀ + λI)⁻¹ Σ c_i y_i, equation 4 of the paper. Training ends with items, so
its users are close to that.
"""

from functools import cached_property, partial
from typing import Any, Self

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat
from scipy import linalg, sparse

from reelbench.models.base import Ids, Interactions
from reelbench.models.shared.factors import FactorRanker, RankerConfig
from reelbench.models.shared.user_items import NewUser, preference, preferences
from reelbench.parallel import CSR, for_row_blocks, kernel, parts

# of conjugate gradients, as many as implicit takes; and rows that a thread takes at a time
_STEPS = 3
_ROWS_AT_ONCE = 64


class IALSConfig(RankerConfig):
    """Parameters; those of `RankerConfig` have the defaults of `implicit`."""

    regularization: NonNegativeFloat = 0.1  # L2 penalty of the factors, in ratings
    alpha: PositiveFloat = 40.0  # confidence in a pair with the highest rating; 1 without one
    #: how much more a high rating counts than a low one; 0: all have the confidence `alpha`
    rating_power: NonNegativeFloat = 0.0


class IALS(FactorRanker):
    """Implicit ALS; rows of factors are solved for one by one, so threads change nothing.

    >>> train = Interactions.from_arrays([0, 0, 1, 1, 2], [0, 1, 0, 2, 1], [5, 3, 4, 2, 1])
    >>> model = IALS(factors=2, epochs=5, seed=1).fit(train)
    >>> model.score([0]).shape
    (1, 3)
    >>> bool(model.fold_in([0, 1], [5, 5]).score([-1]).argmin() == 2)
    True
    """

    config: IALSConfig

    def _matrix(self, train: Interactions, ids: Ids) -> sparse.csr_array:
        return preferences(train, ids, self.config.rating_power)

    def _learner(self, seed: int) -> Any:
        from implicit.cpu.als import AlternatingLeastSquares

        class _Learner(AlternatingLeastSquares):  # type: ignore[misc, unused-ignore]
            solver = staticmethod(solve_rows)

        return _Learner(
            factors=self.config.factors,
            regularization=self.config.regularization,
            alpha=self.config.alpha,
            iterations=self.config.epochs,
            num_threads=self.threads,
            random_state=seed,
        )

    def _fold_in(self, user: NewUser) -> Self:
        chosen = preference(user.ratings, self.ids, self.config.rating_power)
        confidence = self.config.alpha * chosen.astype(np.float64)
        vectors = []
        for bag, gram in zip(self._bags, self._grams, strict=True):
            own = bag[user.items]
            equations = gram + (own.T * (confidence - 1)) @ own
            equations.flat[:: len(equations) + 1] += self.config.regularization
            vectors.append(linalg.solve(equations, own.T @ confidence, assume_a="sym"))
        return self._with_user(vectors)

    @cached_property
    def _grams(self) -> list[np.ndarray]:
        """YᵀY of every bag, float64 (f, f)."""
        return [bag.T @ bag for bag in self._bags]


def solve_rows(
    confidence: sparse.csr_matrix,
    users: np.ndarray,
    items: np.ndarray,
    regularization: float,
    num_threads: int,
) -> None:
    """Solve for every row of `users` in place, given the items, as implicit's solver does.

    Three steps of conjugate gradients (Takács, Pilászy & Tikk 2011, "Applications of the Conjugate
    Gradient Method for Implicit Feedback Collaborative Filtering") from the row as it is. Users are
    float32 (n_users, f), items likewise; the number of threads changes nothing.
    """
    gram = items.T @ items + np.float32(regularization) * np.eye(items.shape[1], dtype=np.float32)

    def work(rows: slice) -> None:
        _take_steps(parts(confidence), rows.start, rows.stop, gram, users, items)

    for_row_blocks(work, len(users), block=_ROWS_AT_ONCE, threads=num_threads)


@partial(kernel, reorder=True)
def _take_steps(
    confidence: CSR, first: int, last: int, gram: np.ndarray, users: np.ndarray, items: np.ndarray
) -> None:
    starts, columns, values = confidence
    width, one = users.shape[1], np.float32(1.0)
    product, search = np.empty(width, np.float32), np.empty(width, np.float32)
    residual = np.empty(width, np.float32)
    for row in range(first, last):
        own = users[row]
        if starts[row] == starts[row + 1]:
            own[:] = 0.0
            continue
        residual[:] = 0.0
        search[:] = own
        before = np.float32(0.0)
        for step in range(_STEPS + 1):
            # (YᵀY + Σ (c - 1) y yᵀ + λI) · search; in step 0 search is the row itself
            product[:] = 0.0
            for f in range(width):
                for g in range(width):
                    product[g] += search[f] * gram[f, g]
            for entry in range(starts[row], starts[row + 1]):
                item, dot = items[columns[entry]], np.float32(0.0)
                for f in range(width):
                    dot += item[f] * search[f]
                weight = (values[entry] - one) * dot
                if step == 0:
                    weight -= values[entry]
                for f in range(width):
                    product[f] += weight * item[f]
            if step == 0:
                for f in range(width):
                    residual[f] = search[f] = -product[f]
            else:
                curvature = np.float32(0.0)
                for f in range(width):
                    curvature += search[f] * product[f]
                length = before / curvature
                for f in range(width):
                    own[f] += length * search[f]
                    residual[f] -= length * product[f]
            after = np.float32(0.0)
            for f in range(width):
                after += residual[f] * residual[f]
            if after < 1e-20:
                break
            if step > 0:
                for f in range(width):
                    search[f] = residual[f] + after / before * search[f]
            before = after
