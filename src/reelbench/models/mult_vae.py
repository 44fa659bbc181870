"""Model `mult_vae`: an autoencoder of a user's movies with a multinomial likelihood, in Keras.

Liang, Krishnan, Hoffman & Jebara (2018), "Variational Autoencoders for Collaborative Filtering".
With x a user's row of ratings, an encoder of one hidden layer gives mean μ and variance σ² of a
code from x / ‖x‖, of which a share is dropped in training, and a decoder gives logits f(z):

    loss = -Σ x_i log softmax(f(z))_i + β KL(N(μ, σ²) ‖ N(0, 1)),   z ~ N(μ, σ²)

β grows to `beta` over the first epochs. Without `variational` z is μ: Mult-DAE. Scores are f(μ).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from scipy import sparse
from scipy.special import logsumexp

from reelbench.models.base import Arrays, Interactions
from reelbench.models.shared.fold_in import PreferenceConfig, PreferenceRanker
from reelbench.models.shared.keras_model import KerasModel
from reelbench.seeds import generator, seed_keras

# kernels and biases of the four layers
_NAMES = tuple(f"{layer}_{part}" for layer in ("in", "code", "out", "logits") for part in "kb")


class MultVAEConfig(PreferenceConfig):
    """Parameters; those of the network and β are the paper's."""

    hidden: PositiveInt = 600  # units of the hidden layer of encoder and decoder, tanh
    factors: PositiveInt = 200  # length of the code
    variational: bool = True  # False: Mult-DAE
    beta: NonNegativeFloat = 0.2  # weight of the divergence in the end
    annealing_epochs: PositiveInt = 20  # until it is reached
    dropout: float = Field(0.5, ge=0, lt=1)  # share of a user's ratings dropped in training
    regularization: NonNegativeFloat = 0.0  # L2 penalty of the kernels
    learning_rate: PositiveFloat = 1e-3  # of Adam
    batch_size: PositiveInt = 100  # users per step
    epochs: PositiveInt = 60
    #: epochs without a lower loss on valid before training stops, and the best weights are kept;
    #: null: all epochs are run
    patience: PositiveInt | None = 5


class MultVAE(PreferenceRanker, KerasModel):
    """Mult-VAE on weighted ratings.

    Memory: 8 · hidden · n_items bytes for the weights, four times as much in training.

    >>> train = Interactions.from_arrays([0, 0, 1, 1, 2], [0, 1, 0, 2, 1], [5, 3, 4, 2, 1])
    >>> MultVAE(hidden=8, factors=4, epochs=2).fit(train).score([0]).shape
    (1, 3)
    """

    config: MultVAEConfig
    _weights: list[np.ndarray]

    def _learn(self, chosen: sparse.csr_array, valid: Interactions) -> None:
        config, random = self.config, generator(self.seed, "batches")
        step, weights = self._trainee(chosen.shape[1])
        users = np.flatnonzero(np.diff(chosen.indptr))
        patience = config.patience if len(valid) else None
        best, kept, last = np.inf, weights(), 0
        for epoch in range(1, config.epochs + 1):
            beta = config.beta * min(1.0, epoch / config.annealing_epochs)
            order = random.permutation(users)
            batches = np.split(order, range(config.batch_size, len(order), config.batch_size))
            losses = [float(step(chosen[batch].toarray(), beta)) for batch in batches]
            row = {"epoch": epoch, "train_loss": float(np.mean(losses))}
            self._weights = weights()
            self.history.append(row)
            if not len(valid):
                continue
            row["valid_loss"] = self._loss(chosen, valid)
            if row["valid_loss"] < best:
                best, kept, last = row["valid_loss"], self._weights, epoch
            elif patience is not None and epoch >= last + patience:
                break
        if patience is not None:
            self._weights = kept

    def _trainee(self, n_items: int) -> tuple[Callable[..., Any], Callable[[], list[np.ndarray]]]:
        """A step for rows (n, n_items) and β, which returns the loss, and the weights so far."""
        seed_keras(self.seed, self.threads)
        import keras
        import tensorflow as tf

        config, dense, width = self.config, keras.layers.Dense, self.config.factors
        dropped = keras.layers.UnitNormalization(), keras.layers.Dropout(config.dropout)
        code_layer = dense(width * (1 + config.variational))
        encoder = keras.Sequential([*dropped, dense(config.hidden, "tanh"), code_layer])
        decoder = keras.Sequential([dense(config.hidden, "tanh"), dense(n_items)])
        encoder.build((None, n_items))
        decoder.build((None, width))
        variables = encoder.trainable_variables + decoder.trainable_variables
        optimizer = keras.optimizers.Adam(config.learning_rate)
        optimizer.build(variables)
        noise = keras.random.SeedGenerator(self.seed)

        def loss_of(rows: Any, beta: Any) -> Any:
            code, divergence = encoder(rows, training=True), 0.0
            if config.variational:
                code, spread = code[:, :width], code[:, width:]
                divergence = tf.reduce_sum(tf.exp(spread) + code**2 - 1 - spread, axis=1) / 2
                code += tf.exp(spread / 2) * keras.random.normal(tf.shape(code), seed=noise)
            likelihood = tf.reduce_sum(rows * tf.nn.log_softmax(decoder(code)), axis=1)
            penalty = tf.add_n([tf.nn.l2_loss(kernel) for kernel in variables[::2]])
            return tf.reduce_mean(beta * divergence - likelihood) + config.regularization * penalty

        @tf.function(input_signature=[tf.TensorSpec((None, n_items)), tf.TensorSpec(())])
        def step(rows: Any, beta: Any) -> Any:
            with tf.GradientTape() as tape:
                loss = loss_of(rows, beta)
            optimizer.apply(tape.gradient(loss, variables), variables)
            return loss

        return step, lambda: [np.array(variable) for variable in variables]

    def _loss(self, chosen: sparse.csr_array, valid: Interactions) -> float:
        """Mean of -log softmax of the movies of valid among those that are not in train."""
        users, row = np.unique(valid.user_idx, return_inverse=True)
        logits = self._score(users)
        own = chosen[users].tocoo()
        logits[own.row, own.col] = -np.inf
        return float(np.mean(logsumexp(logits, axis=1)[row] - logits[row, valid.item_idx]))

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        rows, w = self._profiles.rows(user_idx), self._weights
        length = np.sqrt(rows.power(2).sum(axis=1))[:, None]
        code = np.tanh(rows @ w[0] / length + w[1]) @ w[2] + w[3]
        scores: np.ndarray = np.tanh(code[:, : self.config.factors] @ w[4] + w[5]) @ w[6] + w[7]
        return scores

    def _state(self) -> Arrays:
        return super()._state() | dict(zip(_NAMES, self._weights, strict=True))

    def _restore(self, state: Arrays) -> None:
        super()._restore(state)
        self._weights = [state[name] for name in _NAMES]
