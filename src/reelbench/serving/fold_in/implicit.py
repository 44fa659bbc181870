"""Fold-in of implicit alternating least squares: one more solution for a user.

With item factors Y and confidences c (1 for what was not rated) the user is
(YᵀY + Σ (c_i - 1) y_i y_iᵀ + λI)⁻¹ Σ c_i y_i: Hu, Koren & Volinsky (2008), "Collaborative
Filtering for Implicit Feedback Datasets", equation 4. Training ends with the items, so the stored
factors of its users belong to the items of one step before: the solution here is close to them.
"""

from __future__ import annotations

import numpy as np
from scipy import linalg

from reelbench.data.interactions import Interactions
from reelbench.models.base import Recommender
from reelbench.models.ials import IALS
from reelbench.models.shared.user_items import preferences
from reelbench.serving.fold_in.new_user import FoldIn, NewUser, for_everybody


def ials(model: IALS, train: Interactions) -> FoldIn:
    """The user's factors, solved for in every bag."""
    items = model.arrays()["item_factors"].astype(np.float64)
    bags = np.split(items, model.config.bags, axis=1)
    grams = [bag.T @ bag for bag in bags]

    def found(user: NewUser) -> Recommender:
        chosen = preferences(user.as_interactions(), model.ids, model.config.rating_power)
        confidence = model.config.alpha * user.values_of(chosen).astype(np.float64)
        vectors = [
            _solved(bag[user.items], gram, confidence, model)
            for bag, gram in zip(bags, grams, strict=True)
        ]
        vector = (np.concatenate(vectors) / len(bags)).astype(np.float32)
        return model.with_arrays({"user_factors": for_everybody(vector, model.ids.n_users)})

    return found


def _solved(rated: np.ndarray, gram: np.ndarray, confidence: np.ndarray, model: IALS) -> np.ndarray:
    equations = gram + (rated.T * (confidence - 1)) @ rated
    equations.flat[:: len(equations) + 1] += model.config.regularization
    return linalg.solve(equations, rated.T @ confidence, assume_a="sym")
