from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from contracts import (
    IDS,
    ITEMS,
    N_COLD,
    N_ITEMS,
    N_USERS,
    SAID,
    TAGGED,
    TRAIN,
    USERS,
    VALID,
    WARM_USERS,
    RecommenderContract,
    blocks,
)
from pydantic import ValidationError
from scipy import sparse

from reelbench.features.block import Features
from reelbench.features.matrices import sparse_arrays, sparse_matrix
from reelbench.models.mlp import MLP
from reelbench.models.mlp.config import MLPConfig
from reelbench.models.mlp.head import loss_of
from reelbench.models.mlp.pairs import Pairs
from reelbench.models.mlp.tables import Tables
from reelbench.params import ParamsError

PARAMETERS: dict[str, Any] = {
    "embeddings": {"user": 8, "item": 8},
    "linear": {},
    "columns": ["genres"],
    "combine": "concat",
    "text_hidden": [],
    "title_pooling": "mean",
    "train_vectors": False,
    "hidden": [24, 8],
    "activation": "relu",
    "batch_norm": False,
    "input_dropout": 0.0,
    "dropout": 0.1,
    "dropout_after": "all",
    "head": "linear",
    "cold": "zeros",
    "embedding_init": "uniform",
    "embedding_regularization": 0.0,
    "regularization": 0.0,
    "epochs": 10,
    "patience": None,
    "restore_best": False,
    "plateau_factor": None,
    "plateau_patience": 3,
    "batch_size": 16,
    "learning_rate": 0.02,
}
DOT = {
    **PARAMETERS,
    "combine": "dot",
    "columns": [],
    "hidden": [],
    "epochs": 15,
    "learning_rate": 0.1,
}


def features_of(*names: str) -> Features:
    given = blocks()
    return Features(IDS, {name: given[name] for name in names})


def fitted(names: tuple[str, ...] = ("genres",), **parameters: Any) -> MLP:
    model = MLP(seed=7, threads=1, **{**PARAMETERS, "epochs": 2, **parameters})
    return model.fit(TRAIN, VALID, features_of(*names))


class TestPlain(RecommenderContract):
    model_class = MLP
    parameters = PARAMETERS
    features = ("genres",)
    neutral_to_cold_users = False  # as published, embeddings are never dropped in training


class TestSparseBesideTheOthers(RecommenderContract):
    model_class = MLP
    parameters = {  # noqa: RUF012
        **PARAMETERS,
        "embeddings": {"user": 8, "item": 8, "director": 4},
        "columns": [],
        "input_dropout": 0.1,
        "head": "sigmoid",
        "embedding_init": "he_normal",
    }
    features = ("tags", "directors")
    neutral_to_cold_users = False


class TestTitle(RecommenderContract):
    model_class = MLP
    parameters = {**PARAMETERS, "columns": [], "train_vectors": True}  # noqa: RUF012
    features = ("titles",)
    neutral_to_cold_users = False


class TestPairs(RecommenderContract):
    model_class = MLP
    parameters = PARAMETERS
    features = ("genres", "row_tags")
    neutral_to_cold_users = False


class TestDot(RecommenderContract):
    model_class = MLP
    parameters = DOT


def built(names: tuple[str, ...] = ("genres",), **parameters: Any) -> MLP:
    """As it is before the first epoch: enough to see what it computes of its weights."""
    model = MLP(seed=7, threads=1, **{**PARAMETERS, **parameters})
    model._ids = IDS
    model._tables = Tables.make(TRAIN, features_of(*names), model.config)
    model._pairs = Pairs.make(features_of(*names))
    model._build()
    return model


def weights(model: MLP, part: str, layer: str) -> list[np.ndarray]:
    parts = dict(zip(("user_tower", "item_tower", "pair_tower"), model._towers, strict=True))
    return (parts | {"head": model._head})[part].get_layer(layer).get_weights()


def test_inputs_side_by_side_and_one_dense_layer_on_them() -> None:
    """The first layer is in three parts: together they are the layer on everything at once."""
    model = built(("genres", "tags"))
    given = blocks()
    tags = sparse_matrix(features_of("tags")).toarray()
    users, items = np.array([0, 3, 5]), np.array([2, 7, 1])
    beside = [
        weights(model, "user_tower", "user_embedding")[0][users],
        weights(model, "item_tower", "item_embedding")[0][items],
        given["genres"]["genres"][items],
        tags[items],
    ]
    kernel = [
        weights(model, "user_tower", "user_to_first")[0],
        weights(model, "item_tower", "item_to_first")[0],
        np.asarray(model._towers[1].get_layer("terms_to_first").kernel),
    ]
    units = np.hstack(beside) @ np.vstack(kernel) + weights(model, "head", "first_bias")[0]
    for layer in ("hidden_1", "last"):
        kernel_of, bias_of = weights(model, "head", layer)
        units = np.maximum(units, 0) @ kernel_of + bias_of
    np.testing.assert_allclose(model._predict(users, items), units[:, 0], rtol=1e-4)


def test_the_parts_of_a_kernel_begin_as_one_kernel() -> None:
    """Glorot's limit is that of all inputs, dense and sparse, and not of a part of them."""
    wide = {"embeddings": {"user": 30, "item": 30}, "hidden": [40]}
    model = built(("genres", "tags"), **wide)
    limit = np.sqrt(6 / (30 + 30 + 2 + 2 + 40))
    for side in ("user", "item"):
        kernel = weights(model, f"{side}_tower", f"{side}_to_first")[0]
        assert 0.95 * limit < np.abs(kernel).max() <= limit + 1e-6
    terms = np.asarray(model._towers[1].get_layer("terms_to_first").kernel)
    assert 0.8 * limit < np.abs(terms).max() <= limit + 1e-6


def test_words_of_a_pair_lie_beside_what_its_user_and_item_have() -> None:
    plain, model = built(("genres",)), built(("genres", "row_tags"))
    kernel = np.asarray(model._towers[2].get_layer("pair_terms_to_first").kernel)
    pairs = (TAGGED.user_idx, TAGGED.item_idx)
    tagged = {(u, i): word for u, i, word in zip(*pairs, SAID, strict=True)}
    (user, item), word = next(iter(tagged.items()))
    other = next(i for i in ITEMS if (user, i) not in tagged)
    np.testing.assert_array_equal(model._towers[2](np.array([0]))[0], kernel[word])
    rows = model._pairs.rows(*np.array([[user, user, N_USERS], [item, other, item]]), N_ITEMS)
    assert rows.tolist() == [0, len(TAGGED), len(TAGGED)]
    assert not np.asarray(model._towers[2](rows[1:])).any()
    assert plain._towers[2] is None


def test_a_word_of_a_pair_is_learned_from() -> None:
    """With nothing else to go by, pairs with the word for a good rating get one."""
    model = fitted(("row_tags",), embeddings={}, columns=[], epochs=10, dropout=0.0)
    rating = model.predict(TAGGED.user_idx, TAGGED.item_idx)
    assert rating[SAID == 1].min() > rating[SAID == 0].max() + 2
    rest = model.predict(TRAIN.user_idx[1::5], TRAIN.item_idx[1::5])
    assert np.ptp(rest) < 1e-6


def test_text_has_its_own_layers_where_it_is_asked_to() -> None:
    model = built(("overviews",), columns=[], text_hidden=[6, 3])
    kernel = np.asarray(model._towers[1].get_layer("text_0").kernel)
    terms = sparse_matrix(features_of("overviews")).toarray()
    inner = np.maximum(terms @ kernel + weights(model, "item_tower", "text_bias")[0], 0)
    dense, bias = weights(model, "item_tower", "text_1")
    text = np.maximum(inner @ dense + bias, 0)
    vectors = weights(model, "item_tower", "item_embedding")[0][:N_ITEMS]
    warm = np.arange(N_ITEMS) < N_ITEMS - N_COLD
    expected = np.hstack([vectors * warm[:, None], text])
    expected = expected @ weights(model, "item_tower", "item_to_first")[0]
    np.testing.assert_allclose(np.asarray(model._towers[1](ITEMS)), expected, atol=1e-4)


@pytest.mark.parametrize("pooling", ["mean", "flatten"])
def test_words_of_a_title_are_averaged_or_lie_in_a_row(pooling: str) -> None:
    model = built(("titles",), embeddings={}, columns=[], title_pooling=pooling)
    given = blocks()["titles"]
    words = given["vectors"][given["tokens"]]  # (n_items, 3, 4); padding is zeros
    count = np.maximum((given["tokens"] > 0).sum(axis=1, keepdims=True), 1)
    # in a row padding is in front
    lengths = (given["tokens"] > 0).sum(axis=1)
    in_row = np.stack([np.roll(w, len(w) - n, axis=0) for w, n in zip(words, lengths, strict=True)])
    pooled = words.sum(axis=1) / count if pooling == "mean" else in_row.reshape(N_ITEMS, -1)
    expected = pooled @ weights(model, "item_tower", "item_to_first")[0]
    np.testing.assert_allclose(np.asarray(model._towers[1](ITEMS)), expected, atol=1e-5)


@pytest.mark.parametrize("trained", [False, True])
def test_word_vectors_move_only_where_they_may(trained: bool) -> None:
    model = fitted(("titles",), columns=[], train_vectors=trained)
    moved = weights(model, "item_tower", "words")[0] - blocks()["titles"]["vectors"]
    assert (np.abs(moved).max() > 1e-3) == trained
    assert not moved[0].any()


def test_padding_is_a_word_like_any_other_only_in_a_row() -> None:
    for pooling in ("mean", "flatten"):
        model = fitted(("titles",), columns=[], train_vectors=True, title_pooling=pooling)
        padding = weights(model, "item_tower", "words")[0][0]
        assert padding.any() == (pooling == "flatten")


def test_a_product_is_that_of_the_embeddings() -> None:
    model = built((), **DOT)
    users = weights(model, "user_tower", "user_embedding")[0]
    items = weights(model, "item_tower", "item_embedding")[0]
    scores = model.score(WARM_USERS)[:, :-N_COLD]
    expected = users[WARM_USERS] @ items[: N_ITEMS - N_COLD].T
    np.testing.assert_allclose(scores, expected, atol=1e-5)


def test_the_embedding_of_the_cold_is_zeros_or_as_it_began() -> None:
    """Switching the fault on makes cold users and movies differ, and changes nothing else."""
    zeros, untrained = (built(cold=cold) for cold in ("zeros", "untrained"))
    cold = USERS[-N_COLD:]
    assert np.ptp(zeros.score(cold), axis=0).max() == 0
    assert np.ptp(untrained.score(cold), axis=0).min() > 1e-5
    warm = np.ix_(WARM_USERS, ITEMS[:-N_COLD])
    np.testing.assert_array_equal(zeros.score(USERS)[warm], untrained.score(USERS)[warm])
    assert (zeros.score(USERS) != untrained.score(USERS))[:, -N_COLD:].all()


def test_a_category_without_a_train_row_is_zeros_too() -> None:
    """Of a length of title that only cold movies have, nothing is known."""
    given = blocks()["categories"]
    given["title_length_number"] = given["title_length_number"].copy()
    given["title_length_number"][-N_COLD:] = [3, 4]
    parameters = {"embeddings": {"title_length_number": 4}, "columns": []}
    for cold, known in (("zeros", False), ("untrained", True)):
        config = MLPConfig(**{**PARAMETERS, **parameters, "cold": cold})
        tables = Tables.make(TRAIN, Features(IDS, {"categories": given}), config)
        rows = tables.arrays["trained.title_length_number"][:, 0]
        np.testing.assert_array_equal(rows, [known, True, True, known, known])


def test_users_are_told_apart_by_what_is_known_of_them() -> None:
    model = built(
        ("demographics", "categories", "genres"),
        embeddings={"user_zip_code_number": 4},
        linear={"user_age": 4, "user_occupation": 4},
        batch_norm=True,
        head="sigmoid",
        embedding_init="normal",
        dropout_after="first",
    )
    scores = model.score(USERS)
    assert scores.min() > IDS.rating_min and scores.max() < IDS.rating_max
    np.testing.assert_allclose(scores[0], scores[3], atol=1e-6)  # of one age, zip code, occupation
    assert np.abs(scores[0] - scores[1]).max() > 1e-3
    dropped = [layer.name for layer in model._head.layers if layer.name.startswith("dropout")]
    assert dropped == ["dropout_0"]


def test_blocks_without_columns_leave_the_network_as_it_is() -> None:
    nobody = np.zeros((len(USERS), 0), np.float32)
    no_words = sparse_arrays(sparse.csr_array((N_ITEMS, 0), dtype=np.float32))
    genres = {"genres": blocks()["genres"]}
    empty = {"tags": no_words, "demographics": {"user_age": nobody}}
    models = []
    for given, linear in ((genres, {}), ({**genres, **empty}, {"user_age": 5})):
        model = MLP(seed=7, threads=1, **{**PARAMETERS, "linear": linear})
        model._ids = IDS
        model._tables = Tables.make(TRAIN, Features(IDS, given), model.config)
        model._pairs = Pairs.make(Features(IDS, given))
        model._build()
        models.append(model)
    np.testing.assert_array_equal(*(model.score(USERS) for model in models))


def test_without_any_input_there_is_one_answer_for_all() -> None:
    assert np.ptp(built((), embeddings={"user": 0}, columns=[]).score(USERS)) == 0


# so high a learning rate that the third epoch is worse on valid than the second
RESTLESS = {"learning_rate": 0.2, "epochs": 3, "dropout": 0.0, "hidden": [16], "head": "sigmoid"}


@pytest.fixture(scope="module")
def restless() -> MLP:
    return fitted(**RESTLESS)


def losses_on_valid(model: MLP) -> list[float]:
    return [row["valid_loss"] for row in model.history]


def error_on_valid(model: MLP) -> float:
    error = model.score(USERS)[VALID.user_idx, VALID.item_idx] - VALID.rating
    return float(np.sqrt(np.mean(error**2)))


def test_the_weights_are_those_of_the_last_epoch(restless: MLP) -> None:
    first, second, third = losses_on_valid(restless)
    assert second < third < first
    np.testing.assert_allclose(error_on_valid(restless), third, rtol=1e-3)


def test_the_best_epoch_comes_back_where_it_is_asked_for(restless: MLP) -> None:
    model = fitted(**RESTLESS, patience=3, restore_best=True)
    assert model.history == restless.history
    np.testing.assert_allclose(error_on_valid(model), min(losses_on_valid(model)), rtol=1e-3)


def test_it_stops_where_it_is_told_to(restless: MLP) -> None:
    model = fitted(**{**RESTLESS, "epochs": 6, "patience": 1})
    assert model.history == restless.history  # three epochs of six, the last one worse
    np.testing.assert_allclose(error_on_valid(model), losses_on_valid(model)[-1], rtol=1e-3)


def test_the_learning_rate_falls_where_valid_stands_still(restless: MLP) -> None:
    slow = {"epochs": 5, "plateau_factor": 1e-6, "plateau_patience": 1}
    losses = losses_on_valid(fitted(**{**RESTLESS, **slow}))
    assert losses[:3] == losses_on_valid(restless)
    assert abs(losses[2] - losses[1]) > 0.01 > 1e-4 > np.ptp(losses[2:])


def test_the_loss_of_a_sigmoid_is_that_of_shares_of_the_scale() -> None:
    loss = loss_of(MLPConfig(**{**PARAMETERS, "head": "sigmoid"}), IDS)
    given, predicted = np.array([[5.0], [1.0]]), np.array([[3.0], [3.0]])
    np.testing.assert_allclose(loss(given, predicted), 0.25)
    assert loss_of(MLPConfig(**PARAMETERS), IDS) == "mse"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"columns": ["plot"]}, "no declared block has an array 'plot'"),
        ({"columns": ["title_length_number"]}, "'title_length_number' is not an array of columns"),
        ({"embeddings": {"genres": 5}}, "embeddings.genres: that array holds no row numbers"),
        ({"columns": ["names"]}, "both genres and directors have an array 'names'"),
    ],
)
def test_an_array_that_cannot_be_read_is_named(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ParamsError, match=message):
        built(("genres", "directors", "categories"), **changed)


def test_a_product_reads_no_features() -> None:
    with pytest.raises(ParamsError, match="combine: dot reads no features"):
        built(("tags",), **DOT)
    with pytest.raises(ParamsError, match="combine: dot reads no features"):
        built(("row_tags",), **DOT)
    for changed in ({"hidden": [4]}, {"columns": ["genres"]}, {"embeddings": {"user": 4}}):
        with pytest.raises(ValidationError, match="combine: dot takes embeddings"):
            MLPConfig(**{**DOT, **changed})
    with pytest.raises(ValidationError, match="restore_best needs a patience"):
        MLPConfig(**{**PARAMETERS, "restore_best": True})
