"""Precision of a ranker on any part, with or without what the user has rated in the list.

The honest figure is that of `evaluate`. Publication C gives two others, which LightFM's
`precision_at_k` computes where it is not told what was in train: of train, whose answers the model
has learned, and of test with the movies of train left in the list, where they take most places.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from reelbench.data.interactions import Interactions
from reelbench.evaluation.ranking_metrics import hits_of, precision
from reelbench.evaluation.top_k import top_k
from reelbench.models.base import Recommender

# scores held at once
_CELLS = 10_000_000


def precision_at(
    model: Recommender, part: Interactions, k: int, remove: Interactions | None = None
) -> float:
    """Mean over the users of a part of the share of the first k that are in the part.

    Args:
        model: fitted.
        part: every row is relevant.
        remove: ratings whose movies are left out of their users' lists; None: nothing is.

    Returns:
        0 to 1; over k also where fewer movies could be recommended.

    Raises:
        ValueError: the part is empty.
    """
    if len(part) == 0:
        raise ValueError("the part is empty: there is no user to rank for")
    size = (model.ids.n_users, model.ids.n_items)
    relevant = part.seen(*size)
    seen = sparse.csr_array(size, dtype=bool) if remove is None else remove.seen(*size)
    users = np.unique(part.user_idx)
    step = max(1, _CELLS // size[1])
    found = []
    for chunk in np.split(users, range(step, len(users), step)):
        lists = top_k(model.score(chunk), seen[chunk], k)
        own = relevant[chunk]
        found.append(precision(hits_of(lists, own), np.diff(own.indptr), k))
    return float(np.concatenate(found).mean())
