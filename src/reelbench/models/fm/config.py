"""Parameters of the factorisation machine."""

from __future__ import annotations

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from reelbench.params import Section


class FMConfig(Section):
    #: length of the vector v of every column
    rank: PositiveInt
    #: runs of the sampler, each from another start
    chains: PositiveInt
    #: Gibbs iterations of each
    iterations: PositiveInt
    #: iterations at the start of each whose samples are not averaged
    burn_in: NonNegativeInt
    #: standard deviation of the vectors before the first iteration
    init_std: PositiveFloat
    #: whether a user is also the items that they rated
    items_of_user: bool
    #: whether an item is also the users who rated it
    users_of_item: bool
    #: whether users and items have a column for the magnitude of their number of train ratings
    count_bins: bool
    #: length of a release period, where block `years` is declared
    period_years: PositiveInt
    #: blocks that are reduced to this many principal components, where they are declared
    components: dict[str, PositiveInt]
    #: rating points (root mean square over all pairs) by which storing fewer factors may change the
    #: mean prediction
    tolerance: float = Field(ge=0, lt=1)

    @model_validator(mode="after")
    def _a_sample_is_left(self) -> FMConfig:
        if self.burn_in >= self.iterations:
            raise ValueError(
                f"burn_in ({self.burn_in}) must be less than iterations ({self.iterations})"
            )
        return self
