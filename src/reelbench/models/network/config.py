"""Parameters of the network."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from reelbench.params import Section


class NetworkConfig(Section):
    factors: PositiveInt
    #: units of the hidden layers between features and factors; empty: a projection
    user_hidden: tuple[PositiveInt, ...]
    item_hidden: tuple[PositiveInt, ...]
    #: units of the hidden layers on top of the factors; empty: the dot product alone
    hidden: tuple[PositiveInt, ...]
    head: Literal["linear", "sigmoid"]
    loss: Literal["mse", "mae", "huber", "binary_crossentropy"]
    epochs: PositiveInt
    #: standard deviation of embeddings before the first epoch
    init_std: PositiveFloat
    #: epochs without a better valid RMSE before training stops
    patience: PositiveInt
    batch_size: PositiveInt
    learning_rate: PositiveFloat
    #: L2 penalty of the embeddings of a rating's user and item
    regularization: NonNegativeFloat
    #: L2 penalty of the projections of features
    feature_regularization: NonNegativeFloat
    #: an embedding counts n / (n + damping) where n are the ratings in train
    embedding_damping: NonNegativeFloat
    #: share of embeddings that are dropped whole in training
    embedding_dropout: float = Field(ge=0, lt=1)
    #: share of hidden units that are dropped in training
    dropout: float = Field(ge=0, lt=1)
    #: length of the vector of a title, beside genres that are ones and zeros
    title_scale: PositiveFloat
    #: whether the word vectors of titles are trained too
    train_vectors: bool
    user_damping: NonNegativeFloat
    item_damping: PositiveFloat
    #: L2 penalty of the ridge from features to item effects
    prior_regularization: PositiveFloat

    @model_validator(mode="after")
    def _a_probability_needs_its_head(self) -> Self:
        if self.loss == "binary_crossentropy" and self.head != "sigmoid":
            raise ValueError("loss: binary_crossentropy needs head: sigmoid")
        return self
