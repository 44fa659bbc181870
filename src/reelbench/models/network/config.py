"""Parameters of a network, with the values that fit MovieLens 100K."""

import math
from typing import Literal, Self

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from reelbench.models.shared.biases import DampingConfig

# ratings of train up to which the rule for batches changes nothing
_SMALL = 100_000
USER, ITEM = SIDES = ("user", "item")


class NetworkConfig(DampingConfig):
    """What a network reads, how it combines it, and how it is trained."""

    # -- what it reads

    factors: PositiveInt = 32  # width of the embeddings of users and items
    #: width of other embeddings: of arrays of row numbers in a declared block, such as `director`,
    #: or of `user` or `item` where it is not `factors`; 0: no such embedding
    embeddings: dict[str, NonNegativeInt] = Field(default_factory=dict)
    #: arrays of columns that are read, such as `genres`; null: all columns of the declared blocks
    columns: tuple[str, ...] | None = None
    #: width of a linear map for each of these arrays of columns, such as `user_age`
    linear: dict[str, PositiveInt] = Field(default_factory=dict)
    #: hidden layers between sparse features (TF-IDF) and the others; empty: none
    text_hidden: tuple[PositiveInt, ...] = ()
    #: word vectors of a title: direction of their sum, their mean, or all of them in a row
    title_pooling: Literal["direction", "mean", "flatten"] = "direction"
    #: which end of a shorter title is padded (flatten), so that words lie last or first in the row
    title_padding: Literal["front", "end"] = "front"
    title_scale: PositiveFloat = 0.4  # length of that direction, where genres are ones and zeros
    train_vectors: bool = False  # whether the word vectors of titles are trained further

    # -- how it combines it

    #: dot: features are projected to and added to the embeddings, whose product is the prediction;
    #: concat: dense layers on embeddings and features side by side
    combine: Literal["dot", "concat"] = "dot"
    #: hidden layers between features and factors (dot); empty: a projection
    user_hidden: tuple[PositiveInt, ...] = ()
    item_hidden: tuple[PositiveInt, ...] = ()
    #: dense layers before the rating; empty: the product alone (dot), a linear model (concat)
    hidden: tuple[PositiveInt, ...] = (64,)
    activation: Literal["relu", "linear"] = "relu"  # activation of the dense layers
    batch_norm: bool = False  # whether sums of a dense layer are standardised before its activation
    head: Literal["linear", "sigmoid"] = "linear"  # the rating, or (sigmoid) a share of the scale

    # -- what it starts from

    #: biases: the network learns the residual of damped biases; none: the rating
    baseline: Literal["biases", "none"] = "biases"
    item_damping: PositiveFloat = 8.0  # pseudo-ratings of every item at what its features suggest
    prior_regularization: PositiveFloat = 5.0  # L2 penalty of the ridge from features to biases
    #: values of embeddings before the first epoch: ±0.05, Keras' he_normal, or normal
    embedding_init: Literal["uniform", "he_normal", "normal"] = "normal"
    init_std: PositiveFloat = 0.02  # standard deviation of the normal ones
    #: values of dense layers before the first epoch; of `hidden` alone
    dense_init: Literal["glorot_uniform", "he_normal"] = "glorot_uniform"
    #: embedding without a rating in train: zeros, or its random first values (a published fault)
    cold: Literal["zeros", "untrained"] = "zeros"
    #: an embedding is multiplied by n / (n + damping), where n counts its ratings in train
    embedding_damping: NonNegativeFloat = 20.0

    #: frozen_vectors: the embedding of items is that of the same network with frozen word vectors,
    #: which is trained first: a layer that two published networks share, the second trains further
    pretraining: Literal["none", "frozen_vectors"] = "none"

    # -- regularisation

    regularization: NonNegativeFloat = 0.2  # L2 penalty of a rating's user and item embeddings
    #: L2 penalty of the tables of embeddings; null: none, and their gradients stay sparse, which
    #: Adam rounds otherwise than the dense ones of a penalty of 0
    embedding_regularization: NonNegativeFloat | None = None
    feature_regularization: NonNegativeFloat = 1e-6  # L2 penalty of projections of features (dot)
    kernel_regularization: NonNegativeFloat = 0.0  # L2 penalty of dense layers but the last
    embedding_dropout: float = Field(0.2, ge=0, lt=1)  # share of embeddings dropped whole
    #: share of features, and of embeddings' values (concat), that are dropped in training
    input_dropout: float = Field(0.0, ge=0, lt=1)
    dropout: float = Field(0.5, ge=0, lt=1)  # share of hidden units that are dropped in training
    dropout_after: Literal["all", "first"] = "all"  # which dense layers have their units dropped

    # -- training

    loss: Literal["mse", "mae", "huber", "binary_crossentropy"] = "mse"
    #: whether errors are those of ratings, or of ratings as shares of the rating scale
    loss_scale: Literal["ratings", "shares"] = "ratings"
    epochs: PositiveInt = 35
    batch_size: PositiveInt = 1024  # ratings per step
    learning_rate: PositiveFloat = 5e-4  # of Adam
    #: sqrt: both grow with more than 100,000 ratings in train, see `batch_and_rate`, and where they
    #: have, valid says when the rate falls and when training ends (`Annealing`); fixed: neither
    batch_rule: Literal["sqrt", "fixed"] = "sqrt"
    #: what is watched on valid after each epoch: RMSE, or the loss with its penalties
    monitor: Literal["rmse", "loss"] = "rmse"
    #: epochs without improvement on valid before training stops, fewer where the batch has grown;
    #: null: all epochs are run
    patience: PositiveInt | None = 4
    restore_best: bool = True  # whether the best epoch's weights on valid are kept, or the last
    #: factor on the learning rate after `plateau_patience` epochs without improvement; null: none
    plateau_factor: float | None = Field(None, gt=0, lt=1)
    plateau_patience: PositiveInt = 3
    #: the fitted weights are fitted again at each of these learning rates, with a new optimizer and
    #: new early stopping, and nothing is built anew (a published fault)
    continued: tuple[PositiveFloat, ...] = ()

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        if self.combine == "dot" and {self.width(side) for side in SIDES} != {self.factors}:
            raise ValueError("combine: dot needs embeddings of user and item as wide as factors")
        if self.combine == "concat" and (self.user_hidden or self.item_hidden):
            raise ValueError("user_hidden and item_hidden need combine: dot")
        if self.loss == "binary_crossentropy" and self.head != "sigmoid":
            raise ValueError("loss: binary_crossentropy needs head: sigmoid")
        if self.restore_best and self.patience is None:
            raise ValueError("restore_best needs a patience: without it no best epoch is kept")
        if self.pretraining != "none" and not self.width(ITEM):
            raise ValueError("pretraining needs an embedding of items")
        return self

    def width(self, name: str) -> int:
        """Width of the embedding of `user`, of `item` or of an array; 0: there is none."""
        return self.embeddings.get(name, self.factors if name in SIDES else 0)

    def batch_and_rate(self, n_ratings: int) -> tuple[int, float]:
        """Batch size and learning rate for a number of ratings in train.

        By the rule `sqrt`, the batch doubles with every fourfold growth of train beyond 100,000
        ratings and the rate grows with the square root of the batch (Malladi et al. 2022, "On the
        SDEs and Scaling Rules for Adaptive Gradient Algorithms").

        >>> NetworkConfig(batch_size=1024, learning_rate=0.001).batch_and_rate(20_000_000)
        (16384, 0.004)
        """
        if self.batch_rule == "fixed":
            return self.batch_size, self.learning_rate
        doublings = round(math.log2(max(1.0, n_ratings / _SMALL)) / 2)
        return self.batch_size * 2**doublings, self.learning_rate * 2 ** (doublings / 2)

    @property
    def tower_units(self) -> int:
        """Width of the output of a tower, the bias left out."""
        if self.combine == "dot":
            return self.factors
        return self.hidden[0] if self.hidden else 1
