"""What the faults of published protocols do to an evaluation; without a fault, nothing."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from scipy import sparse

from reelbench.data.interactions import Interactions
from reelbench.evaluation.cohorts import cold
from reelbench.faults import Fault


def scored_rows(
    train: Interactions, valid: Interactions, test: Interactions, faults: Collection[Fault]
) -> Interactions:
    """The ratings that errors are taken of: those of test, or what a fault makes of them."""
    rows = test
    if Fault.SCORE_TRAIN_ROWS in faults:
        rows = joined(train, valid, test)
    if Fault.DROP_COLD_ITEMS in faults:
        rows = _where(rows, ~cold(rows.item_idx, train.item_idx))
    return rows


def joined(*parts: Interactions) -> Interactions:
    """The rows of all parts, one part after the other."""
    columns = zip(*((p.user_idx, p.item_idx, p.rating, p.timestamp) for p in parts), strict=True)
    return Interactions.from_arrays(*map(np.concatenate, columns))


def own_candidates(
    test: Interactions, shape: tuple[int, int], faults: Collection[Fault]
) -> sparse.csr_array | None:
    """Boolean CSR (n_users, n_items) of each user's own candidates; None: all have the same."""
    return test.seen(*shape) if Fault.OWN_TEST_ITEMS_ONLY in faults else None


def _where(rows: Interactions, keep: np.ndarray) -> Interactions:
    return Interactions.from_arrays(
        rows.user_idx[keep], rows.item_idx[keep], rows.rating[keep], rows.timestamp[keep]
    )
