"""Fold-in of Bayesian personalised ranking: the user's factors under its own loss, items fixed.

For chosen movies i and others j, drawn as often as they have ratings, training lowers the mean of
ln(1 + exp(-d)) + λ|p|²/2, d = p·(q_i - q_j) + b_i - b_j, over pairs step by step (Rendle et al.
2009, "BPR: Bayesian Personalized Ranking from Implicit Feedback"). With the items fixed it is
convex in p, and solved to the end here.
"""

from __future__ import annotations

import numpy as np

from reelbench.data.interactions import Interactions
from reelbench.models.base import Recommender
from reelbench.models.bpr import BPR
from reelbench.serving.fold_in.new_user import FoldIn, NewUser, for_everybody

# movies that stand for all others: at even steps through the ratings of train
_OTHERS = 500


def bpr(model: BPR, train: Interactions) -> FoldIn:
    """The user's factors in every bag; those of the mean user where no rating is a choice."""
    from scipy.optimize import minimize
    from scipy.special import expit

    config = model.config
    count = np.bincount(train.item_idx, minlength=model.ids.n_items)
    drawn = np.sort(train.item_idx)[np.linspace(0, len(train) - 1, _OTHERS).astype(np.int64)]
    items = model.arrays()["item_factors"].astype(np.float64)
    bags = [bag.copy() for bag in np.split(items, config.bags, axis=1)]
    for bag in bags:  # what was added to the learned bias afterwards
        bag[:, -1] -= config.popularity_weight * np.log1p(count)

    def solved(bag: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        good, bad = bag[chosen], bag[drawn[~np.isin(drawn, chosen)]]

        def loss(vector: np.ndarray) -> tuple[float, np.ndarray]:
            full = np.append(vector, 1.0)
            margin = (good @ full)[:, None] - bad @ full
            wrong = expit(-margin) / margin.size
            slope = wrong.sum(axis=0) @ bad - wrong.sum(axis=1) @ good
            value = np.logaddexp(0.0, -margin).mean() + config.regularization * vector @ vector / 2
            return float(value), slope[:-1] + config.regularization * vector

        start = np.zeros(bag.shape[1] - 1)
        if not len(bad):
            return np.append(start, 1.0)
        return np.append(minimize(loss, start, jac=True, method="L-BFGS-B").x, 1.0)

    def found(user: NewUser) -> Recommender:
        limit = -np.inf if config.min_rating is None else config.min_rating
        chosen = user.items[user.ratings >= limit]
        if not len(chosen):
            return model
        vector = np.concatenate([solved(bag, chosen) for bag in bags]) / len(bags)
        own = for_everybody(vector.astype(np.float32), model.ids.n_users)
        return model.with_arrays({"user_factors": own})

    return found
