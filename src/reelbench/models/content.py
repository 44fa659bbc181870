"""Model `content`: movies similar to those that a user liked, by genres, tags and people.

The score of a movie is a sum over the movies that the user rated: its similarity to each, times how
far that rating is above what is neutral (Rocchio 1971, "Relevance Feedback in Information
Retrieval"). The similarity is w · cos(genres) + (1 - w) · cos(tags), tags as TF-IDF, plus a
constant for the same director, plus c · cos(cast) where that block is declared.
"""

import math

import numpy as np
from pydantic import Field, NonNegativeFloat
from scipy import sparse

from reelbench.features.matrices import dense_columns, one_hot, sparse_of, unit_rows
from reelbench.models.base import Features, Ids, Interactions, Saved, Section
from reelbench.models.shared.fold_in import ProfileRanker

GENRES, TAGS, DIRECTORS, CAST = "genres", "tags", "directors", "cast"


class ContentConfig(Section):
    """Parameters."""

    genre_weight: float = Field(0.5, ge=0, le=1)  # weight of genres; tags have the rest
    #: similarity that the same director adds for a user, where genres and tags make up to 1
    director_weight: NonNegativeFloat = 0.5
    cast_weight: NonNegativeFloat = 0.5  # weight of the cosine of directors and actors, likewise
    #: stars below a user's mean at which a rating speaks neither for nor against similar movies
    neutral_below_mean: float = 0.0
    #: number of pseudo-ratings at the mean of train that are added to those of every user
    user_damping: NonNegativeFloat = 5.0


class Content(ProfileRanker):
    """Reads the blocks `genres`, `tags`, `directors` and, where it is declared, `cast`.

    An item without features is like no other. Scores need 12 bytes per pair of a user and an item.
    """

    config: ContentConfig
    _genres: Saved[sparse.csr_array]
    _tags: Saved[sparse.csr_array]
    _cast: Saved[sparse.csr_array]
    _director: Saved[np.ndarray]

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        super()._fit(train, valid, features)
        n_items = features.ids.n_items
        genres = dense_columns(features[GENRES], n_items)
        self._genres = unit_rows(sparse.csr_array(genres, dtype=np.float32))
        nothing = sparse.csr_array((n_items, 0), dtype=np.float32)
        tags, cast = sparse_of(features[TAGS]), sparse_of(features.get(CAST, {}))
        self._tags = unit_rows(nothing if tags is None else tags)
        self._cast = unit_rows(nothing if cast is None else cast)
        self._director = features[DIRECTORS]["director"]

    def _rows(self, ratings: Interactions, ids: Ids) -> sparse.csr_array:
        """How far each rating is above what is neutral for its user, float64."""
        user, damping = ratings.user_idx, self.config.user_damping
        total, count = np.bincount(user, ratings.rating), np.bincount(user)
        rated = np.maximum(count + damping, 1)  # a cold user's mean is not asked for
        mean = (total + damping * self._mean) / rated
        opinions = ratings.rating - (mean[user] - self.config.neutral_below_mean)
        return sparse.csr_array((opinions, ratings.columns()[:2]), (ids.n_users, ids.n_items))

    def _similar_items(self, item_idx: int) -> np.ndarray:
        columns = self._columns()
        # people add their weights to what genres and tags make up to 1
        most = 1 + self.config.director_weight + self.config.cast_weight * (self._cast.nnz > 0)
        return (columns @ columns[[item_idx]].T).toarray()[:, 0] / most

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        columns = self._columns()
        return ((self._profiles.rows(user_idx) @ columns) @ columns.T).toarray()

    def _columns(self) -> sparse.csr_array:
        """CSR (n_items, d): the product of two rows is the similarity of their items."""
        config = self.config
        directors = one_hot(self._director - 1, int(self._director.max(initial=0)))
        parts = [
            math.sqrt(config.genre_weight) * self._genres,
            math.sqrt(1 - config.genre_weight) * self._tags,
            math.sqrt(config.director_weight) * directors,
            math.sqrt(config.cast_weight) * self._cast,
        ]
        return sparse.csr_array(sparse.hstack(parts, format="csr"), dtype=np.float32)
