"""Means of what a user gave to similar items, or of what similar users gave to an item."""

import numpy as np

from reelbench.parallel import CSR, for_row_blocks, kernel

_PAIRS_AT_ONCE = 20_000  # pairs that a thread takes at a time


def means_of_pairs(
    keys: np.ndarray,
    rows: np.ndarray,
    rated: CSR,
    similar: CSR,
    *,
    k: int,
    min_k: int = 1,
    weighted: bool = True,
    threads: int = 1,
) -> np.ndarray:
    """Mean of weight · value over the first k entries of a row that the key has a value for.

    Args:
        keys: (n,) users (items), rows of `rated`, whose entries are the values.
        rows: (n,) items (users), rows of `similar`, whose entries are the weights.
        min_k: with fewer entries than this the mean is 0.
        weighted: whether the sum is divided by that of the weights, not by their number.

    Returns:
        float64 (n,).
    """
    means, order = np.zeros(len(keys)), np.argsort(keys, kind="stable")
    arrays = rated, similar, k, min_k, weighted, means

    def work(part: slice) -> None:
        _means_of_pairs(keys, rows, order[part], *arrays)

    for_row_blocks(work, len(order), block=_PAIRS_AT_ONCE, threads=threads)
    return means


@kernel
def _means_of_pairs(
    keys: np.ndarray,
    rows: np.ndarray,
    places: np.ndarray,
    rated: CSR,
    similar: CSR,
    k: int,
    min_k: int,
    weighted: bool,
    means: np.ndarray,
) -> None:
    """Of `means_of_pairs`, for the pairs in some places, those of a key one after the other."""
    starts, columns, residuals = rated
    own = np.full(len(similar[0]), np.nan, np.float32)
    key = -1
    for pair in places:
        if keys[pair] != key:
            key = keys[pair]
            own[:] = np.nan
            for entry in range(starts[key], starts[key + 1]):
                own[columns[entry]] = residuals[entry]
        total, norm, count = 0.0, 0.0, 0
        for place in range(similar[0][rows[pair]], similar[0][rows[pair] + 1]):
            residual = own[similar[1][place]]
            if not np.isnan(residual):
                if count < k:
                    weight = np.float64(similar[2][place])
                    total += weight * residual
                    norm += weight
                count += 1
                if count >= k and count >= min_k:
                    break
        if count >= min_k:
            means[pair] = total / (norm if weighted else count)


@kernel
def means_of_items(
    users: np.ndarray,
    rated: CSR,
    others: CSR,
    k: int,
    min_k: int,
    means: np.ndarray,
    weighted: bool = True,
) -> None:
    """Mean for all items (users, n_items), in place; NaN where more than k count, which are all.

    An entry of `others` is an item with the row's among its similar ones, so that no others are
    looked at.
    """
    starts, items, residuals = rated
    # three arrays take less of the cache than one of rows
    total, norm = np.zeros(means.shape[1]), np.zeros(means.shape[1])
    count = np.zeros(means.shape[1], np.int32)
    for row, user in enumerate(users):
        total[:] = 0.0
        norm[:] = 0.0
        count[:] = 0
        for entry in range(starts[user], starts[user + 1]):
            item, residual = items[entry], residuals[entry]
            for place in range(others[0][item], others[0][item + 1]):
                # an index without a sign needs no test whether it counts from the end
                weight, other = np.float64(others[2][place]), np.uint32(others[1][place])
                total[other] += weight * residual
                norm[other] += weight
                count[other] += 1
        for item in range(means.shape[1]):
            if count[item] > k:
                means[row, item] = np.nan
            elif count[item] >= min_k:
                means[row, item] = total[item] / (norm[item] if weighted else count[item])
