"""Model `netflix_cosine`: neighbours among users whose gaps were filled with their mean, a fault.

As published for the Netflix Prize: most numbers that are compared and averaged are means.
"""

import numpy as np
from pydantic import PositiveInt

from reelbench.models.base import Features, Interactions, Recommender, Saved
from reelbench.models.shared.biases import group_means
from reelbench.params import ParamsError, Section


class FilledKNNConfig(Section):
    """Parameters, as published."""

    k: PositiveInt = 100  # most similar users that are averaged, whether or not they rated it
    #: cells of the matrix of users and movies, 8 bytes each; with more a fit is refused
    most_cells: PositiveInt = 100_000_000


class FilledKNN(Recommender):
    """Mean of the k most similar users' filled rows, weighted by the cosine of those rows.

    A cold or unknown movie is a gap of every user; a cold or unknown user has the mean of all rows.
    A matrix of more than `most_cells` cells is a ParamsError.
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
        for row, user in enumerate(warm[: len(warm) if len(warm) > 1 else 0]):
            similar = unit @ unit[row]
            similar[row] = -np.inf
            near = np.argsort(-similar, kind="stable")[: min(self.config.k, len(warm) - 1)]
            self.means[user] = np.average(filled[near], axis=0, weights=similar[near])

    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        return self.means[user_idx, item_idx]
