"""Model `bias`: a mean, a bias of the item and a bias of the user."""

from typing import Self

import numpy as np
from pydantic import NonNegativeFloat, PositiveInt

from reelbench.models.base import Features, Interactions, NewUser, Recommender, Saved, Section
from reelbench.models.shared.biases import ROUNDS, Biases, damped_biases


class BiasConfig(Section):
    """Parameters."""

    user_damping: NonNegativeFloat = 5.0  # pseudo-ratings at the mean that every user has as well
    item_damping: NonNegativeFloat = 5.0  # likewise, of every item
    rounds: PositiveInt = ROUNDS  # of fitting biases of items and of users in turn; 10 in Surprise


class Bias(Recommender):
    """Damped means (`shared/biases.py`); ranks by them too, so all users get the same order.

    >>> from reelbench.data.interactions import Interactions
    >>> train = Interactions.from_arrays([0, 0, 1, 1, 2], [0, 1, 0, 2, 1], [5, 3, 4, 2, 1])
    >>> model = Bias(user_damping=1, item_damping=1).fit(train)
    >>> model.predict([0, 2, -1], [0, 0, 0]).round(2)  # -1 is an unknown user
    array([4.45, 3.17, 3.85], dtype=float32)
    """

    Config = BiasConfig
    config: BiasConfig
    _biases: Saved[Biases]

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        config = self.config
        damping = config.user_damping, config.item_damping
        self._biases = damped_biases(train, features.ids, *damping, rounds=config.rounds)

    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        return self._biases.predict(user_idx, item_idx)

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        return self._biases.score(user_idx)

    def _fold_in(self, user: NewUser) -> Self:
        biases, _ = self._biases.fold_in(user, self.config.user_damping)
        return self._copy(_biases=biases)
