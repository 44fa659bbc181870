"""Scores of all movies → the best of them, with everything that is told of each."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from reelbench.columns import GENRES, ITEM_ID, TITLE, YEAR
from reelbench.evaluation.ranking import NO_ITEM, top_k
from reelbench.serving.answer import AskError, Recommendation
from reelbench.serving.library import Library
from reelbench.serving.reasons import Anchors, reasons


def best(
    library: Library, scores: np.ndarray, seen: sparse.csr_array, k: int, anchors: Anchors
) -> tuple[Recommendation, ...]:
    """The k movies of highest score that are not seen, ties by index, as in the evaluation.

    Args:
        scores: floats (n_items,); -inf is never listed.
        seen: boolean CSR (1, n_items).

    Raises:
        AskError: k is less than 1.
    """
    if k < 1:
        raise AskError(f"a list has at least 1 movie, not {k}")
    found = top_k(scores[None, :], seen, k)[0]
    items = found[found != NO_ITEM].astype(np.int64)
    return listed(library, items, scores[items], reasons(library, items, anchors))


def listed(
    library: Library, items: np.ndarray, scores: np.ndarray, why: list[tuple[str, ...]]
) -> tuple[Recommendation, ...]:
    """Movies in an order that is given."""
    table = library.items.iloc[items]
    rows = zip(items, table[ITEM_ID], table[TITLE], table[YEAR], table[GENRES], strict=True)
    return tuple(
        Recommendation(
            rank=rank,
            item_id=item_id,
            title=title,
            year=None if pd.isna(year) else int(year),
            genres=tuple(str(genre) for genre in genres),
            score=float(scores[rank - 1]),
            rating_mean=float(library.mean[item]) if library.count[item] else None,
            rating_count=int(library.count[item]),
            reasons=why[rank - 1],
        )
        for rank, (item, item_id, title, year, genres) in enumerate(rows, start=1)
    )
