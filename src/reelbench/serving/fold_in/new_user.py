"""What is known of a new user, and the copy of a model that knows it too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from reelbench.data.interactions import Interactions
from reelbench.models.base import Arrays, Recommender
from reelbench.models.shared.user_items import matrix_state


@dataclass(frozen=True)
class NewUser:
    """Ratings of somebody.

    Attributes:
        items: int64 (n,), `item_idx`, each once; n is at least 1.
        ratings: float64 (n,), on the rating scale of the data set.
    """

    items: np.ndarray
    ratings: np.ndarray

    def as_interactions(self) -> Interactions:
        """The ratings as those of user 0."""
        return Interactions.from_arrays(np.zeros(len(self.items)), self.items, self.ratings)

    def values_of(self, matrix: sparse.csr_array) -> np.ndarray:
        """What a matrix made of `as_interactions` has for the items, (n,) in their order."""
        return np.asarray(matrix[np.zeros(len(self.items), dtype=np.int64), self.items]).ravel()

    def row(self, values: np.ndarray, shape: tuple[int, int]) -> sparse.csr_array:
        """A matrix whose last row has `values` (n,) at the items, and that has nothing else."""
        last = np.full(len(self.items), shape[0] - 1)
        return sparse.csr_array((values.astype(np.float32), (last, self.items)), shape=shape)

    def row_state(self, name: str, values: np.ndarray, shape: tuple[int, int]) -> Arrays:
        """That matrix as arrays of a model's state."""
        return matrix_state(name, self.row(values, shape))


#: a new user → a copy of the model that says of the unknown user (-1) what it says of this one,
#: and of no other user anything of use
FoldIn = Callable[[NewUser], Recommender]


def for_everybody(value: ArrayLike, n_users: int) -> np.ndarray:
    """The row of the new user in the place of every user's: (n_users + 1, …) without memory."""
    return np.broadcast_to(value, (n_users + 1, *np.shape(value)))
