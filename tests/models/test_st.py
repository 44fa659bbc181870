from __future__ import annotations

import numpy as np
import pytest
from contracts import IDS, TRAIN, RecommenderContract, blocks
from sklearn.decomposition import PCA
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge
from sklearn.metrics.pairwise import rbf_kernel

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features, Ids
from reelbench.features.matrices import kernel_columns, principal_components
from reelbench.models.st import ST, STTuned, ridge
from reelbench.params import ParamsError

COLUMNS = np.random.default_rng(3).normal(size=(40, 5))
LEARNED = np.arange(25)

PARAMETERS = {
    "weights": {"text": 1.0, "genres": 0.3, "years": 0.3},
    "components": 8,
    "user_regularization": 1.0,
}


class TestST(RecommenderContract):
    model_class = ST
    fold_in = "exact"
    parameters = PARAMETERS
    features = ("text", "genres", "years")


class TestSTFromTextAlone(RecommenderContract):
    model_class = ST
    fold_in = "exact"
    parameters = {**PARAMETERS, "weights": {"text": 1.0}}  # noqa: RUF012
    features = ("text",)


class TestSTWithAGaussianKernel(RecommenderContract):
    model_class = ST
    fold_in = "exact"
    parameters = {**PARAMETERS, "item_kernel": "gaussian", "gamma": 0.5, "landmarks": 12}  # noqa: RUF012
    features = ("text", "genres", "years")


@pytest.mark.slow  # imports torch
class TestSTTuned(RecommenderContract):
    model_class = STTuned
    fold_in = "exact"
    parameters = {**PARAMETERS, "steps": 3, "batch_size": 4}  # noqa: RUF012
    features = ("text", "genres", "years")


class TestSTGenres(RecommenderContract):
    """The control of `conf/models/st_genres.yaml`."""

    model_class = ST
    fold_in = "exact"
    parameters = {**PARAMETERS, "weights": {"genres": 0.3, "years": 0.3}}  # noqa: RUF012
    features = ("genres", "years")


class TestSTRandom(RecommenderContract):
    """The control of `conf/models/st_random.yaml`."""

    model_class = ST
    fold_in = "exact"
    parameters = {**PARAMETERS, "weights": {"noise": 1.0, "genres": 0.3, "years": 0.3}}  # noqa: RUF012
    features = ("noise", "genres", "years")


def test_a_gaussian_kernel_learns_what_a_line_cannot() -> None:
    """Movies in the middle of the scale of years are good, those at both ends are bad."""
    n = 60
    year = np.linspace(-2, 2, n, dtype=np.float32)[:, None]
    ids = Ids(1, n, 1.0, 5.0)
    features = Features(ids, {"years": {"year": year}})
    seen = np.arange(0, n, 2)
    train = Interactions.from_arrays(0 * seen, seen, np.where(np.abs(year[seen, 0]) < 1, 5, 1))
    nothing = Interactions.from_arrays([], [], [])
    unseen, spreads = np.arange(1, n, 2), {}
    for kernel in ("linear", "gaussian"):
        changed = {"weights": {"years": 1.0}, "item_kernel": kernel, "landmarks": 100}
        settings = {**PARAMETERS, **changed, "item_regularization": 0.01, "gamma": 2.0}
        rating = ST(**settings).fit(train, nothing, features).predict(0 * unseen, unseen)
        middle = np.abs(year[unseen, 0]) < 1
        spreads[kernel] = rating[middle].mean() - rating[~middle].mean()
    assert spreads["gaussian"] > 2.5
    assert abs(spreads["linear"]) < 0.5


def test_pairs_are_of_movies_that_one_user_liked() -> None:
    model = STTuned(seed=3, steps=5, batch_size=20)
    train = Interactions.from_arrays(
        [0, 0, 0, 0, 1, 1, 1, 2], [0, 1, 2, 3, 2, 4, 5, 1], [5, 5, 1, 1, 1, 5, 5, 3]
    )
    pairs = model._pairs(train, Features(Ids(3, 6, 1.0, 5.0)))
    assert pairs.shape == (200, 2)
    assert {frozenset(pair) for pair in pairs.tolist()} == {frozenset({0, 1}), frozenset({4, 5})}
    alone = Interactions.from_arrays([0, 1], [0, 1], [5, 5])
    assert model._pairs(alone, Features(Ids(2, 2, 1.0, 5.0))).shape == (0, 2)


@pytest.mark.slow  # imports torch
def test_tuning_brings_movies_together_that_the_same_users_liked() -> None:
    """Groups of 20 movies differ in a number that vectors of texts hardly show."""
    rng, group = np.random.default_rng(0), np.repeat([0, 1], 20)
    vectors = rng.normal(size=(40, 6)).astype(np.float32)
    vectors[:, 0] = 0.3 * (2 * group - 1)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs = np.array([rng.permutation(np.flatnonzero(group == g))[:2] for g in [0, 1] * 400])

    def apart(rows: np.ndarray) -> float:
        cosine, same = rows @ rows.T, group[:, None] == group
        return float(cosine[same].mean() - cosine[~same].mean())

    model = STTuned(seed=1, steps=60, batch_size=10, learning_rate=0.05)
    tuned = model._tuned(vectors, pairs)
    np.testing.assert_allclose(np.linalg.norm(tuned, axis=1), 1.0, rtol=1e-5)
    assert apart(tuned) > 2 * apart(vectors)


def test_a_weight_without_a_block_is_named() -> None:
    features = Features(IDS, {"text": blocks()["text"]})
    with pytest.raises(ParamsError, match=r"for genres, years, but the model's features are text"):
        ST(**PARAMETERS).fit(TRAIN, TRAIN, features)


@pytest.mark.parametrize("n_rows", [3, 30])
def test_ridge_is_that_of_scikit_learn(n_rows: int) -> None:
    rng = np.random.default_rng(1)
    design, target = rng.normal(size=(n_rows, 7)), rng.normal(size=n_rows)
    expected = Ridge(alpha=2.5, fit_intercept=False).fit(design, target).coef_
    np.testing.assert_allclose(ridge(design, target, 2.5), expected)


def test_components_are_those_of_scikit_learn_up_to_their_sign() -> None:
    columns = np.random.default_rng(2).normal(size=(20, 6))
    rows = np.arange(12)
    expected = PCA(3).fit(columns[rows]).transform(columns)
    found = principal_components(columns, rows, 3)
    np.testing.assert_allclose(np.abs(found), np.abs(expected))


def test_inner_products_are_the_kernel_where_a_side_is_a_landmark() -> None:
    found = kernel_columns(COLUMNS, LEARNED, 0.3)
    assert found.shape == (40, 25)
    expected = rbf_kernel(COLUMNS, COLUMNS[LEARNED], gamma=0.3)
    np.testing.assert_allclose(found @ found[LEARNED].T, expected, atol=1e-4)


def test_a_ridge_on_them_is_the_kernel_ridge_of_scikit_learn() -> None:
    target = np.random.default_rng(4).normal(size=25)
    columns = kernel_columns(COLUMNS, LEARNED, 0.3)
    found = columns @ ridge(columns[LEARNED], target, 0.5)
    exact = KernelRidge(alpha=0.5, kernel="rbf", gamma=0.3).fit(COLUMNS[LEARNED], target)
    np.testing.assert_allclose(found, exact.predict(COLUMNS), atol=1e-4)


def test_fewer_landmarks_come_close() -> None:
    plane = COLUMNS @ np.random.default_rng(5).normal(size=(5, 2))
    found = kernel_columns(0.2 * plane, LEARNED[:15], 0.3)
    assert found.shape == (40, 15)
    expected = rbf_kernel(0.2 * plane, gamma=0.3)
    assert np.abs(found @ found.T - expected).max() < 0.05


@pytest.mark.parametrize("columns", [np.ones((6, 2)), np.zeros((6, 0))])
def test_rows_that_are_all_alike_are_no_error(columns: np.ndarray) -> None:
    found = kernel_columns(columns, np.arange(4), 1.0)
    np.testing.assert_allclose(found @ found.T, np.ones((6, 6)), atol=1e-4)
