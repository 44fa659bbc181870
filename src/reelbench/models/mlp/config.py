"""Parameters of the published networks."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from reelbench.params import Section

USER, ITEM = "user", "item"


class MLPConfig(Section):
    #: width of each embedding: of `user`, of `item`, or of an array of row numbers in a declared
    #: block, such as `director`; 0: none
    embeddings: dict[str, NonNegativeInt]
    #: width of the linear map of each of these arrays of columns, such as `user_age`
    linear: dict[str, PositiveInt]
    #: arrays of columns that lie beside the embeddings as they are, such as `genres`
    columns: tuple[str, ...]
    #: concat: dense layers on all of it; dot: product of the embeddings of user and item, no more
    combine: Literal["concat", "dot"]
    #: units of the hidden layers between sparse features and the others; empty: no such layers
    text_hidden: tuple[PositiveInt, ...]
    #: what becomes of the vectors of a title's words
    title_pooling: Literal["mean", "flatten"]
    #: whether the word vectors of titles are trained too
    train_vectors: bool
    #: units of the dense layers; empty: a linear model
    hidden: tuple[PositiveInt, ...]
    activation: Literal["relu", "linear"]
    #: whether sums of a layer are standardised before its activation
    batch_norm: bool
    #: share of the inputs of the first dense layer that are dropped in training
    input_dropout: float = Field(ge=0, lt=1)
    #: share of hidden units that are dropped in training
    dropout: float = Field(ge=0, lt=1)
    #: after which of the dense layers
    dropout_after: Literal["all", "first"]
    #: linear: the rating; sigmoid: a share of the rating scale, and so is the loss
    head: Literal["linear", "sigmoid"]
    #: what an embedding without a row in train is
    cold: Literal["zeros", "untrained"]
    #: values of embeddings before the first epoch: ±0.05, Keras' he_normal, or standard normal
    embedding_init: Literal["uniform", "he_normal", "normal"]
    #: L2 penalty of the tables of embeddings
    embedding_regularization: NonNegativeFloat
    #: L2 penalty of the kernels of dense layers but the last
    regularization: NonNegativeFloat
    epochs: PositiveInt
    #: epochs without a better loss on valid before training stops; null: all epochs are run
    patience: PositiveInt | None
    #: whether the weights of the best epoch are taken, and not those of the last
    restore_best: bool
    #: factor on the learning rate after `plateau_patience` epochs without a better loss on valid
    plateau_factor: float | None = Field(gt=0, lt=1)
    plateau_patience: PositiveInt
    batch_size: PositiveInt
    learning_rate: PositiveFloat

    @model_validator(mode="after")
    def _a_product_has_two_embeddings_and_no_more(self) -> Self:
        if self.combine == "dot":
            widths = {name: width for name, width in self.embeddings.items() if width}
            pair = set(widths) == {USER, ITEM} and len(set(widths.values())) == 1
            if not pair or self.linear or self.columns or self.hidden:
                raise ValueError(
                    "combine: dot takes embeddings of user and item of one width, no linear, "
                    "columns or hidden"
                )
        if self.restore_best and self.patience is None:
            raise ValueError("restore_best needs a patience: without one no best epoch is kept")
        return self

    @property
    def first_units(self) -> int:
        """What user and item each add to: units of the first dense layer, or of the product."""
        if self.combine == "dot":
            return self.embeddings[USER]
        return self.hidden[0] if self.hidden else 1
