"""Which movies are liked by the same people: a fact of train, whatever a model makes of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from reelbench.data.interactions import Interactions
from reelbench.features.block import Ids
from reelbench.models.shared.biases import group_means

# people who like both, at which the likeness counts half: two who agree are chance
_SHRINKAGE = 10.0
# fewer are not worth a word
_FEWEST = 3


@dataclass(frozen=True)
class LikedAlike:
    """Who likes what: rates it at least as high as the own mean.

    Attributes:
        liked: float32 CSC (n_users, n_items), ones.
    """

    liked: sparse.csc_array

    @classmethod
    def of(cls, train: Interactions, ids: Ids) -> LikedAlike:
        """From the ratings of train."""
        mean = group_means(train.user_idx, train.rating, ids.n_users)
        high = train.rating >= mean[train.user_idx]
        pairs = train.user_idx[high], train.item_idx[high]
        ones = np.ones(int(high.sum()), dtype=np.float32)
        return cls(sparse.csc_array((ones, pairs), shape=(ids.n_users, ids.n_items)))

    def between(self, items: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Cosine of who likes them, shrunk by n / (n + 10) for n people who like both.

        Args:
            items: movies (n,).
            others: movies (m,).

        Returns:
            float64 (n, m), 0 to 1; 0 where fewer than three people like both.
        """
        count = np.diff(self.liked.indptr).astype(np.float64)
        both = (self.liked[:, items].T @ self.liked[:, others]).toarray().astype(np.float64)
        norm = np.sqrt(np.outer(count[items], count[others])) * (both + _SHRINKAGE)
        return np.divide(both**2, norm, out=np.zeros_like(both), where=both >= _FEWEST)
