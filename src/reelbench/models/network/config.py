"""Parameters of the network."""

from __future__ import annotations

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from reelbench.params import Section


class NetworkConfig(Section):
    factors: PositiveInt
    #: units of the hidden layers on top of the embeddings; empty: the dot product alone
    hidden: tuple[PositiveInt, ...]
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
