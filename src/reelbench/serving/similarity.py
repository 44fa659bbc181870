"""Similarity of movies: by their metadata, and by the users who like them.

Metadata (genres, tags, director, text) holds no rating, so a list made from it is the same for
every user. A list is an int64 array of `item_idx`, the most similar movie first.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self, TypeAlias

import numpy as np
from scipy import sparse

from reelbench.columns import CAST
from reelbench.data.interactions import Ids, Interactions
from reelbench.features.block import Block
from reelbench.features.matrices import dense_columns, sparse_of, unit_rows
from reelbench.models.shared.biases import group_means

LEAD = 2  # movies by the same director that lead a list, as published
_SHRINKAGE = 10.0  # users who like both at which a similarity counts half: two may be chance
_FEWEST = 3  # with fewer users who like both movies, their similarity counts as 0

Matrix: TypeAlias = np.ndarray | sparse.csr_array


def cosines(matrix: Matrix, item: int) -> np.ndarray:
    """Cosine of a movie with every movie, itself included, float32 (n_items,).

    Rows (n_items, d), sparse or dense, have the length 1; one of zeros has the cosine 0 with all.

    Raises:
        IndexError: the matrix has no such row.
    """
    if not 0 <= item < matrix.shape[0]:
        raise IndexError(f"no movie {item}: the catalogue has 0 to {matrix.shape[0] - 1}")
    if isinstance(matrix, np.ndarray):
        return np.asarray(matrix @ matrix[item], dtype=np.float32)
    return np.asarray((matrix @ matrix[[item]].T).toarray()[:, 0], dtype=np.float32)


def same_director(director: np.ndarray, item: int) -> np.ndarray:
    """Which other movies are by the director of a movie, bool (n_items,).

    Directors are int (n_items,), 0 for an unknown one, who has no other movies.
    """
    same = (director == director[item]) & (director > 0)
    same[item] = False
    return same


def director_first(leaders: np.ndarray, order: np.ndarray) -> np.ndarray:
    """The first `LEAD` of the movies by the same director, then a list, each movie once."""
    lead = leaders[:LEAD]
    return np.concatenate([lead, order[~np.isin(order, lead)]])


@dataclass(frozen=True)
class ContentLists:
    """Metadata of a catalogue, ready for similarity; what the data set lacks has width 0."""

    #: CSR (n_items, …) with rows of length 1 or 0
    genres: sparse.csr_array
    tags: sparse.csr_array
    director: np.ndarray  # int32 (n_items,), 0 for an unknown director
    text: np.ndarray = field(repr=False)  # float32 (n_items, …), embeddings of length 1 or 0
    actors: sparse.csr_array  # float32 CSR (n_items, …), ones: who plays in which movie

    @classmethod
    def of(cls, blocks: Mapping[str, Block], n_items: int) -> Self:
        """From the blocks `genres`, `tags`, `directors`, `text` and `cast`, where they exist."""
        director = blocks.get("directors", {}).get("director", np.zeros(n_items, dtype=np.int32))
        text = blocks.get("text", {}).get("text", np.zeros((n_items, 0), dtype=np.float32))
        genres = sparse.csr_array(dense_columns(blocks.get("genres", {}), n_items))
        tags, cast = (terms(blocks.get(name, {}), n_items) for name in ("tags", CAST))
        actors = (cast[:, blocks[CAST]["roles"] == CAST] if CAST in blocks else cast) > 0
        genres = unit_rows(genres).astype(np.float32)
        return cls(genres, tags, director, text, actors.astype(np.float32))

    def content_similarity(self, item: int, genre_weight: float) -> np.ndarray:
        """Weighted cosines of genres and tags, float (n_items,), 0 for the movie itself.

        Without any tags genres have the whole weight. Movies by the same director have at least the
        smallest positive number, so that they belong to the list.
        """
        weight = genre_weight if self.tags.nnz else 1.0
        similarity = weight * cosines(self.genres, item) + (1 - weight) * cosines(self.tags, item)
        trace = np.where(same_director(self.director, item), np.finfo(np.float32).tiny, 0.0)
        similarity = np.maximum(similarity, trace)
        similarity[item] = 0.0
        return similarity

    def text_similarity(self, item: int) -> np.ndarray:
        """Cosine of sentence embeddings, float (n_items,); 0 if negative and for the movie."""
        similarity = np.maximum(cosines(self.text, item), 0.0)
        similarity[item] = 0.0
        return similarity


def terms(block: Block, n_items: int) -> sparse.csr_array:
    """The words of a block, CSR (n_items, …) with rows of length 1 or 0; width 0 without any."""
    matrix = sparse_of(block)
    return unit_rows(sparse.csr_array((n_items, 0)) if matrix is None else matrix)


@dataclass(frozen=True)
class LikedTogether:
    """Which users like which movies in train: those they rate at least as high as their mean."""

    liked: sparse.csc_array  # float32 CSC (n_users, n_items), ones

    @classmethod
    def of(cls, train: Interactions, ids: Ids) -> Self:
        """From the ratings of train."""
        mean = group_means(train.user_idx, train.rating, ids.n_users)
        high = train.rating >= mean[train.user_idx]
        pairs = train.user_idx[high], train.item_idx[high]
        ones = np.ones(int(high.sum()), dtype=np.float32)
        return cls(sparse.csc_array((ones, pairs), shape=(ids.n_users, ids.n_items)))

    def between(self, items: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Cosine of the users who like two movies, shrunk by n / (n + 10) for n who like both.

        Returns:
            float64 (n, m), 0 to 1; 0 where fewer than three users like both.
        """
        count = np.diff(self.liked.indptr).astype(np.float64)
        both = (self.liked[:, items].T @ self.liked[:, others]).toarray().astype(np.float64)
        norm = np.sqrt(np.outer(count[items], count[others])) * (both + _SHRINKAGE)
        return np.divide(both**2, norm, out=np.zeros_like(both), where=both >= _FEWEST)
