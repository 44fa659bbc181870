"""What the machine knows of users and of items, as sparse rows, and its parameters.

A side (users or items) is groups of columns beside each other, and a group shares one prior. First
come the columns of the train part, a column per warm user (item) and the implicit feedback, then
what is known without it.

A cold user is taken for the mean of the warm ones in id and feedback: merely new. A cold item is
that in its id alone and has no feedback: nobody chose it in all the time of the train part, and
items that few chose are rated lower.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator
from scipy import sparse

from reelbench.features import matrices
from reelbench.features.block import Block, Features
from reelbench.models.base import Interactions, Section

_YEAR, _KNOWN, _MOMENTS = "year", "known", "moments"  # arrays of the block `years`


class FMConfig(Section):
    """Parameters of the machine and of its columns."""

    rank: PositiveInt = 10  # length of the vector v of every column
    chains: PositiveInt = 1  # runs of the Gibbs sampler, each from another start
    iterations: PositiveInt = 100  # iterations of each
    #: ratings of train times iterations of all chains, at most: of many ratings fewer chains run,
    #: at least one
    max_steps: PositiveInt = 40_000_000
    burn_in: NonNegativeInt = 10  # iterations at the start of each whose samples are not averaged
    init_std: PositiveFloat = 0.1  # standard deviation of the vectors before the first iteration
    items_of_user: bool = True  # whether a user is also the items that they rated
    users_of_item: bool = True  # whether an item is also the users who rated it
    count_bins: bool = False  # whether there is a column for the magnitude of train counts
    period_years: PositiveInt = 4  # years of a release period, where there is the block `years`
    #: declared blocks that are read; None: all
    blocks: tuple[str, ...] | None = None
    #: block → number of principal components that its columns are reduced to
    components: dict[str, PositiveInt] = Field(default_factory=dict)
    #: rating points (root mean square over all pairs) by which storing fewer factors may change the
    #: mean prediction
    tolerance: float = Field(default=0.005, ge=0, lt=1)
    #: further machines whose samples are averaged with these: what each of them has in place of the
    #: parameters above
    others: tuple[dict[str, Any], ...] = ()

    @property
    def machines(self) -> list[Self]:
        """Parameters of this machine and of the others."""
        own = self.model_dump(exclude={"others"})
        return [self, *(type(self).model_validate(own | other) for other in self.others)]

    def chains_for(self, n_ratings: int) -> int:
        """Number of chains that are run for a number of ratings in train."""
        return min(self.chains, max(1, self.max_steps // (self.iterations * n_ratings)))

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        if self.burn_in >= self.iterations:
            raise ValueError(
                f"burn_in ({self.burn_in}) must be less than iterations ({self.iterations})"
            )
        if any("others" in machine.model_fields_set for machine in self.machines[1:]):
            raise ValueError("a machine among others has no others itself")
        return self


@dataclass(frozen=True)
class Side:
    """Users or items, n of them and one more row for the unknown."""

    warm: np.ndarray  # int64, sorted: who has a train row
    learned: sparse.csr_matrix  # CSR (len(warm), d), rows of the warm ones as they are in training
    #: CSR (n + 1, c), of all as they are in prediction: the first c columns, in which all that are
    #: not warm stand for the mean of the warm ones
    own: sparse.csr_array
    known: sparse.csr_array  # CSR (n + 1, d - c), the other columns
    groups: list[int]  # number of columns of each group


def user_side(train: Interactions, features: Features, config: FMConfig) -> Side:
    """Ids and items of the user; columns over users, number of ratings."""
    n_users = features.ids.n_users
    rated = train.seen(n_users, features.ids.n_items)
    count = np.bincount(train.user_idx, minlength=n_users)
    own = [_ids(count)]
    if config.items_of_user:
        own.append(_of_length_one(rated[:, np.unique(train.item_idx)]))
    blocks = _read(features, config).values()
    known = [sparse.csr_array(matrices.user_columns(block, n_users)) for block in blocks]
    return _side(count, own, known, config.count_bins)


def item_side(train: Interactions, features: Features, config: FMConfig) -> Side:
    """Ids; users of the item, a group per feature block, number of ratings."""
    n_items = features.ids.n_items
    rated = train.seen(features.ids.n_users, n_items).T.tocsr()
    count = np.bincount(train.item_idx, minlength=n_items)
    blocks = _read(features, config).items()
    known = [_item_columns(name, block, count > 0, config) for name, block in blocks]
    if config.users_of_item:
        known.insert(0, _of_length_one(rated[:, np.unique(train.user_idx)]))
    return _side(count, [_ids(count)], known, config.count_bins)


def _read(features: Features, config: FMConfig) -> dict[str, Block]:
    """The declared blocks that the machine reads; a KeyError for one that is not declared."""
    return {name: features[name] for name in (features if config.blocks is None else config.blocks)}


def _item_columns(name: str, block: Block, warm: np.ndarray, config: FMConfig) -> sparse.csr_array:
    """Columns over items of one block: a sparse matrix, periods, components, or as they are."""
    vocabulary = matrices.sparse_of(block)
    if vocabulary is not None:
        return _of_length_one(vocabulary)
    if _MOMENTS in block and _YEAR in block:
        return sparse.csr_array(periods(block, warm, config.period_years))
    columns = matrices.dense_columns(block, len(warm))
    if name in config.components:
        columns = matrices.principal_components(columns, warm, config.components[name])
        # mean squared length 1
        length = np.sqrt((columns[warm] ** 2).sum(axis=1).mean()) if columns.size else 0.0
        columns = columns / (length or 1.0)
    return sparse.csr_array(columns)


def periods(block: Block, warm: np.ndarray, length: int) -> np.ndarray:
    """Ones and zeros (n_items, n_periods): the periods of years that items with a train row have.

    An item of an unknown year, or of a period without such an item, has none.
    """
    mean, deviation = block[_MOMENTS]
    year = np.rint(block[_YEAR][:, 0] * deviation + mean).astype(np.int64)
    period = np.where(block[_KNOWN][:, 0] > 0, year // length, -1)
    return (period[:, None] == np.unique(period[warm & (period >= 0)])).astype(np.float64)


def _of_length_one(matrix: sparse.csr_array) -> sparse.csr_array:
    """Rows scaled to length 1, so ones become 1/√n as in SVD++ (Koren 2008); an empty one stays."""
    return matrices.unit_rows(matrix.astype(np.float64))


def _ids(count: np.ndarray) -> sparse.csr_array:
    """A column for everyone with a train row."""
    warm = count > 0
    return matrices.one_hot(np.where(warm, np.cumsum(warm) - 1, -1), int(warm.sum()))


def _side(
    count: np.ndarray,
    own: list[sparse.csr_array],
    known: list[sparse.csr_array],
    count_bins: bool,
) -> Side:
    warm = np.flatnonzero(count)
    own, known = ([g for g in groups if g.shape[1]] for groups in (own, known))
    learned = [group[warm] for group in (*own, *known)]
    # the unknown, in the last row, is in no group, and it has no ratings like the cold
    known = [_with_empty_row(group) for group in known]
    if count_bins:
        # a rating was not yet there when it was given: in training the others are counted
        learned_bins = _magnitude(count[warm] - 1)
        bins = np.unique(learned_bins)
        learned.append(_bins(learned_bins, bins))
        known.append(_bins(_magnitude(np.append(count, 0)), bins))
    nothing = sparse.csr_array((len(count) + 1, 0))
    return Side(
        warm,
        sparse.csr_matrix(sparse.hstack(learned, format="csr")),
        _with_empty_row(sparse.hstack(own, format="csr")),
        sparse.hstack([nothing, *known], format="csr"),
        [group.shape[1] for group in learned],
    )


def _with_empty_row(group: sparse.csr_array) -> sparse.csr_array:
    return sparse.vstack([group, sparse.csr_array((1, group.shape[1]))], format="csr")


def _magnitude(count: np.ndarray) -> np.ndarray:
    """Number of the bin of a count: 0, 1, 2 to 3, 4 to 7, 8 to 15 and so on."""
    return np.ceil(np.log2(count + 1.0)).astype(np.int64)


def _bins(number: np.ndarray, bins: np.ndarray) -> sparse.csr_array:
    """A column per bin, CSR (n, len(bins)); a number that is no bin goes to the nearest one."""
    return matrices.one_hot(np.abs(number[:, None] - bins).argmin(axis=1), len(bins))
