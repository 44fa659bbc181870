"""Model `lightgcn`: factors of users and movies, averaged over the graph of ratings.

He et al. (2020), "LightGCN: Simplifying and Powering Graph Convolution Network for Recommendation".
A has the ratings, each divided by the root of the product of its user's and its movie's sum. A
layer turns vectors U of users and V of movies into AV and AᵀU; ranked is by the product of the
means over all layers, of which the first is learned.

The loss is the cross-entropy of each user's ratings and a softmax over all movies (in the paper
BPR, which in as many steps comes less far), and Adam of Keras takes a step for all ratings
together. Layers are linear and A is the same both ways, so the gradient goes the way of the
vectors.
"""

from typing import Self

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from scipy import sparse

from reelbench.models.base import Features, Ids, Interactions, NewUser, Saved
from reelbench.models.shared.factors import FactorRanker, RankerConfig
from reelbench.models.shared.keras_model import KerasModel
from reelbench.models.shared.user_items import preference, preferences

_USERS_AT_ONCE = 512  # of the softmax


class LightGCNConfig(RankerConfig):
    """Parameters."""

    factors: PositiveInt = 64  # length of the vectors of users and items
    epochs: PositiveInt = 150  # steps, each for all ratings
    layers: PositiveInt = 2  # of averaging, beside the first
    learning_rate: PositiveFloat = 0.03  # of Adam
    regularization: NonNegativeFloat = 1e-5  # L2 penalty of the first layer
    #: how much more a high rating counts than a low one; 0: all are ones, as in the paper
    rating_power: NonNegativeFloat = 0.0


class LightGCN(FactorRanker, KerasModel):
    """LightGCN; a movie without a rating in train comes last. A new user has no first layer.

    >>> train = Interactions.from_arrays([0, 0, 1, 1, 2], [0, 1, 0, 2, 1], [5, 3, 4, 2, 1])
    >>> LightGCN(factors=4, epochs=5).fit(train).score([0]).shape
    (1, 3)
    """

    config: LightGCNConfig
    _sources: Saved[np.ndarray]  # what movies add to a user's vector, float32 (n_items, f · bags)

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        self._learners: list[LightGCNLearner] = []
        super()._fit(train, valid, features)
        self._sources = np.hstack([learner.sources for learner in self._learners])
        del self._learners

    def _matrix(self, train: Interactions, ids: Ids) -> sparse.csr_array:
        return preferences(train, ids, self.config.rating_power)

    def _learner(self, seed: int) -> "LightGCNLearner":
        self._learners.append(LightGCNLearner(self.config, seed))
        return self._learners[-1]

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        scores = super()._score(user_idx)
        scores[:, self._count == 0] = scores.min(axis=1, keepdims=True)
        return scores

    def _fold_in(self, user: NewUser) -> Self:
        values = preference(user.ratings, self.ids, self.config.rating_power)
        vector = values @ self._sources[user.items] / np.sqrt(values.sum())
        return self._with_user(np.split(vector, self.config.bags))


class LightGCNLearner:
    """The factors while they are learned, as a model of `implicit` would hold them."""

    def __init__(self, config: LightGCNConfig, seed: int) -> None:
        self._config, self._random = config, np.random.default_rng(seed)

    def fit(self, matrix: sparse.csr_matrix, show_progress: bool = False) -> None:
        """Learn from the entries of a CSR matrix (n_users, n_items)."""
        import keras

        config, rows = self._config, sparse.csr_array(matrix)
        roots = [np.sqrt(np.maximum(rows.sum(axis=axis), 1e-9)) for axis in (1, 0)]
        self._graph = (rows / roots[0][:, None] / roots[1]).tocsr().astype(np.float32)
        self._back = self._graph.T.tocsr()
        sizes = [(size, config.factors) for size in rows.shape]
        start = [0.1 * self._random.normal(size=size).astype(np.float32) for size in sizes]
        first = [keras.Variable(vectors) for vectors in start]
        optimizer = keras.optimizers.Adam(config.learning_rate)
        optimizer.build(first)
        for _ in range(config.epochs):
            vectors = [np.array(variable) for variable in first]
            users, items, _ = self._means(*vectors)
            slopes = self._means(*self._slopes(users, items, rows))
            for slope, vector in zip(slopes, vectors, strict=False):
                slope += np.float32(config.regularization) * vector
            optimizer.apply([keras.ops.convert_to_tensor(slope) for slope in slopes[:2]], first)
        users, items, sources = self._means(*[np.array(variable) for variable in first])
        self.user_factors, self.item_factors = users, items
        self.sources = sources / roots[1][:, None].astype(np.float32)

    def _means(self, users: np.ndarray, items: np.ndarray) -> tuple[np.ndarray, ...]:
        """Means over the layers, and that of the items' without the last (times its share)."""
        share = np.float32(1 / (1 + self._config.layers))
        sums, sources = [users.copy(), items.copy()], np.zeros_like(items)
        for _ in range(self._config.layers):
            sources += items
            users, items = self._graph @ items, self._back @ users
            sums = [sums[0] + users, sums[1] + items]
        return sums[0] * share, sums[1] * share, sources * share

    @staticmethod
    def _slopes(
        users: np.ndarray, items: np.ndarray, rows: sparse.csr_array
    ) -> tuple[np.ndarray, np.ndarray]:
        """Gradient of the mean of -log softmax over ratings, by the vectors of both."""
        by_users, by_items = np.empty_like(users), np.zeros_like(items)
        for start in range(0, len(users), _USERS_AT_ONCE):
            some = slice(start, start + _USERS_AT_ONCE)
            share = users[some] @ items.T
            share = np.exp(share - share.max(axis=1, keepdims=True))
            given = rows[some].toarray() / rows.sum()
            share *= given.sum(axis=1, keepdims=True) / share.sum(axis=1, keepdims=True)
            share -= given
            by_users[some] = share @ items
            by_items += share.T @ users[some]
        return by_users, by_items
