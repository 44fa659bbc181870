"""A user of train, given as a new one, gets the scores that training gave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies
from scipy import sparse

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features, Ids
from reelbench.features.matrices import sparse_arrays
from reelbench.models.base import ModelEntry, Recommender
from reelbench.models.bias import Bias
from reelbench.models.blend import Blend
from reelbench.models.bpr import BPR
from reelbench.models.co_clustering import CoClustering
from reelbench.models.content import Content
from reelbench.models.ease import EASE
from reelbench.models.fm import FM
from reelbench.models.ials import IALS
from reelbench.models.knn import KNN, similar_rows
from reelbench.models.nmf import NMF
from reelbench.models.popularity import GlobalMean, Popularity, WeightedMean
from reelbench.models.shared.factors import UserPrior
from reelbench.models.shared.fold_in import FoldedIn
from reelbench.models.shared.user_items import NewUser
from reelbench.models.slope_one import SlopeOne
from reelbench.models.st import ST
from reelbench.models.svd import SVD
from reelbench.models.svdpp import SVDpp
from reelbench.models.svds import SVDS
from reelbench.models.warp import WARP

N_USERS, N_ITEMS = 60, 40
IDS = Ids(N_USERS, N_ITEMS, 1.0, 5.0)
RNG = np.random.default_rng(5)
TASTE = RNG.normal(size=(N_USERS, 2)) @ RNG.normal(size=(2, N_ITEMS))
_PAIRS = np.nonzero(RNG.random((N_USERS, N_ITEMS)) < 0.4)
# as in a real train part the rows of a user are in the order of time, and not of movies
_ORDER = np.lexsort((RNG.random(len(_PAIRS[0])), _PAIRS[0]))
USER, ITEM = _PAIRS[0][_ORDER], _PAIRS[1][_ORDER]
TRAIN = Interactions.from_arrays(
    USER, ITEM, np.clip(np.round(3.4 + TASTE[USER, ITEM]), 1, 5), np.arange(len(USER))
)
_HOT = np.eye(5, dtype=np.float32)[np.arange(N_ITEMS) % 5]
BLOCKS = {
    "genres": {"genres": _HOT, "names": np.array(list("abcde"))},
    "tags": {**sparse_arrays(sparse.csr_array(_HOT))},
    "directors": {
        "director": (np.arange(N_ITEMS) % 3).astype(np.int32),
        "names": np.array(["", "p", "q"]),
    },
}
_KNN: dict[str, Any] = {
    "similarity": "pearson_baseline",
    "k": 10,
    "min_k": 1,
    "shrinkage": 5.0,
    "stored": 20,
    "user_damping": 3.0,
    "item_damping": 3.0,
    "baseline": "biases",
}
_DESCENT = {
    "factors": 3,
    "epochs": 60,
    "learning_rate": 0.02,
    "regularization": 0.05,
    "init_std": 0.1,
}
_CONTENT = {
    "genre_weight": 0.3,
    "director_weight": 0.5,
    "neutral_below_mean": 0.5,
    "user_damping": 2.0,
}
_ST = {
    "weights": {"genres": 1.0},
    "components": 4,
    "user_damping": 2.0,
    "item_damping": 2.0,
    "item_kernel": "linear",
    "gamma": 1.0,
    "landmarks": 10,
    "item_regularization": 1.0,
    "user_regularization": 1.0,
}
_EASE = {"regularization": 5.0, "rating_power": 1.0, "max_side": 99}
_IALS = {
    "factors": 6,
    "epochs": 40,
    "regularization": 1.0,
    "alpha": 3.0,
    "bags": 2,
    "rating_power": 1.0,
}
_BPR = {
    "factors": 4,
    "epochs": 300,
    "learning_rate": 0.05,
    "regularization": 0.02,
    "bags": 2,
    "min_rating": 3.0,
    "popularity_weight": 0.5,
}
_NMF = {
    "factors": 3,
    "epochs": 200,
    "user_regularization": 0.05,
    "item_regularization": 0.05,
    "init_max": 1.0,
}
_FM = {
    "rank": 3,
    "chains": 1,
    "iterations": 60,
    "burn_in": 20,
    "init_std": 0.1,
    "items_of_user": False,
    "users_of_item": False,
    "count_bins": False,
    "period_years": 4,
    "components": {},
    "tolerance": 0.001,
}


def fitted(
    model: type[Recommender], *features: str, train: Interactions = TRAIN, **parameters: Any
) -> Recommender:
    blocks = {name: BLOCKS[name] for name in features}
    return model(seed=3, **parameters).fit(train, train, Features(IDS, blocks))


def of_train(user: int) -> NewUser:
    own = user == TRAIN.user_idx
    return NewUser(TRAIN.item_idx[own].astype(np.int64), TRAIN.rating[own].astype(np.float64))


def fold(model: Recommender, user: NewUser) -> Any:
    return model.fold_in(user.items, user.ratings)


def folded(model: Recommender) -> np.ndarray:
    """Scores (n_users, n_items) of every user of train, as a new one."""
    return np.concatenate([fold(model, of_train(user)).score([-1]) for user in range(N_USERS)])


EVERYBODY = np.arange(N_USERS)


@pytest.mark.parametrize(
    ("model", "features", "parameters"),
    [
        (EASE, (), _EASE),
        (KNN, (), {**_KNN, "based_on": "item"}),
        (KNN, (), {**_KNN, "based_on": "item", "similarity": "cosine"}),
        (KNN, (), {**_KNN, "based_on": "item", "similarity": "cosine", "baseline": "mean"}),
        (Content, ("genres", "tags", "directors"), _CONTENT),
        (ST, ("genres",), _ST),
        (Bias, (), {"user_damping": 3.0, "item_damping": 3.0}),
        (SlopeOne, (), {}),
        (SVDS, (), {"factors": 5}),
        (Popularity, (), {}),
        (GlobalMean, (), {}),
        (WeightedMean, (), {"prior_votes": 2.0}),
    ],
)
def test_exact(
    model: type[Recommender], features: tuple[str, ...], parameters: dict[str, Any]
) -> None:
    trained = fitted(model, *features, **parameters)
    before = trained.score(EVERYBODY)
    np.testing.assert_allclose(folded(trained), before, atol=1e-4)
    # the fold-ins were copies
    np.testing.assert_array_equal(trained.score(EVERYBODY), before)


def test_ease_with_fewer_users_than_movies_is_exact_too() -> None:
    """It keeps a matrix of users then; somebody who is not among them has no row there."""
    half = EVERYBODY < N_ITEMS // 2
    own = half[TRAIN.user_idx]
    some = TRAIN.select(own)
    ids = Ids(N_ITEMS // 2, N_ITEMS, 1.0, 5.0)
    over_users = EASE(**_EASE).fit(some, some, Features(ids))
    assert len(over_users._diagonal)
    padded = EASE(**_EASE).fit(some, some, Features(IDS))
    assert not len(padded._diagonal)
    np.testing.assert_allclose(folded(over_users), folded(padded), atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "parameters", "least"),
    [
        (SVD, _DESCENT, 0.95),
        (SVDpp, _DESCENT, 0.95),
        (FM, _FM, 0.95),
        (NMF, _NMF, 0.95),
        (IALS, _IALS, 0.99),
        (BPR, _BPR, 0.95),
    ],
)
def test_close(model: type[Recommender], parameters: dict[str, Any], least: float) -> None:
    trained = fitted(model, **parameters)
    given, found = trained.score(EVERYBODY), folded(trained)
    alike = np.corrcoef(given, found)[N_USERS:, :N_USERS]  # (found, given)
    assert np.diag(alike).mean() >= least
    # of all users of train the new one is most like the one whose ratings these are
    assert (alike.argmax(axis=1) == EVERYBODY).mean() >= 0.9


def test_similar_users_of_somebody_who_is_not_in_train() -> None:
    """As if the user had been there when similar users were looked for."""
    last = N_USERS - 1
    own = last != TRAIN.user_idx
    rest = TRAIN.select(own)
    for similarity in ("pearson_baseline", "cosine"):
        model = fitted(KNN, train=rest, **{**_KNN, "based_on": "user", "similarity": similarity})
        copy = fold(model, of_train(last))
        left = of_train(last).ratings - copy.biases.predict(np.array([-1]), of_train(last).items)
        matrix = copy.residual.toarray()
        there = np.zeros(matrix.shape, dtype=bool)
        there[rest.user_idx, rest.item_idx] = True
        if similarity == "cosine":
            matrix[rest.user_idx, rest.item_idx] = rest.rating
            left = of_train(last).ratings
        matrix[-1, of_train(last).items] = left
        there[-1, of_train(last).items] = True
        rows, columns = np.nonzero(there)
        values = sparse.csr_array((matrix[rows, columns], (rows, columns)), shape=matrix.shape)
        expected = similar_rows(values, model.config)[[-1]]
        np.testing.assert_array_equal(copy.similar[[-1]].indices, expected.indices)
        np.testing.assert_allclose(copy.similar[[-1]].data, expected.data, rtol=1e-4)


def entry(model: type[Recommender], parameters: dict[str, Any]) -> ModelEntry:
    target = f"{model.__module__}.{model.__qualname__}"
    return ModelEntry(_target_=target, code="x.py", **parameters)


def blend(rankers: dict[str, ModelEntry]) -> Recommender:
    bias = {"user_damping": 3.0, "item_damping": 3.0}
    raters = {"bias": entry(Bias, bias), "item": entry(KNN, {**_KNN, "based_on": "item"})}
    return fitted(
        Blend,
        raters=raters,
        rankers=rankers,
        weights_by_count=True,
        holdout=0.2,
        folds=1,
        refit=False,
        k=5,
        min_relevant_rating=None,
    )


def test_who_has_chosen_nothing_is_the_mean_user() -> None:
    trained = fitted(BPR, **_BPR)
    disliked = trained.fold_in([3, 5], [1.0, 2.0])
    np.testing.assert_array_equal(disliked.score([-1]), trained.score([-1]))
    everything = trained.fold_in(np.arange(N_ITEMS), np.full(N_ITEMS, 5.0))
    assert np.isfinite(everything.score([-1])).all()


def test_a_blend_is_its_members() -> None:
    given = {"ease": entry(EASE, _EASE), "popularity": entry(Popularity, {})}
    for trained in (blend(given), blend({})):
        np.testing.assert_allclose(folded(trained), trained.score(EVERYBODY), atol=1e-3)


def test_a_blend_with_a_member_that_cannot_has_none() -> None:
    warp = {
        "factors": 3,
        "epochs": 1,
        "bags": 1,
        "learning_rate": 0.05,
        "regularization": 0.0,
        "max_draws": 3,
        "draw_power": 0.0,
        "batch_size": 64,
        "min_rating": None,
    }
    assert not fitted(WARP, **warp).can_fold_in
    without = blend({"warp": entry(WARP, warp), "ease": entry(EASE, _EASE)})
    assert not without.can_fold_in
    with pytest.raises(NotImplementedError, match="Blend has no fold-in"):
        without.fold_in([0], [5.0])


_FOLDS = {
    "svd": fitted(SVD, **_DESCENT),
    "ease": fitted(EASE, **_EASE),
    "ials": fitted(IALS, **_IALS),
    "knn": fitted(KNN, **{**_KNN, "based_on": "user"}),
    "slope_one": fitted(SlopeOne),
}


@pytest.mark.parametrize("name", _FOLDS)
@settings(max_examples=25, deadline=None)
@given(
    rated=strategies.dictionaries(
        strategies.integers(0, N_ITEMS - 1), strategies.sampled_from([1.0, 3.0, 5.0]), min_size=1
    )
)
def test_any_ratings_give_finite_scores_in_any_order(name: str, rated: dict[int, float]) -> None:
    items, ratings = np.array(list(rated)), np.array(list(rated.values()))
    one = _FOLDS[name].fold_in(items, ratings).score([-1])
    other = _FOLDS[name].fold_in(items[::-1], ratings[::-1]).score([-1])
    assert one.shape == (1, N_ITEMS) and np.isfinite(one).all()
    np.testing.assert_allclose(one, other, atol=1e-4)


_TOGETHER: dict[str, Callable[[], Recommender]] = {
    "ease": lambda: _FOLDS["ease"],
    "ease_over_users": lambda: EASE(**_EASE).fit(TRAIN, None, Features(Ids(N_USERS, 99, 1.0, 5.0))),
    "ials": lambda: _FOLDS["ials"],
    "bpr": lambda: fitted(BPR, **{**_BPR, "epochs": 5}),
    "svd": lambda: _FOLDS["svd"],
    "svds": lambda: fitted(SVDS, factors=5),
    "item": lambda: fitted(KNN, **_KNN, based_on="item"),
    "item_mean": lambda: fitted(KNN, **{**_KNN, "baseline": "mean", "similarity": "cosine"}),
    "user": lambda: _FOLDS["knn"],
    "slope_one": lambda: _FOLDS["slope_one"],
    "popularity": lambda: fitted(Popularity),
    "blend": lambda: blend({"ease": entry(EASE, _EASE), "popularity": entry(Popularity, {})}),
    "blend_of_raters": lambda: blend({}),
}


@pytest.mark.parametrize("name", _TOGETHER)
def test_users_together_get_what_each_gets_alone(name: str) -> None:
    """And others what they had; the blend's ratings are those of all its raters folded in."""
    model = _TOGETHER[name]()
    rng = np.random.default_rng(1)
    users = np.array([7, 3, 40])
    rows = np.sort(rng.permutation(np.flatnonzero(np.isin(TRAIN.user_idx, users)))[:30])
    profile = TRAIN.select(rows)
    view = FoldedIn(model, profile)
    asked = np.array([3, 8, 40, 7, -1, 3])
    scores, items = view.score(asked), np.arange(len(asked))
    predicted = view.predict(asked, items)
    for place, user in enumerate(asked.tolist()):
        own, index = model, user
        if user in users:
            mine = profile.select(profile.user_idx == user)
            own, index = model.fold_in(mine.item_idx, mine.rating), -1
        np.testing.assert_allclose(scores[place], own.score([index])[0], atol=1e-5)
        if not name.startswith("blend"):
            assert predicted[place] == pytest.approx(own.predict([index], [place])[0], abs=1e-5)
    if name.startswith("blend"):
        assert view.predicts_ratings
        raters = {n: FoldedIn(model.members[n], profile) for n in model.config.raters}
        parts = [rater.predict(asked, items) for rater in raters.values()]
        counts = np.log1p(np.bincount(profile.user_idx, minlength=N_USERS))[asked[:4]]
        stacked = model._stack.combine(
            [part[[0, 2, 3]] for part in parts], counts[[0, 2, 3]], model._counts.item[[0, 2, 3]]
        )
        np.testing.assert_allclose(predicted[[0, 2, 3]], np.clip(stacked, 1, 5), atol=1e-5)


def test_a_fit_forgets_what_an_earlier_one_kept_for_fold_ins() -> None:
    again = fitted(IALS, **{**_IALS, "epochs": 2})
    again.fold_in([0], [5.0])
    half = TRAIN.select(TRAIN.user_idx < 30)
    again.fit(half, half, Features(IDS))
    new = fitted(IALS, train=half, **{**_IALS, "epochs": 2})
    np.testing.assert_array_equal(
        again.fold_in([0], [5.0]).score([-1]), new.fold_in([0], [5.0]).score([-1])
    )


def test_a_blend_whose_rater_cannot_fold_in_only_ranks() -> None:
    model = blend({"ease": entry(EASE, _EASE)})
    raters = {**model.config.raters, "item": entry(CoClustering, {"epochs": 1})}
    model.config = model.config.model_copy(update={"raters": raters})
    model.members["item"] = fitted(CoClustering, epochs=1)
    view = FoldedIn(model, TRAIN.select(TRAIN.user_idx == 3))
    assert not view.predicts_ratings
    np.testing.assert_allclose(view.score([3]), model.score([3]), atol=1e-3)


def test_the_mode_is_the_same_from_as_many_equations_as_factors() -> None:
    """A user with more ratings than factors; the covariance need not be invertible."""
    rng = np.random.default_rng(0)
    root = rng.normal(size=(5, 3))
    prior = UserPrior(rng.normal(size=5), root @ root.T, 0.7)
    design, target = rng.normal(size=(40, 5)), rng.normal(size=40)
    kernel = design @ prior.covariance @ design.T + 0.7 * np.eye(40)
    gain = prior.covariance @ design.T @ np.linalg.inv(kernel)
    expected = prior.mean + gain @ (target - design @ prior.mean)
    np.testing.assert_allclose(prior.mode(design, target), expected, atol=1e-10)
