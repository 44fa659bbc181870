"""Movies for somebody of whom nothing is known: popular ones, by weighted mean."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from reelbench.models.shared.biases import group_means
from reelbench.serving.answer import Answer
from reelbench.serving.library import Library
from reelbench.serving.listed import best
from reelbench.serving.reasons import Anchors

#: the model whose scores these are; where it is not trained, the same formula with a movie's mean
#: number of ratings in place of its prior votes
POPULAR = "weighted_mean"
#: no movie was spoken of
NOTHING_SAID = Anchors(np.array([], dtype=np.int64), np.array([]))


def popular(
    library: Library,
    k: int = 10,
    asked: str = "somebody new",
    seen: sparse.csr_array | None = None,
    anchors: Anchors = NOTHING_SAID,
) -> Answer:
    """The same movies for everybody, save for those that are seen.

    Raises:
        AskError: k is less than 1.
    """
    nothing = sparse.csr_array((1, library.ids.n_items), dtype=bool)
    found = best(library, _weighted_means(library), nothing if seen is None else seen, k, anchors)
    note = "These are popular movies, by weighted mean, the same for everybody."
    return Answer(POPULAR, asked, note, found)


def _weighted_means(library: Library) -> np.ndarray:
    if POPULAR in library.models.names:
        return library.models.get(POPULAR).score([-1])[0]
    train, size = library.train, library.ids.n_items
    return group_means(train.item_idx, train.rating, size, prior=len(train) / size)
