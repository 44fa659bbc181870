"""Fold-ins of models whose rating is a base plus a product of a user's and an item's vector.

The user's bias and factors z are those of a ridge regression on h = (1, q_i) of the rated items,
around the mean user μ and with the covariance Σ of the users of train as penalty: the mode of

    z ~ N(μ, Σ),   r - base_i ~ N(z·h_i, s),   z = μ + ΣHᵀ (HΣHᵀ + sI)⁻¹ (r - base - Hμ)

(Bishop 2006, "Pattern Recognition and Machine Learning", section 3.3; here with as many equations
as there are ratings). s is the mean squared error that the model leaves in train. Few ratings
leave the user near μ, and a direction in which users of train do not differ stays untouched. So
nothing needs to be known of how a model was trained.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from reelbench.data.interactions import Interactions
from reelbench.models.base import Recommender
from reelbench.models.fm import FM
from reelbench.models.nmf import NMF
from reelbench.models.shared.factors import FactorModel
from reelbench.serving.fold_in.new_user import FoldIn, NewUser, for_everybody

# ratings of train, evenly taken, that the size of errors is taken from
_ERRORS = 10_000


@dataclass(frozen=True)
class Prior:
    """What users of train are like: μ (f + 1,), Σ (f + 1, f + 1), s."""

    mean: np.ndarray
    covariance: np.ndarray
    noise: float

    @classmethod
    def of(cls, model: Recommender, train: Interactions) -> Prior:
        """From the users with a row in train."""
        state, users = model.arrays(), np.unique(train.user_idx)
        vectors = np.column_stack([state["user_bias"], state["user_factors"]])[users]
        vectors = vectors.astype(np.float64)
        centred = vectors - vectors.mean(axis=0)
        rows = np.linspace(0, len(train) - 1, min(len(train), _ERRORS)).astype(np.int64)
        pairs = train.user_idx[rows].astype(np.int64), train.item_idx[rows].astype(np.int64)
        noise = float(np.mean((train.rating[rows] - model.predict(*pairs)) ** 2))
        # a model that knows train by heart must not be asked to divide by nothing
        return cls(vectors.mean(axis=0), centred.T @ centred / len(users), max(noise, 1e-3))

    def mode(self, design: np.ndarray, target: np.ndarray) -> np.ndarray:
        """z (f + 1,) of somebody with rows of h (n, f + 1) and their targets (n,)."""
        spread = design @ self.covariance
        kernel = spread @ design.T + self.noise * np.eye(len(design))
        left = target - design @ self.mean
        return self.mean + spread.T @ linalg.solve(kernel, left, assume_a="pos")


def factors(model: FactorModel | FM, train: Interactions) -> FoldIn:
    """Bias and factors of the user, of `svd`, `svdpp` and `fm`."""
    prior = Prior.of(model, train)

    def found(user: NewUser) -> Recommender:
        state = model.arrays()
        base = state.get("mean", np.float64(0)) + state["item_bias"][user.items]
        design = np.column_stack([np.ones(len(user.items)), state["item_factors"][user.items]])
        vector = prior.mode(design, user.ratings - base)
        return _with_user(model, vector[0], vector[1:])

    return found


def svds(model: FactorModel, train: Interactions) -> FoldIn:
    """Of centred ratings A = U S Vᵀ the rows of U S are those of A V, a new row's as well."""

    def found(user: NewUser) -> Recommender:
        state = model.arrays()
        mean = user.ratings.mean()
        vector = (user.ratings - mean) @ state["item_factors"][user.items]
        return _with_user(model, mean - state["mean"], vector)

    return found


def nmf(model: NMF, train: Interactions) -> FoldIn:
    """Factors that are not negative, with the penalty per rating that Surprise's NMF has.

    The last two numbers of a user and an item say whether both are in train (`known_pairs_only`).
    """

    from scipy.optimize import nnls  # 0.2 s that other models need not wait for

    def found(user: NewUser) -> Recommender:
        state = model.arrays()
        items = state["item_factors"][user.items][:, :-2]
        ridge = np.sqrt(len(items) * model.config.user_regularization) * np.eye(items.shape[1])
        target = np.append(user.ratings, np.zeros(items.shape[1]))
        vector, _ = nnls(np.vstack([items, ridge]), target)
        return _with_user(model, 0.0, np.append(vector, [-state["mean"], 1.0]))

    return found


def _with_user(model: Recommender, bias: float, vector: np.ndarray) -> Recommender:
    own = {"user_bias": bias, "user_factors": vector}
    state, n_users = model.arrays(), model.ids.n_users
    changed = {
        name: for_everybody(np.asarray(value, dtype=state[name].dtype), n_users)
        for name, value in own.items()
    }
    return model.with_arrays(changed)
