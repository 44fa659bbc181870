"""Lists of similar movies as system A makes them: by one kind of metadata each, and combined."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from reelbench.columns import ITEM_IDX, TAG
from reelbench.features.block import Catalogue
from reelbench.features.text import TextBlock
from reelbench.serving.similarity import (
    LEAD,
    ContentLists,
    Matrix,
    cosines,
    director_first,
    same_director,
)


def neighbours(matrix: Matrix, item: int) -> np.ndarray:
    """Movies with a positive cosine, without the movie itself; ties by index. See `cosines`."""
    similarity = cosines(matrix, item)
    order = np.argsort(-similarity, kind="stable")
    return order[(similarity[order] > 0) & (order != item)]


def then(first: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """A list, followed by those movies of another list that it does not have."""
    return np.concatenate([first, rest[~np.isin(rest, first)]])


def shared(one: np.ndarray, other: np.ndarray, k: int, weight: float) -> np.ndarray:
    """The first k of two lists: round(weight · k) places for the first, the rest for the other.

    A movie of both lists takes a place of the first. Where one list is too short the other fills
    its places.

    Raises:
        ValueError: the weight is not in 0 … 1.
    """
    if not 0 <= weight <= 1:
        raise ValueError(f"weight must be between 0 and 1, got {weight}")
    return then(then(one[: round(weight * k)], other)[:k], one)[:k]


@dataclass(frozen=True)
class PublishedLists(ContentLists):
    """Metadata of a catalogue, and the lists made from it."""

    def by_genres(self, item: int, k: int) -> np.ndarray:
        """List by the cosine of genres."""
        return neighbours(self.genres, item)[:k]

    def by_tags(self, item: int, k: int) -> np.ndarray:
        """List by the cosine of the TF-IDF of tags."""
        return neighbours(self.tags, item)[:k]

    def by_text(self, item: int, k: int) -> np.ndarray:
        """List by the cosine of sentence embeddings."""
        return neighbours(self.text, item)[:k]

    def by_director(self, item: int, k: int) -> np.ndarray:
        """Movies by the same director, the most similar by tags first, then by index."""
        return self._director_by(item, self.tags)[:k]

    def _director_by(self, item: int, matrix: Matrix) -> np.ndarray:
        same = same_director(self.director, item)
        order = neighbours(matrix, item)
        return then(order[same[order]], np.flatnonzero(same))

    def combined(self, item: int, k: int, genre_weight: float) -> np.ndarray:
        """Up to two movies by the director, then genres and tags in shares of the other places."""
        lead = self.by_director(item, min(LEAD, k))
        orders = (neighbours(matrix, item) for matrix in (self.genres, self.tags))
        genres, tags = (order[~np.isin(order, lead)] for order in orders)
        return director_first(lead, shared(genres, tags, k - len(lead), genre_weight))

    def combined_with_text(self, item: int, k: int) -> np.ndarray:
        """Up to two movies by the director, then by the cosine of sentence embeddings."""
        return director_first(self._director_by(item, self.text), neighbours(self.text, item))[:k]


def genre_and_tag_vectors(catalogue: Catalogue, batch_size: int, threads: int = 1) -> np.ndarray:
    """Mean of the sentence embeddings of a movie's genres and of its tags, rows of length 1.

    Each movie is encoded once, not once per rating. A movie with genres or tags alone has the
    embedding of these, a movie with neither a row of zeros.

    Returns:
        float32 (n_items, 384), or (n_items, 0) if no movie has any.
    """
    tags = catalogue.tags.drop_duplicates([ITEM_IDX, TAG]).groupby(ITEM_IDX)[TAG].agg(list)
    of_items = tags.reindex(range(len(catalogue.items)))
    lists = [value if isinstance(value, list) else [] for value in of_items]
    items = catalogue.items.assign(**{TAG: pd.Series(lists, dtype=object).to_numpy()})
    known = replace(catalogue, items=items)
    parts = []
    for column in ("genres", TAG):
        block = TextBlock(threads=threads, batch_size=batch_size, head=False, columns=(column,))
        parts.append(block.build(known)["text"])
    width = max(part.shape[1] for part in parts)
    total = sum(part for part in parts if part.shape[1] == width)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return np.divide(total, length, out=np.zeros_like(total), where=length > 0)
