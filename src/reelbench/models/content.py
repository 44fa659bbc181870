"""Model `content`: movies like those that a user liked, by genres, tags and director.

The similarity of two movies is w · cos(genres) + (1 - w) · cos(tags), tags as TF-IDF, plus a
constant for the same director. The score of a movie is a sum over the movies that the user rated:
its similarity to each, times how far that rating is above what is neutral, so that movies similar
to a disliked one sink (Rocchio 1971, "Relevance Feedback in Information Retrieval").
"""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from pydantic import Field, NonNegativeFloat
from scipy import sparse

from reelbench.data.interactions import Interactions
from reelbench.features.block import Block, Features, Ids
from reelbench.features.matrices import dense_columns, sparse_arrays, sparse_of
from reelbench.models.base import Arrays, Recommender
from reelbench.models.shared.user_items import Profiles
from reelbench.params import Section

GENRES, TAGS, DIRECTORS = "genres", "tags", "directors"

Weight = Annotated[float, Field(ge=0, le=1)]


class ContentConfig(Section):
    #: weight of genres; tags have the rest
    genre_weight: Weight
    #: likeness that one and the same director adds for a user, where genres and tags make up to 1
    director_weight: NonNegativeFloat
    #: stars below a user's mean at which a rating speaks neither for nor against similar movies
    neutral_below_mean: float
    #: ratings at the mean of train that every user is thought to have given beforehand
    user_damping: NonNegativeFloat


class Content(Recommender):
    """Reads the blocks `genres`, `tags` and `directors`; what an item lacks is like nothing.

    It only ranks, and `predict` answers the mean rating of train. A user without ratings gets the
    mean of everybody's scores. Matrices are sparse; scores need 12 bytes per pair of a user that is
    asked for and an item.
    """

    Config = ContentConfig
    predicts_ratings = False

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        self._mean = float(train.rating.mean(dtype=np.float64))
        n_items = features.ids.n_items
        genres = sparse.csr_array(dense_columns(features[GENRES], n_items), dtype=np.float32)
        self._genres = unit_rows(genres)
        self._tags = unit_rows(_tags(features[TAGS], n_items))
        self._director = features[DIRECTORS]["director"]
        self._profiles = Profiles.of(self.opinions(train, features.ids))

    def opinions(self, train: Interactions, ids: Ids) -> sparse.csr_array:
        """How far each rating is above what is neutral for the user, CSR (n_users, n_items)."""
        damping = self.config.user_damping
        total = np.bincount(train.user_idx, train.rating, minlength=ids.n_users)
        count = np.bincount(train.user_idx, minlength=ids.n_users)
        rated = np.maximum(count + damping, 1)  # a cold user's mean is not asked for
        mean = (total + damping * self._mean) / rated
        neutral = mean[train.user_idx] - self.config.neutral_below_mean
        pairs = train.user_idx, train.item_idx
        return sparse.csr_array((train.rating - neutral, pairs), shape=(ids.n_users, ids.n_items))

    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        return np.full(len(user_idx), self._mean)

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        columns = self._columns()
        return ((self._profiles.rows(user_idx) @ columns) @ columns.T).toarray()

    def _columns(self) -> sparse.csr_array:
        """CSR (n_items, d) whose rows have the likeness of two items as their product."""
        config = self.config
        parts = [
            math.sqrt(config.genre_weight) * self._genres,
            math.sqrt(1 - config.genre_weight) * self._tags,
            math.sqrt(config.director_weight) * _one_hot(self._director),
        ]
        return sparse.csr_array(sparse.hstack(parts, format="csr"), dtype=np.float32)

    def _state(self) -> Arrays:
        named = {"genres": self._genres, "tags": self._tags}
        matrices = {
            f"{name}_{part}": array
            for name, matrix in named.items()
            for part, array in sparse_arrays(matrix).items()
        }
        rest = {"mean": np.array(self._mean), "director": self._director}
        return {**matrices, **rest, **self._profiles.state()}

    def _restore(self, state: Arrays) -> None:
        self._mean = float(state["mean"])
        self._director = state["director"]
        self._genres, self._tags = (_matrix(state, name) for name in ("genres", "tags"))
        self._profiles = Profiles.from_state(state)


def _tags(block: Block, n_items: int) -> sparse.csr_array:
    matrix = sparse_of(block)
    return sparse.csr_array((n_items, 0), dtype=np.float32) if matrix is None else matrix


def _matrix(state: Arrays, name: str) -> sparse.csr_array:
    prefix = f"{name}_"
    own = {key.removeprefix(prefix): state[key] for key in state if key.startswith(prefix)}
    return _tags(own, 0)


def unit_rows(matrix: sparse.csr_array) -> sparse.csr_array:
    """Rows of length 1, or still empty."""
    length = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    scale = np.divide(1.0, length, out=np.zeros(len(length)), where=length > 0)
    return sparse.csr_array(sparse.diags_array(scale) @ matrix, dtype=np.float32)


def _one_hot(director: np.ndarray) -> sparse.csr_array:
    """Ones at the director of every item, CSR (n_items, n_directors); a row without is unknown."""
    known = np.flatnonzero(director)
    shape = (len(director), int(director.max(initial=0)))
    ones = np.ones(len(known), dtype=np.float32)
    return sparse.csr_array((ones, (known, director[known] - 1)), shape=shape)
