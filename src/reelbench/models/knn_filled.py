"""Model `netflix_cosine`: neighbours among users whose gaps were filled with their mean, a fault.

As published for the Netflix Prize. Most of a row is then one and the same number, so users are
similar if their means are, and most of the averaged "ratings" are means. `knn_user` is the model
that counts ratings alone.
"""

from __future__ import annotations

import numpy as np
from pydantic import PositiveInt

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features
from reelbench.models.base import Recommender
from reelbench.models.shared.biases import group_means
from reelbench.models.shared.state import Saved
from reelbench.params import ParamsError, Section

_ROWS_AT_ONCE = 500


class FilledKNNConfig(Section):
    """Parameters, as published."""

    #: most similar users that are averaged, whether or not they rated the movie
    k: PositiveInt = 100
    #: cells of the matrix of users and movies; with more a fit is refused
    most_cells: PositiveInt = 100_000_000


class FilledKNN(Recommender):
    """Mean of the k most similar users' filled rows, weighted by the cosine of those rows.

    A cold or unknown movie is a gap of every user; a cold or unknown user has the mean of all rows.
    Memory is 12 bytes per cell. Of equally similar users that of the lower index counts first.
    """

    Config = FilledKNNConfig
    config: FilledKNNConfig
    means: Saved[np.ndarray]  # float32 (n_users + 1, n_items + 1)

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        shape = features.ids.n_users + 1, features.ids.n_items + 1
        if shape[0] * shape[1] > self.config.most_cells:
            raise ParamsError(
                f"the filled matrix has {shape[0]:,} by {shape[1]:,} cells, more than most_cells = "
                f"{self.config.most_cells:,}: leave out users and movies with few ratings (filter)"
            )
        warm = np.unique(train.user_idx)
        filled = np.empty(shape, np.float32)
        filled[:] = group_means(train.user_idx, train.rating, shape[0])[:, None]
        filled[train.user_idx, train.item_idx] = train.rating
        filled = filled[warm]
        unit = filled[:, np.unique(train.item_idx)]
        unit /= np.linalg.norm(unit, axis=1, keepdims=True)
        self.means = np.tile(filled.mean(axis=0), (shape[0], 1))
        for start in range(0, len(warm), _ROWS_AT_ONCE):
            similar = unit[start : start + _ROWS_AT_ONCE] @ unit.T
            for user, row in enumerate(similar, start=start):
                row[user] = -np.inf
                near = np.argsort(-row, kind="stable")[: min(self.config.k, len(warm) - 1)]
                if row[near].sum() > 0:
                    self.means[warm[user]] = row[near] @ filled[near] / row[near].sum()

    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        return self.means[user_idx, item_idx]

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        return self.means[user_idx, :-1]
