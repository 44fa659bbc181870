from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import surprise
from contracts import RecommenderContract
from scipy import sparse
from surprise_oracle import IDS, ITEMS, TRAIN, USERS, predictions, trainset, unseen

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features, Ids
from reelbench.models.knn import KNN, KNNConfig, largest_first, similar_rows

PARAMETERS: dict[str, Any] = {
    "based_on": "item",
    "similarity": "pearson_baseline",
    "k": 10,
    "min_k": 1,
    "shrinkage": 10.0,
    "stored": 100,
    "user_damping": 5.0,
    "item_damping": 3.0,
    "baseline": "biases",
}


class TestKNNItem(RecommenderContract):
    model_class = KNN
    fold_in = "exact"
    parameters = PARAMETERS


class TestKNNUser(RecommenderContract):
    model_class = KNN
    fold_in = "close"  # a user of train meets themselves among the neighbours
    parameters = PARAMETERS | {"based_on": "user"}


class TestKNNOfRawRatings(RecommenderContract):
    model_class = KNN
    fold_in = "exact"
    parameters = PARAMETERS | {"similarity": "cosine", "shrinkage": 0.0, "k": 3}


class TestKNNOfBareMeans(RecommenderContract):
    model_class = KNN
    fold_in = "exact"
    parameters = PARAMETERS | {"similarity": "cosine", "shrinkage": 0.0, "baseline": "mean"}


class TestKNNOfOwnMeans(RecommenderContract):
    model_class = KNN
    fold_in = "exact"
    parameters = PARAMETERS | {"similarity": "msd", "shrinkage": 0.0, "baseline": "own_mean"}
    # a cold user has the mean of train for every item, as in Surprise


class TestKNNOfZScores(RecommenderContract):
    model_class = KNN
    fold_in = "close"
    parameters = PARAMETERS | {"based_on": "user", "similarity": "pearson", "baseline": "z_score"}


def oracle(parameters: dict[str, Any]) -> surprise.KNNBaseline:
    """Surprise's KNNBaseline; the damped effects are its ALS, of as many rounds."""
    similarity = {
        "name": parameters["similarity"],
        "user_based": parameters["based_on"] == "user",
        "shrinkage": parameters["shrinkage"],
    }
    effects = {
        "reg_u": parameters["user_damping"],
        "reg_i": parameters["item_damping"],
        "n_epochs": 3,
    }
    return surprise.KNNBaseline(
        k=parameters["k"],
        min_k=parameters["min_k"],
        sim_options=similarity,
        bsl_options=effects,
        verbose=False,
    ).fit(trainset())


@pytest.mark.parametrize("based_on", ["item", "user"])
def test_with_the_mean_as_baseline_it_is_surprises_knn_basic(based_on: str) -> None:
    """With all neighbours, as ties go another way; a pair in train is its own neighbour there."""
    parameters = PARAMETERS | {"based_on": based_on, "similarity": "cosine", "shrinkage": 0.0}
    model = KNN(**parameters | {"baseline": "mean", "k": 40}).fit(TRAIN, TRAIN, Features(IDS))
    options = {"name": "cosine", "user_based": based_on == "user"}
    other = surprise.KNNBasic(k=40, sim_options=options, verbose=False).fit(trainset())
    pairs = unseen()
    expected = predictions(other)[pairs]
    np.testing.assert_allclose(model.predict(USERS, ITEMS)[pairs], expected, atol=1e-5)


@pytest.mark.parametrize("based_on", ["item", "user"])
@pytest.mark.parametrize(("k", "min_k"), [(40, 1), (4, 1), (4, 3), (1, 1)])
def test_same_predictions_as_surprise(based_on: str, k: int, min_k: int) -> None:
    parameters = PARAMETERS | {"based_on": based_on, "k": k, "min_k": min_k}
    model = KNN(**parameters).fit(TRAIN, TRAIN, Features(IDS))
    expected = predictions(oracle(parameters))
    # of a pair in train Surprise takes the item as its own neighbour
    pairs = unseen()
    predicted = model.predict(USERS, ITEMS)
    np.testing.assert_allclose(predicted[pairs], expected[pairs], atol=1e-5)


@pytest.mark.parametrize("based_on", ["item", "user"])
def test_cosine_as_in_surprise(based_on: str) -> None:
    """With all neighbours: the cosine of a single common rating is 1, and ties go another way."""
    parameters = PARAMETERS | {
        "based_on": based_on,
        "similarity": "cosine",
        "shrinkage": 0.0,
        "k": 40,
    }
    model = KNN(**parameters).fit(TRAIN, TRAIN, Features(IDS))
    pairs = unseen()
    expected = predictions(oracle(parameters))
    np.testing.assert_allclose(model.predict(USERS, ITEMS)[pairs], expected[pairs], atol=1e-5)


@pytest.mark.parametrize("similarity", ["msd", "cosine", "pearson", "pearson_baseline"])
@pytest.mark.parametrize("based_on", ["item", "user"])
@pytest.mark.parametrize("baseline", ["mean", "own_mean", "z_score", "biases"])
def test_every_kind_of_surprises_neighbours(similarity: str, based_on: str, baseline: str) -> None:
    """In train by neighbour, so that of equally similar ones Surprise too takes the first."""
    by_user = based_on == "user"
    kinds = {
        "mean": surprise.KNNBasic,
        "own_mean": surprise.KNNWithMeans,
        "z_score": surprise.KNNWithZScore,
        "biases": surprise.KNNBaseline,
    }
    order = np.argsort(TRAIN.user_idx if by_user else TRAIN.item_idx, kind="stable")
    other = kinds[baseline](
        k=6,
        min_k=2,
        sim_options={"name": similarity, "user_based": by_user, "min_support": 3, "shrinkage": 7},
        bsl_options={"reg_u": 15, "reg_i": 10, "n_epochs": 10},
        verbose=False,
    ).fit(trainset(TRAIN.select(order)))
    model = KNN(
        based_on=based_on,
        similarity=similarity,
        baseline=baseline,
        k=6,
        min_k=2,
        min_support=3,
        shrinkage=7 if similarity == "pearson_baseline" else 0,
        user_damping=15,
        item_damping=10,
        rounds=10,
    ).fit(TRAIN, features=Features(IDS))
    pairs = unseen()
    predicted = model.predict(USERS, ITEMS)[pairs]
    np.testing.assert_allclose(predicted, predictions(other)[pairs], atol=1e-6)
    scores = np.clip(model.score(np.arange(40)), 1, 5)
    np.testing.assert_allclose(scores, model.predict(USERS, ITEMS).reshape(41, 31)[:40, :30])


def test_equal_ratings_have_no_correlation_and_the_spread_of_all() -> None:
    """Also for a new user, whose neighbours' ratings come back from their residuals."""
    train = Interactions.from_arrays(
        [0, 0, 0, 1, 1, 1, 2, 2], [0, 1, 2, 0, 1, 2, 0, 1], [0.7, 0.7, 0.7, 3.3, 1.1, 2.9, 4.1, 1.3]
    )
    model = KNN(based_on="user", similarity="pearson", baseline="z_score", shrinkage=0)
    model.fit(train, features=Features(Ids(3, 3, 0, 5)))
    assert model.similar[[0]].nnz == 0 and model.similar[[1]].indices.tolist() == [2]
    assert model.spread[0] == model.spread[-1] == pytest.approx(train.rating.std())
    folded = model.fold_in([0, 1], [4.1, 1.3])
    assert folded.similar[[-1]].indices.tolist() == [1, 2]
    assert folded.predict([-1], [2]) == pytest.approx(model.predict([2], [2]), abs=1e-5)
    assert model.fold_in([0, 1], [2.0, 2.0]).predict([-1], [2]) == pytest.approx(2.0)


@pytest.mark.parametrize("baseline", ["mean", "own_mean", "z_score"])
def test_a_new_user_by_residuals_after_the_biases(baseline: str) -> None:
    """Those of everybody are computed again; the new user is a copy of one, who is then nearest."""
    parameters = PARAMETERS | {"based_on": "user", "baseline": baseline, "shrinkage": 0.0}
    model = KNN(**parameters).fit(TRAIN, features=Features(IDS))
    own = TRAIN.select(TRAIN.user_idx == 3)
    nearest = model.fold_in(own.item_idx, own.rating).similar[[-1]]
    assert nearest.indices[0] == 3 and nearest.data[0] == pytest.approx(1.0, abs=1e-4)


def test_neighbours_beyond_the_stored_ones_have_no_say() -> None:
    model = KNN(**PARAMETERS | {"stored": 3}).fit(TRAIN, TRAIN, Features(IDS))
    every = KNN(**PARAMETERS).fit(TRAIN, TRAIN, Features(IDS))
    assert np.diff(model.similar.indptr).max() == 3
    kept, all_of_them = model.similar[[5]], every.similar[[5]]
    assert kept.indices.tolist() == all_of_them.indices[:3].tolist()
    assert not np.array_equal(model.score([0]), every.score([0]))


def test_without_a_neighbour_the_effects_answer() -> None:
    model = KNN(**PARAMETERS | {"min_k": 30}).fit(TRAIN, TRAIN, Features(IDS))
    expected = model.biases.predict(USERS % 41, ITEMS % 31).clip(1, 5)
    np.testing.assert_allclose(model.predict(USERS, ITEMS), expected, atol=1e-6)


def test_the_order_of_rows_does_not_matter() -> None:
    order = np.random.default_rng(1).permutation(len(TRAIN))
    shuffled = TRAIN.select(order)
    parameters = PARAMETERS | {"similarity": "cosine", "shrinkage": 0.0, "k": 2}
    models = [KNN(**parameters).fit(train, train, Features(IDS)) for train in (TRAIN, shuffled)]
    scores = [model.score(np.arange(10)) for model in models]
    np.testing.assert_allclose(*scores, atol=1e-5)


def test_similarity_by_hand() -> None:
    """Rows 0 and 1 share columns 0 and 1 (an entry of zero is one); row 2 shares one with each."""
    values = sparse.csr_array(
        (np.array([1.0, 2.0, 3.0, 0.0, 9.0, 5.0]), ([0, 0, 1, 1, 1, 2], [0, 1, 0, 1, 2, 0])),
        shape=(3, 3),
    )
    cosine = (1 * 3 + 2 * 0) / np.sqrt((1 + 4) * (9 + 0))
    found = similar_rows(values, KNNConfig(shrinkage=4.0, stored=5)).toarray()
    expected = np.zeros((3, 3))
    expected[0, 1] = expected[1, 0] = cosine * 1 / (1 + 4)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    plain = KNNConfig(similarity="cosine", shrinkage=0.0, stored=5)
    single = similar_rows(values, plain).toarray()
    np.testing.assert_allclose(single[2], [1, 1, 0], rtol=1e-6)


def test_largest_first_and_the_left_one_of_equals() -> None:
    matrix = sparse.csr_array(np.array([[1.0, 3.0, 2.0, 3.0], [0, 0, 0, 0], [0, 5.0, 0, 6.0]]))
    found = largest_first(matrix)
    assert found.indices.tolist() == [1, 3, 2, 0, 3, 1]
    assert found.indptr.tolist() == [0, 4, 4, 6]


@pytest.mark.parametrize("based_on", ["item", "user"])
def test_blocks_and_threads_change_no_byte(monkeypatch: pytest.MonkeyPatch, based_on: str) -> None:
    parameters = PARAMETERS | {"based_on": based_on, "k": 2}
    whole = KNN(**parameters).fit(TRAIN, TRAIN, Features(IDS))
    monkeypatch.setattr("reelbench.parallel._ROWS_AT_ONCE", 4)
    monkeypatch.setattr("reelbench.models.shared.neighbours._PAIRS_AT_ONCE", 50)
    monkeypatch.setattr("reelbench.models.knn._USERS_AT_ONCE", 3)
    blocks = KNN(**parameters, threads=3).fit(TRAIN, TRAIN, Features(IDS))
    np.testing.assert_array_equal(blocks.similar.toarray(), whole.similar.toarray())
    np.testing.assert_array_equal(blocks.similar.indices, whole.similar.indices)
    everybody = np.arange(-1, 40)
    np.testing.assert_array_equal(blocks.score(everybody), whole.score(everybody))
    np.testing.assert_array_equal(blocks.predict(USERS, ITEMS), whole.predict(USERS, ITEMS))


@pytest.mark.parametrize("based_on", ["item", "user"])
@pytest.mark.parametrize(("k", "min_k"), [(40, 1), (2, 3), (1, 1)])
def test_whole_rows_have_the_means_of_their_pairs(based_on: str, k: int, min_k: int) -> None:
    model = KNN(**PARAMETERS | {"based_on": based_on, "k": k, "min_k": min_k})
    model.fit(TRAIN, TRAIN, Features(IDS))
    pairs = model._predict(USERS % 40, ITEMS % 30).reshape(41, 31)
    np.testing.assert_allclose(model.score(USERS[::31] % 40), pairs[:, :30], atol=1e-6)


def test_a_train_of_one_rating() -> None:
    train = Interactions.from_arrays([0], [1], [4])
    for based_on in ("item", "user"):
        model = KNN(**PARAMETERS | {"based_on": based_on}).fit(
            train, train, Features(Ids(2, 2, 1, 5))
        )
        np.testing.assert_allclose(model.score([0, 1]), 4.0)
