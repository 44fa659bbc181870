"""Matrices of users over items: how they are made and cut, and the row of a new user.

A user without a row (cold, or unknown and so -1) gets the mean row: where scores are linear in the
row these are the mean of all users' scores, close to popularity, and no ties.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from reelbench.data.interactions import Interactions
from reelbench.features.block import Ids
from reelbench.parallel import CSR, for_row_blocks, kernel, parts
from reelbench.params import ParamsError

_COLUMNS_AT_ONCE = 64  # columns of a product that a thread takes at a time
_TYPICAL = 100  # ratings of a user whose row is left as it is
LOWEST = 0.2  # what the lowest rating on the scale counts, where the highest counts 1


@dataclass(frozen=True)
class NewUser:
    """Ratings of a user who is not in train."""

    items: np.ndarray  # int64 (n,), `item_idx`, each once; n is at least 1
    ratings: np.ndarray  # float64 (n,), on the rating scale of the data set

    def interactions(self) -> Interactions:
        """The same as ratings of user 0, one second after the other."""
        count = len(self.items)
        return Interactions.from_arrays(np.zeros(count), self.items, self.ratings, np.arange(count))

    def last_row(self, values: np.ndarray, shape: tuple[int, int]) -> sparse.csr_array:
        """Float32 CSR whose last row has `values` (n,) at the items; all other rows are empty."""
        last = np.full(len(self.items), shape[0] - 1)
        return sparse.csr_array((values.astype(np.float32), (last, self.items)), shape=shape)


def new_users(profiles: Interactions) -> list[NewUser]:
    """The users of a part by index, which are 0 to n - 1, all of them with a rating."""
    return [
        NewUser(profiles.item_idx[rows].astype(np.int64), profiles.rating[rows].astype(np.float64))
        for _, rows in groups(profiles.user_idx)
    ]


def for_every_user(value: ArrayLike, n_users: int) -> np.ndarray:
    """One user's row for all users and the unknown one: a view (n_users + 1, …)."""
    return np.broadcast_to(value, (n_users + 1, *np.shape(value)))


def spread(values: np.ndarray, index: np.ndarray, size: int, others: ArrayLike = 0.0) -> np.ndarray:
    """Values (n, …) in the places (n,) of their indices: (size + 1, …), `others` elsewhere."""
    found = np.empty((size + 1, *values.shape[1:]), values.dtype)
    found[:] = others
    found[index] = values
    return found


def preference(rating: np.ndarray, ids: Ids, rating_power: float) -> np.ndarray:
    """How strongly each rating (n,) speaks for the choice of a movie, float32 (n,).

    To watch a movie is to have chosen it: the lowest rating on the scale counts 0.2 where the
    highest counts 1, on a line between. `rating_power` is an exponent on that; 0 gives ones.
    """
    width = max(ids.rating_max - ids.rating_min, 1e-12)
    share = (rating.astype(np.float32) - ids.rating_min) / width
    return ((LOWEST + (1 - LOWEST) * share) ** rating_power).astype(np.float32)


def preferences(
    train: Interactions, ids: Ids, rating_power: float, user_power: float = 0.0
) -> sparse.csr_array:
    """The `preference` of every rating, CSR (n_users, n_items); no entry is 0.

    The row of a user with n ratings is times the root of (n / 100)^-user_power, whose square is the
    weight of the user's squared errors.
    """
    weight = preference(train.rating, ids, rating_power)
    counts = np.maximum(np.bincount(train.user_idx).astype(np.float32), 1)
    weight *= ((counts / np.float32(_TYPICAL)) ** np.float32(-user_power / 2))[train.user_idx]
    return sparse.csr_array((weight, train.columns()[:2]), shape=(ids.n_users, ids.n_items))


def at_least(ratings: Interactions, min_rating: float | None) -> Interactions:
    """Those of `min_rating` and more, None: all; a ParamsError if there are none."""
    chosen = ratings if min_rating is None else ratings.select(ratings.rating >= min_rating)
    if not len(chosen):
        raise ParamsError(
            f"no train rating reaches min_rating {min_rating:g} (the highest is "
            f"{ratings.rating.max():g}): lower it in the model's file in conf/models"
        )
    return chosen


def choices(train: Interactions, ids: Ids, min_rating: float | None) -> sparse.csr_array:
    """Ones where a rating is `at_least` that, float32 CSR (n_users, n_items)."""
    return at_least(train, min_rating).seen(ids.n_users, ids.n_items).astype(np.float32)


def in_order(ratings: Interactions, min_rating: float | None = None) -> Interactions:
    """Rows `at_least` that by user, time and `item_idx`, as in the splits."""
    rows = at_least(ratings, min_rating)
    return rows.select(np.lexsort((rows.item_idx, rows.timestamp, rows.user_idx)))


def age(user_idx: np.ndarray) -> np.ndarray:
    """How many ratings of the same user come after each, int64 (n,), for rows sorted by user."""
    last = np.append(np.flatnonzero(np.diff(user_idx)), len(user_idx) - 1)
    return np.repeat(last, np.diff(last, prepend=-1)) - np.arange(len(user_idx))


def with_unknown(train: Interactions, values: np.ndarray, ids: Ids) -> sparse.csr_array:
    """Values (n,) of ratings, CSR (n_users + 1, n_items + 1); the last row and column are empty."""
    shape = (ids.n_users + 1, ids.n_items + 1)
    return sparse.csr_array((values, (train.user_idx, train.item_idx)), shape=shape)


@dataclass(frozen=True)
class Profiles:
    """Rows of users over items, and the mean row for users without ratings."""

    #: float32 CSR (n_users + 1, n_items); the last row is the mean of the rows with an entry, rows
    #: of cold users are empty
    matrix: sparse.csr_array

    @classmethod
    def of(cls, user_items: sparse.csr_array) -> Self:
        """Profiles with the rows of `user_items`, CSR (n_users, n_items)."""
        warm = max(1, np.count_nonzero(np.diff(user_items.indptr)))
        mean = sparse.csr_array(user_items.sum(axis=0)[None, :] / warm)
        stacked = sparse.csr_array(sparse.vstack([user_items, mean], format="csr"))
        return cls(stacked.astype(np.float32))

    @property
    def users(self) -> sparse.csr_array:
        """Rows of the users, float32 CSR (n_users, n_items)."""
        return self.matrix[:-1]

    def place(self, user_idx: np.ndarray) -> np.ndarray:
        """Row number for each user, int64 (n,); that of the mean for cold and unknown users."""
        cold = np.diff(self.matrix.indptr)[user_idx] == 0
        return np.where(cold | (user_idx < 0), self.matrix.shape[0] - 1, user_idx)

    def rows(self, user_idx: np.ndarray) -> sparse.csr_array:
        """CSR (n, n_items), the mean for cold and unknown users."""
        return self.matrix[self.place(user_idx)]


def gram(matrix: sparse.csr_array, threads: int) -> np.ndarray:
    """matrixᵀ · matrix, float64 (n_columns, n_columns), with zeros above the diagonal."""
    products = np.zeros((matrix.shape[1],) * 2)
    columns, rows = parts(matrix.T.tocsr().astype(np.float64)), parts(matrix)

    def work(block: slice) -> None:
        add_products(columns, rows, block.start, block.stop, products[block], True)

    for_row_blocks(work, len(products), block=_COLUMNS_AT_ONCE, threads=threads)
    return products


@kernel
def add_products(
    left: CSR, right: CSR, first: int, last: int, block: np.ndarray, lower: bool
) -> None:
    """Add the rows of left · right from `first` to `last`, `lower`: up to the diagonal."""
    starts, columns, values = left
    right_starts, others, other_values = right
    for row in range(first, last):
        sums = block[row - first]
        for entry in range(starts[row], starts[row + 1]):
            value = values[entry]
            for place in range(right_starts[columns[entry]], right_starts[columns[entry] + 1]):
                if lower and others[place] > row:
                    break
                sums[np.uint32(others[place])] += value * other_values[place]


def groups(index: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Every distinct value of a non-empty index (n,), and its positions in ascending order."""
    order = np.argsort(index, kind="stable")
    values, starts = np.unique(index[order], return_index=True)
    return zip(values.tolist(), np.split(order, starts[1:]), strict=True)
