"""Fold-ins of nearest neighbours: the user's row of ratings, and of similar users."""

from __future__ import annotations

from copy import copy
from dataclasses import replace

import numpy as np
from scipy import sparse

from reelbench.data.interactions import Interactions
from reelbench.models.base import Recommender
from reelbench.models.knn import KNN, largest_first
from reelbench.models.shared.biases import Biases
from reelbench.models.shared.user_items import refilled
from reelbench.serving.fold_in.exact import own_effect
from reelbench.serving.fold_in.new_user import FoldIn, NewUser, for_everybody


def knn(model: KNN, train: Interactions) -> FoldIn:
    """The user's effect, and what it leaves of the ratings; based on users, similar users too."""

    n_users, n_items = model.ids.n_users, model.ids.n_items

    def found(user: NewUser) -> Recommender:
        effect, left = _own_effect(model, user)
        # restoring would put the similarities of every row in order once more, 0.1 s
        other = copy(model)
        own = for_everybody(effect, n_users)
        other.effects = replace(model.effects, user=own)
        if model.config.based_on == "item":
            other.left = user.row(left, (n_users + 1, n_items + 1))
        else:
            other.similar = _similar_users(model, user, left)
        return other

    return found


def _own_effect(model: KNN, user: NewUser) -> tuple[float, np.ndarray]:
    """The user's effect and what it leaves; none where ratings are compared with the mean."""
    if model.config.baseline == "mean":
        return 0.0, user.ratings - model.effects.mean
    return own_effect(model.effects, user, model.config.user_damping)


def _similar_users(model: KNN, user: NewUser, left: np.ndarray) -> sparse.csr_array:
    """The users most similar to the new one, as `similar_rows` finds them in training."""
    config, rows = model.config, model.left
    centred = config.similarity == "pearson_baseline"
    values = rows if centred else _ratings(rows, model.effects)
    own = left if centred else user.ratings
    similarity = _similarity(values, user.items, own, config.shrinkage, 2 if centred else 1)
    near = np.flatnonzero(similarity > 0)
    last = np.full(len(near), model.ids.n_users)
    shape = (model.ids.n_users + 1,) * 2
    matrix = sparse.csr_array((similarity[near].astype(np.float32), (last, near)), shape=shape)
    return largest_first(matrix, config.stored)


def _ratings(left: sparse.csr_array, effects: Biases) -> sparse.csr_array:
    """Ratings again, from what the effects left of them."""
    users = np.repeat(np.arange(left.shape[0]), np.diff(left.indptr))
    return refilled(left, left.data + effects.predict(users, left.indices))


def _similarity(
    values: sparse.csr_array,
    items: np.ndarray,
    own: np.ndarray,
    shrinkage: float,
    min_common: int,
) -> np.ndarray:
    """Shrunk cosine over common items of every row with a new one, float64 (n,)."""
    wide = values.astype(np.float64)
    has = refilled(wide, np.ones_like(wide.data))
    rated, filled = np.zeros(values.shape[1]), np.zeros(values.shape[1])
    rated[items], filled[items] = 1.0, own
    common = has @ rated
    norm = (refilled(wide, wide.data**2) @ rated) * (has @ filled**2)
    product = wide @ filled
    cosine = np.divide(product, np.sqrt(norm), out=np.zeros_like(product), where=norm > 0)
    more = common - 1
    weight = np.divide(more, more + shrinkage, out=np.ones_like(more), where=more + shrinkage > 0)
    return np.where(common >= min_common, cosine * weight, 0.0)
