"""Lists of similar movies as system A makes them: by one kind of metadata each, and combined."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from math import ceil
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from reelbench.columns import DIRECTOR, GENRES, ITEM_ID, ITEM_IDX, RATING, TAG, TITLE, USER_ID
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
from reelbench.serving.titles import CUTOFF

# movies of a list by genres or by tags that a combined list takes from
_OF_EACH = 10
#: director of a movie that the list of directors does not have
UNKNOWN = "unknown"


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


def unique(titles: Iterable[str], k: int, without: str) -> list[str]:
    """The first k different titles, without one of them."""
    found = dict.fromkeys(title for title in titles if title != without)
    return list(found)[:k]


class Scored(NamedTuple):
    """A listed title with its cosine."""

    title: str
    cosine: float

    @property
    def text(self) -> str:
        """As printed."""
        return f"{self.title}, {self.cosine}"


@dataclass(frozen=True)
class JoinedLists:
    """Lists of a table with a row per rating, as published: duplicates go after the first k rows.

    Attributes:
        table: `joined` of `ml20m_table`, sorted by user and movie.
        genres: one-hot, float64 (n, n_genres).
        tags: TF-IDF of each row's own tags, CSR (n, n_terms), rows of length 1 or 0.
        ids_as_features: whether the cosine of genres is over all numeric columns: ids of user and
            movie, the rating, its year and month, and then genres (a published fault).
    """

    table: pd.DataFrame
    genres: np.ndarray
    tags: sparse.csr_array
    ids_as_features: bool = False

    @classmethod
    def of(cls, table: pd.DataFrame, max_terms: int, **switches: bool) -> JoinedLists:
        """From the joined table."""
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.preprocessing import MultiLabelBinarizer

        genres = MultiLabelBinarizer().fit_transform(table[GENRES]).astype(np.float64)
        vectors = TfidfVectorizer(max_features=max_terms, stop_words="english")
        tags = sparse.csr_array(vectors.fit_transform(table[TAG]))
        return cls(table, genres, tags, **switches)

    def find(self, typed: str) -> str | None:
        """The title that difflib takes for the nearest, from a similarity of 0.5 on."""
        lower = self.table[TITLE].str.lower()
        near = get_close_matches(typed.lower(), lower.tolist(), n=1, cutoff=CUTOFF)
        return str(self.table[TITLE][lower == near[0]].iloc[0]) if near else None

    def by_genres(self, title: str, k: int) -> list[Scored]:
        """By the cosine of genres, with or without ids; fewer than k where titles repeat."""
        similarity, order = self._order(self._numbers, title)
        return self._listed(order[:k], similarity, title, k)

    def by_tags(self, title: str, k: int) -> list[Scored]:
        """By the cosine of the tags that the user of the first row gave the movie."""
        similarity, order = self._order(self.tags, title)
        return self._listed(order[: 5 * k - 1], similarity, title, k)

    def by_director(self, title: str, k: int) -> list[str]:
        """The same director's movies in the order of the rows."""
        director = self.table[DIRECTOR][self._row(title)]
        if director == UNKNOWN:
            return []
        return unique(self.table[TITLE][self.table[DIRECTOR] == director], k, title)

    def combined(self, title: str, k: int, genre_weight: float) -> list[str]:
        """Up to two by the director, then ⌈weight · places left⌉ by genres and the rest by tags."""
        found = self.by_director(title, LEAD)
        left = k - len(found)
        of_genres = ceil(genre_weight * left)
        shares = (self.by_genres, of_genres), (self.by_tags, left - of_genres)
        for listing, places in shares:
            new = [one.title for one in listing(title, _OF_EACH) if one.title not in found]
            found += new[:places]
        return found[:k]

    def by_vectors(self, vectors: np.ndarray, title: str, k: int) -> list[Scored]:
        """By the cosine of vectors, float (n, d), a row per rating."""
        similarity, order = self._order(vectors, title)
        return self._listed(order, similarity, title, k)

    @property
    def _numbers(self) -> np.ndarray:
        if not self.ids_as_features:
            return self.genres
        names = (USER_ID, ITEM_ID, RATING, "year", "month")
        return np.column_stack([self.table[list(names)].to_numpy(np.float64), self.genres])

    def _row(self, title: str) -> int:
        return int((self.table[TITLE] == title).to_numpy().argmax())

    def _order(self, matrix: Matrix, title: str) -> tuple[np.ndarray, np.ndarray]:
        """Cosines of the title's first row with all rows, and the others by them, ties by row.

        As printed, the first in order is left out for the row itself, which another may be equal
        to; here it is the row.
        """
        row = self._row(title)
        similarity = row_cosines(matrix, row)
        order = np.argsort(-similarity, kind="stable")
        return similarity, order[order != row]

    def _listed(self, rows: np.ndarray, cosine: np.ndarray, without: str, k: int) -> list[Scored]:
        titles = self.table[TITLE].to_numpy()[rows]
        first = {title: row for row, title in zip(rows[::-1], titles[::-1], strict=True)}
        return [Scored(t, float(cosine[first[t]])) for t in unique(titles, k, without)]


def row_cosines(matrix: Matrix, row: int) -> np.ndarray:
    """Cosine of a row with every row, float64 (n,); 0 with a row of zeros."""
    sparse_rows = sparse.csr_array(matrix)
    products = (sparse_rows @ sparse_rows[[row]].T).toarray()
    norms = np.sqrt((sparse_rows * sparse_rows).sum(axis=1))
    scale = norms * norms[row]
    return np.divide(products.ravel(), scale, out=np.zeros(len(scale)), where=scale > 0)


def jaccard(one: Collection[str], other: Collection[str]) -> float:
    """Share of the genres that either has which both have; 1 where neither has any."""
    together = set(one) | set(other)
    return len(set(one) & set(other)) / len(together) if together else 1.0
