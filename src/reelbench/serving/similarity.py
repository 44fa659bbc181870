"""Lists of movies like a movie: by genres, tags, director, overview and text, and combined.

Everything here is of the catalogue's metadata: no rating is read, and the same list goes to
everybody. The combined list with a weighted sum in place of shares is `Content.similar`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from scipy import sparse

from reelbench.columns import ITEM_IDX, TAG
from reelbench.data.interactions import Interactions
from reelbench.features.block import Block, Catalogue, Ids
from reelbench.features.matrices import dense_columns
from reelbench.features.sparse import sparse_of
from reelbench.features.text import TextBlock
from reelbench.models.content import cosines, unit_rows
from reelbench.models.shared.biases import group_means

#: movies of the same director that lead a combined list, as published
LEAD = 2


@dataclass(frozen=True)
class Listing:
    """Movies in the order in which they are recommended.

    Attributes:
        items: int64 (n,), `item_idx`.
        likeness: float32 (n,), cosine to the movie asked for, of the list that each comes from.
    """

    items: np.ndarray
    likeness: np.ndarray

    def first(self, k: int) -> Listing:
        """The first k at most."""
        return Listing(self.items[:k], self.likeness[:k])

    def without(self, items: np.ndarray) -> Listing:
        """Less some movies."""
        kept = ~np.isin(self.items, items)
        return Listing(self.items[kept], self.likeness[kept])

    def then(self, other: Listing) -> Listing:
        """This list, and after it what only the other has."""
        rest = other.without(self.items)
        items = np.concatenate([self.items, rest.items])
        return Listing(items, np.concatenate([self.likeness, rest.likeness]))


def neighbours(matrix: np.ndarray | sparse.csr_array, item: int) -> Listing:
    """All movies that share something with a movie, by descending cosine, ties by index.

    Args:
        matrix: rows of length 1 or 0 (n_items, d), sparse or dense.
        item: its row; a row of zeros is like nothing.

    Returns:
        The movies with a cosine above 0, without the one asked for.

    Raises:
        IndexError: there is no such row.
    """
    if not 0 <= item < matrix.shape[0]:
        raise IndexError(f"no movie {item}: the catalogue has 0 to {matrix.shape[0] - 1}")
    alike = matrix @ matrix[item] if isinstance(matrix, np.ndarray) else cosines(matrix, item)
    alike = np.asarray(alike, dtype=np.float32)
    order = np.argsort(-alike, kind="stable")
    order = order[(alike[order] > 0) & (order != item)]
    return Listing(order, alike[order])


def by_director(director: np.ndarray, item: int, like: Listing) -> Listing:
    """Movies of the same known director: first those of a list, in its order, then by index.

    Args:
        director: int (n_items,), 0 for an unknown one.
        like: a list whose order and likeness count; the likeness of others is 0.
    """
    same = np.flatnonzero((director == director[item]) & (director > 0))
    same = same[same != item]
    listed = np.isin(like.items, same)
    first = Listing(like.items[listed], like.likeness[listed])
    return first.then(Listing(same, np.zeros(len(same), dtype=np.float32)))


def led_by(lead: Listing, rest: Listing, k: int, places: int = LEAD) -> Listing:
    """Up to `places` movies of one list, then the other list: k movies at most, each once."""
    return lead.first(min(places, k)).then(rest).first(k)


def shared(one: Listing, other: Listing, k: int, weight: float) -> Listing:
    """The top of two lists: round(weight · k) places for the first, the rest for the other.

    What is in both counts for the first. Where one is too short the other fills up.

    Raises:
        ValueError: the weight is not in 0 … 1.
    """
    if not 0 <= weight <= 1:
        raise ValueError(f"weight must be between 0 and 1, got {weight}")
    own = one.first(round(weight * k))
    return own.then(other).first(k).then(one).first(k)


@dataclass(frozen=True)
class ContentLists:
    """What lists are made of; a source that the data set has not is of width 0.

    Attributes:
        genres, tags, overviews: CSR (n_items, …) with rows of length 1 or 0.
        director: int32 (n_items,), 0 for an unknown one.
        text: float32 (n_items, …), sentence embeddings of length 1 or 0.
    """

    genres: sparse.csr_array
    tags: sparse.csr_array
    overviews: sparse.csr_array
    director: np.ndarray
    text: np.ndarray = field(repr=False)

    @classmethod
    def of(cls, blocks: Mapping[str, Block], n_items: int) -> ContentLists:
        """From the blocks `genres`, `tags`, `overviews`, `directors`, `text` that are given."""
        director = blocks.get("directors", {}).get("director", np.zeros(n_items, dtype=np.int32))
        text = blocks.get("text", {}).get("text", np.zeros((n_items, 0), dtype=np.float32))
        genres = sparse.csr_array(dense_columns(blocks.get("genres", {}), n_items))
        tags, overviews = (_words(blocks.get(name, {}), n_items) for name in ("tags", "overviews"))
        return cls(unit_rows(genres), tags, overviews, director, text)

    def by_genres(self, item: int, k: int) -> Listing:
        """Cosine of genres."""
        return neighbours(self.genres, item).first(k)

    def by_tags(self, item: int, k: int) -> Listing:
        """Cosine of the TF-IDF of tags."""
        return neighbours(self.tags, item).first(k)

    def by_overview(self, item: int, k: int) -> Listing:
        """Cosine of the TF-IDF of overviews."""
        return neighbours(self.overviews, item).first(k)

    def by_text(self, item: int, k: int) -> Listing:
        """Cosine of sentence embeddings."""
        return neighbours(self.text, item).first(k)

    def by_director(self, item: int, k: int) -> Listing:
        """The same director, most alike by tags first."""
        return by_director(self.director, item, neighbours(self.tags, item)).first(k)

    def combined(self, item: int, k: int, genre_weight: float) -> Listing:
        """List 1: up to two by the director, then by genres and by tags in shares of the rest."""
        lead = self.by_director(item, min(LEAD, k))
        genres, tags = (neighbours(m, item).without(lead.items) for m in (self.genres, self.tags))
        return lead.then(shared(genres, tags, k - len(lead.items), genre_weight))

    def combined_with_text(self, item: int, k: int) -> Listing:
        """List 2: up to two by the director, then by sentence embeddings."""
        text = neighbours(self.text, item)
        return led_by(by_director(self.director, item, text), text, k)


def _words(block: Block, n_items: int) -> sparse.csr_array:
    matrix = sparse_of(block)
    return unit_rows(sparse.csr_array((n_items, 0)) if matrix is None else matrix)


def genre_and_tag_vectors(catalogue: Catalogue, batch_size: int, threads: int = 1) -> np.ndarray:
    """Mean of the embeddings of a movie's genres and of its tags, rows of length 1.

    A movie is encoded once, and not once per rating. Genres or tags that are not known leave the
    other; neither, a row of zeros.

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


# people who like both, at which the likeness counts half: two who agree are chance
_SHRINKAGE = 10.0
# fewer are not worth a word
_FEWEST = 3


@dataclass(frozen=True)
class LikedTogether:
    """Who likes what: rates it at least as high as the own mean.

    Attributes:
        liked: float32 CSC (n_users, n_items), ones.
    """

    liked: sparse.csc_array

    @classmethod
    def of(cls, train: Interactions, ids: Ids) -> LikedTogether:
        """From the ratings of train."""
        mean = group_means(train.user_idx, train.rating, ids.n_users)
        high = train.rating >= mean[train.user_idx]
        pairs = train.user_idx[high], train.item_idx[high]
        ones = np.ones(int(high.sum()), dtype=np.float32)
        return cls(sparse.csc_array((ones, pairs), shape=(ids.n_users, ids.n_items)))

    def between(self, items: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Cosine of who likes them, shrunk by n / (n + 10) for n people who like both.

        Args:
            items: movies (n,).
            others: movies (m,).

        Returns:
            float64 (n, m), 0 to 1; 0 where fewer than three people like both.
        """
        count = np.diff(self.liked.indptr).astype(np.float64)
        both = (self.liked[:, items].T @ self.liked[:, others]).toarray().astype(np.float64)
        norm = np.sqrt(np.outer(count[items], count[others])) * (both + _SHRINKAGE)
        return np.divide(both**2, norm, out=np.zeros_like(both), where=both >= _FEWEST)
