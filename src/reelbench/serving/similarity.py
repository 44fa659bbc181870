"""Similarity of movies: by their metadata, by the users who like them, and by both.

Metadata (genres, tags, director, text) holds no rating, so a list made from it is the same for
every user. A list is an int64 array of `item_idx`, the most similar movie first.

`Mixed` adds the similarities of several sources. Their weights are those with which the lists of
movies that users like in train rank highest what the same users like in valid.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
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

_ANCHORS, _CANDIDATES, _PLACES = 300, 100, 20  # of the search for weights, below
_STEPS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)  # weights of a source that are tried
_ROUNDS = 3  # passes over the sources
_POPULARITY = -0.25  # half for a movie with 16 times the likes: else blockbusters are near to all
_DISCOUNT = 1 / np.log2(np.arange(_PLACES) + 2)  # of nDCG
_PRIOR_VOTES, _BELOW = 2.0, 0.5  # of the floor on a movie's mean

#: from `item_idx` similarities float (n_items,), at least 0
Source: TypeAlias = Callable[[int], np.ndarray]
Matrix: TypeAlias = np.ndarray | sparse.csr_array


def cosines(matrix: Matrix, item: int) -> np.ndarray:
    """Cosine of a movie with every movie, itself included, float32 (n_items,).

    Rows (n_items, d), sparse or dense, have the length 1; one of zeros has the cosine 0 with all.

    Raises:
        IndexError: the matrix has no such row.
    """
    if not 0 <= item < matrix.shape[0]:
        raise IndexError(f"no movie {item}: the catalogue has 0 to {matrix.shape[0] - 1}")
    row = matrix[item] if isinstance(matrix, np.ndarray) else matrix[[item]].toarray()[0]
    return np.asarray(matrix @ row, dtype=np.float32)


def products(items: np.ndarray, others: np.ndarray, *matrices: sparse.csr_array) -> np.ndarray:
    """Of rows of movies (n,) with those of others (m,), summed over matrices: float64 (n, m)."""
    found = np.zeros((len(others), len(items)))
    for matrix in matrices:
        place, column, value = _entries(matrix, items)
        near = np.zeros((matrix.shape[1], len(items)), matrix.dtype)
        near[column, place] = value
        place, column, value = _entries(matrix, others)
        if len(place):
            first = np.flatnonzero(np.diff(place, prepend=-1))
            found[place[first]] += np.add.reduceat(near[column] * value[:, None], first)
    return found.T


def _entries(matrix: sparse.csr_array, rows: np.ndarray) -> tuple[np.ndarray, ...]:
    """Place in `rows`, column and value of their entries; scipy's checks take ten times as long."""
    starts = matrix.indptr[rows]
    lengths = matrix.indptr[rows + 1] - starts
    entry = np.repeat(starts - np.cumsum(lengths) + lengths, lengths)
    entry += np.arange(len(entry))
    return np.repeat(np.arange(len(rows)), lengths), matrix.indices[entry], matrix.data[entry]


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

    def sources(self) -> Iterator[tuple[str, Source]]:
        """What movies can be similar by, as far as the data set has it."""
        if self.director.any():
            yield "director", lambda item: same_director(self.director, item).astype(np.float64)
        for name, matrix in (("genres", self.genres), ("tags", self.tags), ("text", self.text)):
            if matrix.shape[1]:
                yield name, partial(positive_cosines, matrix)

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
        similarity = positive_cosines(self.text, item)
        similarity[item] = 0.0
        return similarity


def positive_cosines(matrix: Matrix, item: int) -> np.ndarray:
    """As `cosines`, 0 in place of a negative one."""
    return np.maximum(cosines(matrix, item), 0.0)


def terms(block: Block, n_items: int) -> sparse.csr_array:
    """The words of a block, CSR (n_items, …) with rows of length 1 or 0; width 0 without any."""
    matrix = sparse_of(block)
    return unit_rows(sparse.csr_array((n_items, 0)) if matrix is None else matrix)


@dataclass(frozen=True)
class LikedTogether:
    """Which users like which movies in train: those they rate at least as high as their mean."""

    liked: sparse.csc_array  # float32 CSC (n_users, n_items), ones
    by_movie: sparse.csr_array = field(repr=False)  # the same transposed, which takes no memory

    @classmethod
    def of(cls, train: Interactions, ids: Ids) -> Self:
        """From the ratings of train."""
        mean = group_means(train.user_idx, train.rating, ids.n_users)
        high = train.rating >= mean[train.user_idx]
        pairs = train.user_idx[high], train.item_idx[high]
        ones = np.ones(int(high.sum()), dtype=np.float32)
        liked = sparse.csc_array((ones, pairs), shape=(ids.n_users, ids.n_items))
        return cls(liked, liked.T)

    def between(self, items: np.ndarray, others: np.ndarray | None = None) -> np.ndarray:
        """Cosine of the users who like two movies, shrunk by n / (n + 10) for n who like both.

        Returns:
            float64 (n, m), 0 to 1, by default with all movies; 0 where fewer than three users like
            both.
        """
        known, root = self.by_movie, np.sqrt(np.diff(self.by_movie.indptr))
        if others is None:
            both, far = (known @ known[items].toarray().T).T.astype(np.float64), root
        else:
            both, far = products(items, others, known), root[others]
        norm = np.outer(root[items], far) * (both + _SHRINKAGE)
        return np.divide(both**2, norm, out=np.zeros_like(both), where=both >= _FEWEST)


@dataclass(frozen=True)
class Mixed:
    """The weighted sum of several similarities, for movies above a floor."""

    sources: Mapping[str, Source]
    weights: Mapping[str, float]  # of the sources, together 1
    good: np.ndarray  # bool (n_items,), which movies may be in a list

    @classmethod
    def of(
        cls,
        sources: Mapping[str, Source],
        train: Interactions,
        valid: Interactions,
        ids: Ids,
    ) -> Self:
        """With the weights that are best on valid; without any valid rating they are equal.

        The floor on a movie's mean in train, with two votes at the overall mean beforehand, is
        half a standard deviation of ratings below that; a movie without ratings is above it.
        """
        means = group_means(train.item_idx, train.rating, ids.n_items, prior=_PRIOR_VOTES)
        good = means >= train.rating.mean() - _BELOW * train.rating.std() - 1e-6
        known = LikedTogether.of(train, ids).liked
        later = LikedTogether.of(valid, ids).liked if len(valid) else 0 * known
        together = sparse.csr_array(known.T @ later)  # users who like a in train and b in valid
        anchors = np.argsort(-np.diff(together.indptr), kind="stable")
        anchors = anchors[np.diff(together.indptr)[anchors] > 0]
        anchors = anchors[np.linspace(0, len(anchors) - 1, min(_ANCHORS, len(anchors))).astype(int)]
        rows, scale = {a: {n: of(a) for n, of in sources.items()} for a in anchors.tolist()}, {}
        for name in sources:
            top = [row[name].max() for row in rows.values() if row[name].max() > 0]
            scale[name] = float(np.median(top)) if top else 1.0
        scaled = {name: _over(source, scale[name]) for name, source in sources.items()}
        weights = np.ones(len(sources))
        if len(anchors):
            stacked = [np.stack([r[n] / scale[n] for n in sources]) * good for r in rows.values()]
            likes = np.diff(known.indptr).astype(np.float64)
            weights = _best_weights(*_pools(stacked, anchors, together, likes))
        shares = (weights / max(weights.sum(), 1e-12)).tolist()
        return cls(scaled, dict(zip(sources, shares, strict=True)), good)

    def similarity(self, item: int) -> np.ndarray:
        """Float64 (n_items,); 0 for the movie itself and below the floor."""
        found = np.zeros(len(self.good))
        for name, weight in self.weights.items():
            if weight:
                found += weight * self.sources[name](item)
        found *= self.good
        found[item] = 0.0
        return found


def _over(source: Source, scale: float) -> Source:
    return lambda item: source(item) / scale


def _pools(
    rows: list[np.ndarray], anchors: np.ndarray, together: sparse.csr_array, likes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Of the movies nearest to each anchor by any source similarities (a, s, c), and gains (a, c).

    An anchor with fewer movies than others has places without similarity or gain.
    """
    near, n_sources = [], len(rows[0])
    for item, row in zip(anchors, rows, strict=True):
        row[:, item] = 0.0
        first = np.argpartition(-row, min(_CANDIDATES, row.shape[1] - 1), axis=1)
        near.append(np.unique(first[:, :_CANDIDATES]))
    width = max(map(len, near))
    found = np.zeros((len(rows), n_sources, width), dtype=np.float32)
    gains = np.zeros((len(rows), width))
    weight = np.maximum(likes, 1.0) ** _POPULARITY
    for place, (item, row, some) in enumerate(zip(anchors, rows, near, strict=True)):
        found[place, :, : len(some)] = row[:, some]
        own = together[[item]].toarray()[0] * weight
        own[item] = 0.0
        most = np.sort(own)[::-1][:_PLACES]
        gains[place, : len(some)] = own[some] / max(float(most @ _DISCOUNT[: len(most)]), 1e-12)
    return found, gains


def _best_weights(rows: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """Weights (s,) that are best for the nDCG, found one source after the other from two starts."""
    n_sources, anchors = rows.shape[1], np.arange(len(rows))[:, None]

    def ndcg(weights: np.ndarray) -> float:
        scores = np.einsum("s,asc->ac", weights.astype(np.float32), rows)
        first = np.argpartition(-scores, min(_PLACES, scores.shape[1] - 1), axis=1)[:, :_PLACES]
        order = np.argsort(-scores[anchors, first], axis=1, kind="stable")
        first = first[anchors, order]
        return float((gains[anchors, first] @ _DISCOUNT[: first.shape[1]]).mean())

    alone = list(np.eye(n_sources))
    found = []
    for start in (np.ones(n_sources), max(alone, key=ndcg)):
        weights, best = start, ndcg(start)
        for source in list(range(n_sources)) * _ROUNDS:
            for step in _STEPS:
                tried = np.where(np.arange(n_sources) == source, step, weights)
                if tried.any() and (value := ndcg(tried)) > best + 1e-9:
                    best, weights = value, tried
        found.append((best, weights))
    return max(found, key=lambda pair: pair[0])[1]
