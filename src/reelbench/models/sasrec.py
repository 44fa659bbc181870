"""Model `sasrec`: self-attention over the sequence of a user's ratings, in Keras.

Kang & McAuley (2018), "Self-Attentive Sequential Recommendation": blocks of causal self-attention
read the last `max_length` items, and the state at each place is multiplied with the vectors of all
items, which are those of the input, to say which comes next. The loss is the cross-entropy of the
next item over all items (Klenitskiy & Vasilev 2023, "Turning Dross Into Gold Loss"), or with
`negatives` over the next item and some that are drawn by popularity for every batch, from whose
scores the log of the expected number of draws is subtracted (log-q correction, Bengio & Senécal
2008): the sum over them estimates that over all items.

A sequence is cut into windows from its end, from which places count too. Each rating but the first
is predicted once in an epoch, from those before it in its window.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from reelbench.models.base import Features, Ids, Interactions, NewUser, Ranker, Saved, Section
from reelbench.models.shared.keras_model import KerasNetwork
from reelbench.models.shared.user_items import age, for_every_user, in_order
from reelbench.seeds import seed_keras

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

_LOG = logging.getLogger(__name__)

_AT_ONCE = 512  # sequences whose states are computed together
_WATCHED = 2000  # users whose valid ratings say when training ends, at most
_NEVER = -1e9  # added to the weight of what must not be looked at, before the softmax
_STD = 0.02  # of vectors before the first epoch


class SASRecConfig(Section):
    """Parameters; the defaults are those that fit MovieLens 100K."""

    factors: PositiveInt = 64  # length of the vectors of items, places and states
    blocks: PositiveInt = 2  # of self-attention and two dense layers
    heads: PositiveInt = 1  # of an attention; they share the factors among them
    max_length: PositiveInt = 50  # latest ratings that are read
    dropout: float = Field(0.3, ge=0, lt=1)  # share of hidden units that are dropped in training
    negatives: PositiveInt | None = None  # items drawn for a batch, for the loss; None: all items
    epochs: PositiveInt = 60  # passes over the sequences, at most
    #: epochs without a lower loss on valid before training stops; None: all epochs are run
    patience: PositiveInt | None = 4
    batch_size: PositiveInt = 64  # windows per step
    learning_rate: PositiveFloat = 0.003  # of Adam
    min_rating: float | None = None  # smallest rating that is a part of the sequence; None: any

    @model_validator(mode="after")
    def _heads_divide_the_factors(self) -> Self:
        if self.factors % self.heads:
            raise ValueError(f"factors: {self.factors} cannot be divided among {self.heads} heads")
        return self


class SASRec(Ranker, KerasNetwork):
    """SASRec; `history` holds the loss of each epoch, of train with dropout.

    A user without ratings gets the mean of all states, an item without one the lowest score. States
    and vectors are kept as arrays, so only a fold-in imports TensorFlow; the order of its ratings
    counts.

    >>> train = Interactions.from_arrays([0, 0, 1, 1, 2], [0, 1, 0, 2, 1], [5, 3, 4, 2, 1])
    >>> model = SASRec(factors=4, max_length=3, epochs=2).fit(train)
    >>> model.score([0]).shape, model.fold_in([1, 0], [5, 4]).score([-1]).shape
    ((1, 3), (1, 3))
    """

    config: SASRecConfig
    _states: Saved[np.ndarray]  # float32 (n_users + 1, factors)
    _vectors: Saved[np.ndarray]  # float32 (n_items, factors)
    _cold: Saved[np.ndarray]  # bool (n_items,)

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        super()._fit(train, valid, features)
        rows, ids = in_order(train, self.config.min_rating), features.ids
        count = np.bincount(rows.item_idx, minlength=ids.n_items)
        self._cold = count == 0
        seed_keras(self.seed, self.threads)
        self._built = self._build()
        self._learn(rows, valid, count)
        self._vectors = vectors_of(self.keras_model)
        self._states = self._states_of(rows, ids.n_users)

    def _build(self) -> keras.Model:
        return build(self.ids.n_items, self.config)

    def _learn(self, rows: Interactions, valid: Interactions, count: np.ndarray) -> None:
        import keras

        network = self.keras_model
        # a second model of the same layers, so that no optimizer is stored with the weights
        trainee = keras.Model(network.input, network.output)
        loss = loss_of(network, self.config, count, self.seed)
        trainee.compile(keras.optimizers.Adam(self.config.learning_rate), loss)
        known = np.isin(valid.user_idx, rows.user_idx) & ~self._cold[valid.item_idx]
        if self.config.min_rating is not None:
            known &= valid.rating >= self.config.min_rating
        watched = valid.select(known)

        def record(epoch: int, logs: dict[str, float]) -> None:
            row = {"epoch": epoch + 1, "train_loss": logs["loss"]}
            if len(watched):
                row["valid_loss"] = logs["valid_loss"] = self._loss_on(rows, watched)
            self.history.append(row)
            _LOG.info("epoch %d: %s", epoch + 1, row)

        callbacks: list[Any] = [keras.callbacks.LambdaCallback(on_epoch_end=record)]
        if len(watched) and self.config.patience is not None:
            kept = {"patience": self.config.patience, "restore_best_weights": True, "mode": "min"}
            callbacks.append(keras.callbacks.EarlyStopping("valid_loss", **kept))
        inputs, targets = windows(rows, self.config.max_length)
        settings = {"batch_size": self.config.batch_size, "epochs": self.config.epochs}
        if len(inputs):  # else nobody has rated one thing after another
            trainee.fit(inputs, targets, callbacks=callbacks, verbose=0, **settings)

    def _loss_on(self, rows: Interactions, valid: Interactions) -> float:
        """Mean cross-entropy of the valid ratings over the items that the user has not in train."""
        from scipy.special import logsumexp

        users = np.unique(valid.user_idx)
        users = users[:: 1 + len(users) // _WATCHED]
        known, valid = (part.select(np.isin(part.user_idx, users)) for part in (rows, valid))
        scores = self._states_of(known, self.ids.n_users)[users] @ vectors_of(self.keras_model).T
        place = np.searchsorted(users, valid.user_idx)
        reached = scores[place, valid.item_idx]
        scores[known.seen(self.ids.n_users, self.ids.n_items)[users].toarray()] = -np.inf
        return float((logsumexp(scores, axis=1)[place] - reached).mean(dtype=np.float64))

    def _states_of(self, rows: Interactions, n_users: int) -> np.ndarray:
        """Last state of every user of rows in order, and of others the mean: (n_users + 1, f)."""
        import keras

        users, inputs = latest(rows, self.config.max_length)
        chunks = [inputs[n : n + _AT_ONCE] for n in range(0, len(inputs), _AT_ONCE)]
        found = [self.keras_model(chunk, training=False)[:, -1] for chunk in chunks]
        last = np.concatenate([keras.ops.convert_to_numpy(states) for states in found])
        states = np.tile(last.mean(axis=0), (n_users + 1, 1))
        states[users] = last
        return states

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        scores = self._states[user_idx] @ self._vectors.T
        if self._cold.any():
            scores[:, self._cold] = scores.min(axis=1, keepdims=True)
        return scores

    def _fold_in(self, user: NewUser) -> Self:
        (state,) = self._folded(user.interactions(), 1)
        return self._copy(_states=for_every_user(state, self.ids.n_users))

    def _fold_in_users(self, profiles: Interactions, ids: Ids) -> Self:
        rows = profiles.select(np.argsort(profiles.user_idx, kind="stable"))
        return self._copy(_ids=ids, _states=self._folded(rows, ids.n_users))

    def _folded(self, rows: Interactions, n_users: int) -> np.ndarray:
        """States (n_users, f) of new users, rows by user in the order that is given."""
        least = self.config.min_rating
        rows = rows if least is None else rows.select(rows.rating >= least)
        states = np.tile(self._states[-1], (n_users, 1))
        if len(rows):
            own = np.unique(rows.user_idx)
            states[own] = self._states_of(rows, n_users)[own]
        return states

    def item_vectors(self) -> np.ndarray:
        return np.where(self._cold[:, None], np.float32(0.0), self._vectors)


def windows(rows: Interactions, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Items that are read, and the next ones: int32 (n, length) each, items plus one, 0 for none.

    Rows are in order. Those of a user fill windows from the end.
    """
    user, later = rows.user_idx.astype(np.int64), age(rows.user_idx)
    at = np.flatnonzero(user[1:] == user[:-1]) + 1  # all but the first rating of a user
    key = user[at] * (len(rows) + 1) + later[at] // length
    found, number = np.unique(key, return_inverse=True)
    column = length - 1 - later[at] % length
    inputs, targets = np.zeros((2, len(found), length), np.int32)
    inputs[number, column] = rows.item_idx[at - 1] + 1
    targets[number, column] = rows.item_idx[at] + 1
    return inputs, targets


def latest(rows: Interactions, length: int) -> tuple[np.ndarray, np.ndarray]:
    """The users of rows in order, and their last items plus one: int32 (n, length), 0 for none."""
    users, number = np.unique(rows.user_idx, return_inverse=True)
    place = age(rows.user_idx)
    kept = place < length
    inputs = np.zeros((len(users), length), np.int32)
    inputs[number[kept], length - 1 - place[kept]] = rows.item_idx[kept] + 1
    return users, inputs


def vectors_of(network: keras.Model) -> np.ndarray:
    """Vectors of the items, float32 (n_items, factors)."""
    return np.asarray(network.get_layer("items").get_weights()[0][1:])


def build(n_items: int, config: SASRecConfig) -> keras.Model:
    """Items plus one, int32 (n, max_length), 0 for none → states (n, max_length, factors)."""
    from keras import Input, Model, initializers, layers, ops

    length, width, heads = config.max_length, config.factors, config.heads
    normal = initializers.RandomNormal(stddev=_STD)

    def dropped(name: str, tensor: Any) -> Any:
        return layers.Dropout(config.dropout, name=f"{name}_dropout")(tensor)

    def by_head(name: str, tensor: Any) -> Any:
        split = layers.Dense(width, name=name)(tensor)
        split = ops.reshape(split, (-1, length, heads, width // heads))
        return ops.transpose(split, (0, 2, 1, 3))

    inputs = Input((length,), dtype="int32", name="items_plus_one")
    items = layers.Embedding(n_items + 1, width, embeddings_initializer=normal, name="items")
    places = layers.Embedding(length, width, embeddings_initializer=normal, name="places")
    numbers = ops.zeros_like(inputs) + np.arange(length, dtype=np.int32)
    hidden = dropped("items", items(inputs) * width**0.5 + places(numbers))
    # each place looks at itself and at the items before it
    before = np.tril(np.ones((length, length), dtype=bool), -1)
    there = ops.logical_and(before, ops.expand_dims(ops.not_equal(inputs, 0), 1))
    visible = ops.logical_or(there, np.eye(length, dtype=bool))
    hide = ops.expand_dims(ops.where(visible, 0.0, _NEVER), 1)
    for block in range(config.blocks):
        of = f"block_{block}_"
        normed = layers.LayerNormalization(epsilon=1e-6, name=f"{of}norm")(hidden)
        query, key, value = (by_head(f"{of}{name}", normed) for name in ("query", "key", "value"))
        near = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))) * (width // heads) ** -0.5
        weights = dropped(f"{of}weights", ops.softmax(near + hide))
        seen = ops.transpose(ops.matmul(weights, value), (0, 2, 1, 3))
        seen = ops.reshape(seen, (-1, length, width))
        hidden = hidden + dropped(f"{of}seen", layers.Dense(width, name=f"{of}seen")(seen))
        normed = layers.LayerNormalization(epsilon=1e-6, name=f"{of}dense_norm")(hidden)
        inner = layers.Dense(width, activation="relu", name=f"{of}dense_1")(normed)
        outer = layers.Dense(width, name=f"{of}dense_2")(dropped(f"{of}dense_1", inner))
        hidden = hidden + dropped(f"{of}dense_2", outer)
    outputs = layers.LayerNormalization(epsilon=1e-6, name="norm")(hidden)
    return Model(inputs, outputs, name="sasrec")


def loss_of(
    network: keras.Model, config: SASRecConfig, count: np.ndarray, seed: int
) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """Loss (m,) of the m places with a next item: of targets (n, length) and states.

    Args:
        count: ratings of each item in train, (n_items,).
    """
    import keras
    import tensorflow as tf

    table, n_draws = network.get_layer("items").embeddings, config.negatives
    draws = keras.random.SeedGenerator(seed)
    share = (count / count.sum()).astype(np.float32)
    ends = np.cumsum(share)

    def loss(targets: tf.Tensor, states: tf.Tensor) -> tf.Tensor:
        there = targets > 0
        state, item = states[there], tf.cast(targets[there], tf.int32) - 1
        if n_draws is None:
            scores = tf.matmul(state, table[1:], transpose_b=True)
            return tf.nn.sparse_softmax_cross_entropy_with_logits(item, scores)
        even = keras.random.uniform((n_draws,), maxval=float(ends[-1]), seed=draws)
        others = tf.searchsorted(ends, even, side="right")
        scores = tf.matmul(state, tf.gather(table, others + 1), transpose_b=True)
        scores -= tf.math.log(n_draws * tf.gather(share, others))
        scores = tf.where(item[:, None] == others, _NEVER, scores)  # not against itself
        own = tf.reduce_sum(state * tf.gather(table, item + 1), axis=1)
        return tf.reduce_logsumexp(tf.concat([own[:, None], scores], 1), axis=1) - own

    return loss
