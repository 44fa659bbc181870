"""Model `bias`: a mean, a bias of the item and a bias of the user."""

from pydantic import PositiveInt

from reelbench.models.base import Features, Interactions
from reelbench.models.shared.biases import ROUNDS, BiasModel, DampingConfig, damped_biases


class BiasConfig(DampingConfig):
    """Parameters."""

    rounds: PositiveInt = ROUNDS  # of fitting biases of items and of users in turn; 10 in Surprise


class Bias(BiasModel):
    """Damped means (`shared/biases.py`).

    >>> train = Interactions.from_arrays([0, 0, 1, 1, 2], [0, 1, 0, 2, 1], [5, 3, 4, 2, 1])
    >>> model = Bias(user_damping=1, item_damping=1).fit(train)
    >>> model.predict([0, 2, -1], [0, 0, 0]).round(2)  # -1 is an unknown user
    array([4.45, 3.17, 3.85], dtype=float32)
    """

    config: BiasConfig

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        self._biases = damped_biases(train, features.ids, self.config, rounds=self.config.rounds)
