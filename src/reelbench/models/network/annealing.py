"""When a large batch has done what it can. Imports Keras: to be imported when a network learns."""

from __future__ import annotations

import keras

# what the learning rate is divided by once
_DIVISOR = 5
# share of the rating scale by which an epoch must lower what is watched, before that and after it
_GAINS = 4.5e-4, 1e-4


class Annealing(keras.callbacks.Callback):
    """Divides the rate when an epoch brings little, from the best weights on; then ends likewise.

    Of the steps that a large batch and rate take, the noise remains; smaller ones average over it
    (He et al. 2016, "Deep Residual Learning for Image Recognition", divide a rate at plateaus).
    The best weights are left in the model.
    """

    def __init__(self, watched: str, scale: float) -> None:
        super().__init__()
        self._watched, self._best = watched, float("inf")
        self._gains = [share * scale for share in _GAINS]

    def on_train_begin(self, logs: dict[str, float]) -> None:
        """Take the first weights for the best, should no epoch have a finite error."""
        self._weights = self.model.get_weights()

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Compare what is watched with the best so far."""
        gain = self._best - logs[self._watched]
        enough = gain > self._gains[0]
        if enough or (gain > 0 and len(self._gains) == 1):
            self._best, self._weights = logs[self._watched], self.model.get_weights()
        if enough:
            return
        self.model.set_weights(self._weights)
        rate = float(self.model.optimizer.learning_rate)
        self.model.optimizer.learning_rate = rate / _DIVISOR
        del self._gains[0]
        self.model.stop_training = not self._gains

    def on_train_end(self, logs: dict[str, float]) -> None:
        """Leave the best weights; where all epochs were run, the last may be worse."""
        self.model.set_weights(self._weights)
