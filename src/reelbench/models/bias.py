"""Model `bias`: a mean, an effect of the item and an effect of the user."""

from __future__ import annotations

import numpy as np
from pydantic import NonNegativeFloat

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features
from reelbench.models.base import Arrays, Recommender
from reelbench.models.shared.biases import Biases, damped_biases
from reelbench.params import Section


class BiasConfig(Section):
    #: ratings of average value that every user (item) is thought to have given (got) beforehand
    user_damping: NonNegativeFloat
    item_damping: NonNegativeFloat


class Bias(Recommender):
    """Damped means (`shared/biases.py`); ranks by them too, so all users get the same order."""

    Config = BiasConfig

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        damping = self.config
        self._effects = damped_biases(
            train, features.ids, damping.user_damping, damping.item_damping
        )

    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        return self._effects.predict(user_idx, item_idx)

    def _state(self) -> Arrays:
        return self._effects.state()

    def _restore(self, state: Arrays) -> None:
        self._effects = Biases.from_state(state)
