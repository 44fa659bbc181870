"""Model `boosted`: gradient-boosted trees from an item's features to its bias.

A kernel ridge regression reads all columns (`kernel_columns`); its predictions, for an item of
train from the items of other folds, and the columns of some blocks are what the trees of
scikit-learn read (Wolpert 1992, "Stacked Generalization"; Ke et al. 2017, "LightGBM"). What these
predict takes the place of zero in damped biases, so a cold item has it; the trees are not kept.
"""

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt

from reelbench.features.matrices import dense_columns, dense_matrix, kernel_columns
from reelbench.models.base import Features, Interactions
from reelbench.models.shared.biases import (
    Biases,
    BiasModel,
    DampingConfig,
    damped_biases,
    feature_prior,
)
from reelbench.params import ParamsError


class BoostedConfig(DampingConfig):
    """Parameters."""

    item_damping: PositiveFloat = 5.0  # pseudo-ratings of every item at what its features suggest
    #: blocks whose columns the trees read themselves, if the model declares them
    columns: tuple[str, ...] = ("genres", "years", "numeric")
    #: of the kernel ridge regression: factor on the columns of a block, 1 for a block without one
    weights: dict[str, PositiveFloat] = Field(default_factory=dict)
    gamma: PositiveFloat = 0.3  # of its kernel: how fast it falls with squared distance
    landmarks: PositiveInt = 2000  # items of train that stand for all, as in `st`
    regularization: PositiveFloat = 0.05  # its L2 penalty
    folds: PositiveInt = Field(4, ge=2)  # for its predictions of the items of train
    trees: PositiveInt = 200
    leaves: PositiveInt = 15  # most leaves of a tree
    learning_rate: PositiveFloat = 0.05
    ridge_share: float = Field(0.0, ge=0, le=1)  # of the regression's own prediction in the prior
    #: column of block `numeric`, a logarithm there, that counts the votes whose mean a rating is:
    #: an item of train weighs n / (n + vote_damping), and 1 without votes. None: it weighs by its
    #: number of ratings
    votes: str | None = None
    vote_damping: PositiveFloat = 50.0


class Boosted(BiasModel):
    """Biases with a prior by boosted trees."""

    config: BoostedConfig
    stochastic = True

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        config = self.config
        plain = damped_biases(train, features.ids, config)
        residual = train.rating - plain.mean - plain.user[train.user_idx]
        count = np.bincount(train.item_idx, minlength=features.ids.n_items)
        total = np.bincount(train.item_idx, residual, minlength=features.ids.n_items)
        prior = self._prior(total, count, features)
        item = (total + config.item_damping * prior) / (count + config.item_damping)
        self._biases = Biases(plain.mean, plain.user, np.append(item, 0.0))

    def _prior(self, total: np.ndarray, count: np.ndarray, features: Features) -> np.ndarray:
        """Expected bias of every item, float64 (n_items,), from sums and numbers of residuals."""
        from sklearn.ensemble import HistGradientBoostingRegressor

        config, n_items, known = self.config, features.ids.n_items, np.flatnonzero(count)
        weighted = dense_matrix(features, config.weights)
        own = [dense_columns(features[n], n_items) for n in config.columns if n in features]
        mean = np.divide(total, count, out=np.zeros(n_items), where=count > 0)
        weight = self._weights(count, features)
        rng = np.random.default_rng(self.seed)
        some = np.sort(rng.permutation(known)[: config.landmarks])
        columns = kernel_columns(weighted, some, config.gamma)
        ridge = feature_prior(columns, mean, weight, config.regularization)
        fold = rng.permutation(n_items) % config.folds
        for number in range(config.folds):
            inside = fold == number
            others = feature_prior(columns, mean, weight * ~inside, config.regularization)
            ridge = np.where(inside & (count > 0), others, ridge)
        trees = HistGradientBoostingRegressor(
            max_iter=config.trees,
            max_leaf_nodes=config.leaves,
            learning_rate=config.learning_rate,
            early_stopping=False,
            random_state=self.seed % 2**32,
        )
        design = np.hstack([*own, ridge[:, None]])
        trees.fit(design[known], mean[known], sample_weight=weight[known])
        share = config.ridge_share
        return share * ridge + (1 - share) * np.asarray(trees.predict(design), dtype=np.float64)

    def _weights(self, count: np.ndarray, features: Features) -> np.ndarray:
        """How precise the mean residual of every item is, float64 (n_items,), 0 without one."""
        if (name := self.config.votes) is None:
            return np.asarray(count / (count + self.config.item_damping))
        block = features["numeric"]
        if name not in block["columns"]:
            raise ParamsError(f"votes: block numeric of these data has no column '{name}'")
        column = block["columns"].tolist().index(name)
        _, mean, deviation = block["moments"][column]
        logarithm = mean + deviation * block["numeric"][:, column].astype(np.float64)
        votes = np.round(np.expm1(logarithm))
        # what stands in place of the mean of no votes is no estimate, and so has no error
        weight = np.where(votes > 0, votes / (votes + self.config.vote_damping), 1.0)
        return np.asarray(weight * (count > 0))
