"""Fold-ins of models that are a function of the user's ratings and of what items are."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from reelbench.data.interactions import Interactions
from reelbench.models.base import Arrays, Recommender
from reelbench.models.content import Content
from reelbench.models.ease import EASE
from reelbench.models.shared.biases import Biases
from reelbench.models.shared.user_items import Profiles, preferences
from reelbench.models.st import ST, ridge
from reelbench.serving.fold_in.new_user import FoldIn, NewUser, for_everybody


def same_for_all(model: Recommender, train: Interactions) -> FoldIn:
    """Nothing to find."""
    return lambda user: model


def own_effect(effects: Biases, user: NewUser, damping: float) -> tuple[float, np.ndarray]:
    """A user's effect, given those of items, and what mean and both effects leave of the ratings.

    Training ends with the users' effects, so that this is what it gives to a user of train.
    """
    left = user.ratings - effects.mean - effects.item[user.items]
    effect = left.sum() / (len(left) + damping)
    return float(effect), left - effect


def bias(model: Recommender, train: Interactions) -> FoldIn:
    """The user's effect."""

    def found(user: NewUser) -> Recommender:
        effect, _ = own_effect(Biases.from_state(model.arrays()), user, model.config.user_damping)
        return model.with_arrays({"effect_user": for_everybody(effect, _users(model))})

    return found


def st(model: ST, train: Interactions) -> FoldIn:
    """The user's effect, and their own ridge regression."""

    def found(user: NewUser) -> Recommender:
        state = model.arrays()
        effect, left = own_effect(Biases.from_state(state), user, model.config.user_damping)
        weights = ridge(state["items"][user.items], left, model.config.user_regularization)
        own = {
            "effect_user": for_everybody(effect, _users(model)),
            "users": for_everybody(weights, _users(model)),
        }
        return model.with_arrays(own)

    return found


def slope_one(model: Recommender, train: Interactions) -> FoldIn:
    """The user's mean, and which items they have rated."""

    def found(user: NewUser) -> Recommender:
        shape = (_users(model) + 1, model.ids.n_items + 1)
        rated = user.row_state("rated", np.ones(len(user.items)), shape)
        mean = for_everybody(user.ratings.mean(), _users(model))
        return model.with_arrays({"user_mean": mean, **rated})

    return found


def content(model: Content, train: Interactions) -> FoldIn:
    """How far each rating is above what is neutral for the user."""

    def found(user: NewUser) -> Recommender:
        opinions = model.opinions(user.as_interactions(), model.ids)
        return model.with_arrays(_profile(model, user, user.values_of(opinions)))

    return found


def ease(model: EASE, train: Interactions) -> FoldIn:
    """The row x of preferences, from which the scores are xB; see `models/ease.py`."""

    def found(user: NewUser) -> Recommender:
        chosen = preferences(user.as_interactions(), model.ids, model.config.rating_power)
        values, state = user.values_of(chosen), model.arrays()
        if len(state["diagonal"]) == 0:
            return model.with_arrays(_profile(model, user, values))
        return model.with_arrays(_over_users(state, user, values, model.config.regularization))

    return found


def _over_users(state: Arrays, user: NewUser, values: np.ndarray, penalty: float) -> Arrays:
    """Where EASE keeps K⁻¹ of users: xP = (x - xXᵀ K⁻¹ X) / λ by Woodbury, for any row x.

    So the new user is one more row of X, and has the weights (-xXᵀK⁻¹, 1) / λ for the rows of X.
    """
    others = Profiles.from_state(state).matrix[:-1]
    x = user.row(values, (1, others.shape[1]))
    common = (x @ others.T).toarray()[0]
    weights = np.append(-common @ state["weights"][:-1], 1.0) / penalty
    stacked = Profiles(sparse.csr_array(sparse.vstack([others, x, x], format="csr")))
    own = for_everybody(weights.astype(np.float32), len(weights))
    return {"weights": own, **stacked.state()}


def _profile(model: Recommender, user: NewUser, values: np.ndarray) -> Arrays:
    shape = (_users(model) + 1, model.ids.n_items)
    return Profiles(user.row(values, shape)).state()


def _users(model: Recommender) -> int:
    return model.ids.n_users
