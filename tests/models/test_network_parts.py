"""What a network computes from its weights, on data whose right answer is known."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
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
    WARM_ITEMS,
    WARM_USERS,
    blocks,
    nothing,
)
from pydantic import ValidationError
from scipy import sparse
from test_network import BESIDE, EXACT, PARAMETERS, PRODUCT, features_of, fitted, fitted_beside

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features
from reelbench.features.matrices import sparse_arrays, sparse_matrix
from reelbench.models.base import ModelEntry
from reelbench.models.bias import Bias
from reelbench.models.network import Network, NetworkConfig
from reelbench.models.network.recommender import loss_of
from reelbench.models.network.summary import INPUT, TABLE, Layer
from reelbench.models.network.tables import Tables
from reelbench.params import ParamsError
from reelbench.seeds import seed_keras
from reelbench.tuning.search import hyperparameters
from reelbench.tuning.space import check_space, read_space


def built(names: tuple[str, ...] = ("genres",), **parameters: Any) -> Network:
    """As it is before the first epoch: enough to see what it computes from its weights."""
    return built_on(features_of(*names), {**BESIDE, **parameters})


def built_on(features: Features, parameters: dict[str, Any]) -> Network:
    model = Network(seed=7, threads=1, **parameters)
    model._ids = IDS
    model._tables = Tables.make(TRAIN, features, model.config)
    model._built = model._build()
    model._score_with_numpy()
    return model


def weights(model: Network, layer: str) -> list[np.ndarray]:
    return model.keras_model.get_layer(layer).get_weights()


@pytest.mark.slow
def test_frozen_tables_are_what_they_were() -> None:
    model = fitted(("genres", "years"), epochs=3)
    columns = model._parts.item.get_layer("item_columns").get_weights()[0]
    np.testing.assert_array_equal(columns[:-1, :2], blocks()["genres"]["genres"])
    np.testing.assert_array_equal(columns[-1], 0)


@pytest.mark.slow
def test_the_embedding_of_a_cold_item_drives_nothing() -> None:
    model = fitted((), epochs=3)
    before = model.score(WARM_USERS)
    layer = model._parts.item.get_layer("item_embedding")
    weights = layer.get_weights()[0]
    weights[ITEMS[-1]] += 100.0
    layer.set_weights([weights])
    model._score_with_numpy()
    np.testing.assert_array_equal(model.score(WARM_USERS), before)
    weights[0] += 100.0
    layer.set_weights([weights])
    model._score_with_numpy()
    assert (model.score(WARM_USERS) != before).any()


@pytest.mark.slow
def test_a_bag_of_terms_is_the_product_with_the_sparse_matrix() -> None:
    model = fitted(("overviews",), epochs=2)
    layer = model._parts.item.get_layer("terms_to_item")
    kernel = np.asarray(layer.kernel)
    assert kernel.any()
    matrix = sparse_matrix(Features(IDS, {"overviews": blocks()["overviews"]})).toarray()
    index = np.array([3, 0, 3, N_ITEMS])  # the last has no term: it is the unknown movie
    expected = np.vstack([matrix, 0 * matrix[:1]])[index] @ kernel
    np.testing.assert_allclose(np.asarray(layer(index)), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.slow
def test_blocks_of_words_lie_side_by_side() -> None:
    model = fitted(("tags", "overviews"), epochs=1)
    kernel = model._parts.item.get_layer("terms_to_item").kernel
    assert tuple(kernel.shape) == (2 + 10, PARAMETERS["factors"])


@pytest.mark.slow
def test_inputs_side_by_side_and_one_dense_layer_on_them() -> None:
    """The first layer is in three parts: together they are the layer on everything at once."""
    model = built(("genres", "tags"))
    given = blocks()
    tags = sparse_matrix(features_of("tags")).toarray()
    users, items = np.array([0, 3, 5]), np.array([2, 7, 1])
    beside = [
        weights(model, "user_embedding")[0][users],
        weights(model, "item_embedding")[0][items],
        given["genres"]["genres"][items],
        tags[items],
    ]
    kernel = [
        weights(model, "user_to_first")[0],
        weights(model, "item_to_first")[0],
        np.asarray(model._parts.item.get_layer("terms_to_first").kernel),
    ]
    units = np.hstack(beside) @ np.vstack(kernel) + weights(model, "first_bias")[0]
    for layer in ("hidden_1", "deep"):
        kernel_of, bias_of = weights(model, layer)
        units = np.maximum(units, 0) @ kernel_of + bias_of
    np.testing.assert_allclose(model._predict(users, items), units[:, 0], rtol=1e-4)


@pytest.mark.slow
def test_the_parts_of_a_kernel_begin_as_one_kernel() -> None:
    """Glorot's limit is that of all inputs, dense and sparse, and not of a part of them."""
    wide = {"embeddings": {"user": 30, "item": 30}, "hidden": [40]}
    model = built(("genres", "tags"), **wide)
    limit = np.sqrt(6 / (30 + 30 + 2 + 2 + 40))
    for side in ("user", "item"):
        kernel = weights(model, f"{side}_to_first")[0]
        assert 0.95 * limit < np.abs(kernel).max() <= limit + 1e-6
    terms = np.asarray(model._parts.item.get_layer("terms_to_first").kernel)
    assert 0.8 * limit < np.abs(terms).max() <= limit + 1e-6


@pytest.mark.slow
def test_words_of_a_pair_lie_beside_what_its_user_and_item_have() -> None:
    plain, model = built(("genres",)), built(("genres", "row_tags"))
    layer = model.keras_model.get_layer("pair_terms_to_first")
    kernel = np.asarray(layer.kernel)
    pairs = (TAGGED.user_idx, TAGGED.item_idx)
    tagged = {(u, i): word for u, i, word in zip(*pairs, SAID, strict=True)}
    (user, item), word = next(iter(tagged.items()))
    other = next(i for i in ITEMS if (user, i) not in tagged)
    np.testing.assert_array_equal(layer(np.array([0]))[0], kernel[word])
    rows = model._tables.pair_rows(*np.array([[user, user, N_USERS], [item, other, item]]), N_ITEMS)
    assert rows.tolist() == [0, len(TAGGED), len(TAGGED)]
    assert not np.asarray(layer(rows[1:])).any()
    assert len(plain.keras_model.inputs) == 2 and len(model.keras_model.inputs) == 3


@pytest.mark.slow
def test_text_has_its_own_layers_where_it_is_asked_to() -> None:
    model = built(("overviews",), columns=[], text_hidden=[6, 3])
    kernel = np.asarray(model._parts.item.get_layer("text_0").kernel)
    terms = sparse_matrix(features_of("overviews")).toarray()
    inner = np.maximum(terms @ kernel + weights(model, "text_bias")[0], 0)
    dense, bias = weights(model, "text_1")
    text = np.maximum(inner @ dense + bias, 0)
    vectors = weights(model, "item_embedding")[0][:N_ITEMS]
    warm = np.arange(N_ITEMS) < N_ITEMS - N_COLD
    expected = np.hstack([vectors * warm[:, None], text])
    expected = expected @ weights(model, "item_to_first")[0]
    np.testing.assert_allclose(np.asarray(model._parts.item(ITEMS)), expected, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pooling", "padding"), [("mean", "front"), ("flatten", "front"), ("flatten", "end")]
)
def test_words_of_a_title_are_averaged_or_lie_in_a_row(pooling: str, padding: str) -> None:
    parameters = {"title_pooling": pooling, "title_padding": padding}
    model = built(("titles",), embeddings={"user": 0, "item": 0}, columns=[], **parameters)
    given = blocks()["titles"]
    words = given["vectors"][given["tokens"]]  # (n_items, 3, 4); padding is zeros
    count = np.maximum((given["tokens"] > 0).sum(axis=1, keepdims=True), 1)
    # in the block padding comes last
    lengths = (
        (given["tokens"] > 0).sum(axis=1) if padding == "front" else [words.shape[1]] * N_ITEMS
    )
    in_row = np.stack([np.roll(w, len(w) - n, axis=0) for w, n in zip(words, lengths, strict=True)])
    pooled = words.sum(axis=1) / count if pooling == "mean" else in_row.reshape(N_ITEMS, -1)
    expected = pooled @ weights(model, "item_to_first")[0]
    np.testing.assert_allclose(np.asarray(model._parts.item(ITEMS)), expected, atol=1e-5)


@pytest.mark.slow
def test_padding_is_a_word_like_any_other_only_in_a_row() -> None:
    for pooling in ("mean", "flatten"):
        model = fitted_beside(("titles",), columns=[], train_vectors=True, title_pooling=pooling)
        padding = weights(model, "words")[0][0]
        assert padding.any() == (pooling == "flatten")


class Watched(Network):
    """Keeps the weights that it starts from."""

    def _learn(self, train: Interactions, valid: Interactions) -> None:
        names = "item_embedding", "hidden_1", "words"
        self.start = {name: weights(self, name)[0] for name in names}
        super()._learn(train, valid)


@pytest.mark.slow
def test_a_pretrained_embedding_of_items_is_that_of_the_network_with_frozen_vectors() -> None:
    """All other layers start from other values than its own did; only its own epochs are kept."""
    shared = {**BESIDE, "columns": [], "title_pooling": "flatten", "epochs": 2}
    changed = {"train_vectors": True, "pretraining": "frozen_vectors"}
    first, carried = (
        Watched(seed=7, threads=1, **shared, **other).fit(TRAIN, VALID, features_of("titles"))
        for other in ({}, changed)
    )
    trained = weights(first, "item_embedding")[0]
    np.testing.assert_array_equal(carried.start["item_embedding"], trained)
    np.testing.assert_array_equal(carried.start["words"], first.start["words"])
    assert not np.allclose(trained, first.start["item_embedding"])
    assert not np.allclose(carried.start["hidden_1"], first.start["hidden_1"])
    assert not np.allclose(weights(carried, "item_embedding")[0], trained)
    assert [row["epoch"] for row in carried.history] == [1, 2]


@pytest.mark.slow
def test_a_product_is_that_of_the_embeddings() -> None:
    model = built((), **PRODUCT)
    users = weights(model, "user_embedding")[0]
    items = weights(model, "item_embedding")[0]
    scores = model.score(WARM_USERS)[:, :-N_COLD]
    expected = users[WARM_USERS] @ items[: N_ITEMS - N_COLD].T
    np.testing.assert_allclose(scores, expected, atol=1e-5)


@pytest.mark.slow
def test_the_embedding_of_the_cold_is_zeros_or_as_it_began() -> None:
    """Switching the fault on makes cold users and movies differ, and changes nothing else."""
    zeros, untrained = (built(cold=cold) for cold in ("zeros", "untrained"))
    cold = USERS[-N_COLD:]
    assert np.ptp(zeros.score(cold), axis=0).max() == 0
    assert np.ptp(untrained.score(cold), axis=0).min() > 1e-5
    warm = np.ix_(WARM_USERS, ITEMS[:-N_COLD])
    np.testing.assert_array_equal(zeros.score(USERS)[warm], untrained.score(USERS)[warm])
    assert (zeros.score(USERS) != untrained.score(USERS))[:, -N_COLD:].all()


@pytest.mark.slow
def test_a_category_without_a_train_row_is_zeros_too() -> None:
    """Of a length of title that only cold movies have, nothing is known."""
    given = blocks()["categories"]
    given["title_length_number"] = given["title_length_number"].copy()
    given["title_length_number"][-N_COLD:] = [3, 4]
    parameters = {"embeddings": {"title_length_number": 4}, "columns": []}
    for cold, known in (("zeros", False), ("untrained", True)):
        config = NetworkConfig(**{**BESIDE, **parameters, "cold": cold})
        tables = Tables.make(TRAIN, Features(IDS, {"categories": given}), config)
        rows = tables.arrays["trust.title_length_number"][:, 0]
        np.testing.assert_array_equal(rows, [known, True, True, known, known])


@pytest.mark.slow
def test_users_are_told_apart_by_what_is_known_of_them() -> None:
    model = built(
        ("demographics", "categories", "genres"),
        embeddings={"user": 0, "item": 0, "user_zip_code_number": 4},
        linear={"user_age": 4, "user_occupation": 4},
        batch_norm=True,
        head="sigmoid",
        embedding_init="normal",
        init_std=1.0,
        dropout_after="first",
    )
    scores = model.score(USERS)
    assert scores.min() > IDS.rating_min and scores.max() < IDS.rating_max
    np.testing.assert_allclose(scores[0], scores[3], atol=1e-6)  # of one age, zip code, occupation
    assert np.abs(scores[0] - scores[1]).max() > 1e-3
    dropped = [layer.name for layer in model.keras_model.layers if layer.name.startswith("dropout")]
    assert dropped == ["dropout_0"]


@pytest.mark.slow
@pytest.mark.parametrize("parameters", [BESIDE, PARAMETERS])
def test_blocks_without_columns_leave_the_network_as_it_is(parameters: dict[str, Any]) -> None:
    """A data set without words or demographics: the same network, bit for bit."""
    nobody = np.zeros((len(USERS), 0), np.float32)
    no_words = sparse_arrays(sparse.csr_array((N_ITEMS, 0), dtype=np.float32))
    genres = {"genres": blocks()["genres"]}
    empty = {"tags": no_words, "demographics": {"user_age": nobody}}
    models = [
        built_on(Features(IDS, given), {**parameters, "linear": linear})
        for given, linear in ((genres, {}), ({**genres, **empty}, {"user_age": 5}))
    ]
    np.testing.assert_array_equal(*(model.score(USERS) for model in models))


@pytest.mark.slow
def test_without_any_input_there_is_one_answer_for_all() -> None:
    assert np.ptp(built((), embeddings={"user": 0, "item": 0}, columns=[]).score(USERS)) == 0


@pytest.mark.slow
def test_the_loss_of_a_sigmoid_is_that_of_shares_of_the_scale() -> None:
    loss = loss_of(NetworkConfig(**{**BESIDE, "head": "sigmoid", "loss_scale": "shares"}), IDS)
    given, predicted = np.array([[5.0], [1.0]]), np.array([[3.0], [3.0]])
    np.testing.assert_allclose(loss(given, predicted), 0.25)
    loss = loss_of(NetworkConfig(**BESIDE), IDS)
    np.testing.assert_allclose(loss(given, predicted), 4.0)


@pytest.mark.slow
def test_dense_layers_start_as_one_kernel_over_all_their_inputs() -> None:
    """Both halves of the first layer know the width of the whole (He et al. 2015)."""
    parameters = {"hidden": [400, 300], "embeddings": {"user": 30, "item": 30}, "columns": []}
    config = NetworkConfig(**{**BESIDE, **parameters, "dense_init": "he_normal"})
    features = Features(IDS)
    seed_keras(1, 1)
    from reelbench.models.network import towers

    network = towers.build(Tables.make(TRAIN, features, config), config, IDS).whole
    for name, inputs in (("user_to_first", 60), ("item_to_first", 60), ("hidden_1", 400)):
        kernel = network.get_layer(name).get_weights()[0]
        assert kernel.std() == pytest.approx((2 / inputs) ** 0.5, rel=0.02)
        assert np.abs(kernel).max() <= 2 * (2 / inputs) ** 0.5 / 0.8796


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


def test_parameters_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(ParamsError, match="combine: dot reads no features of pairs"):
        built(("row_tags",), **PRODUCT)
    for changed, message in [
        ({"embeddings": {"user": 4}}, "combine: dot needs embeddings"),
        ({"combine": "concat", "user_hidden": [4]}, "need combine: dot"),
        ({"loss": "binary_crossentropy"}, "binary_crossentropy needs head: sigmoid"),
        ({"restore_best": True, "patience": None}, "restore_best needs a patience"),
        (
            {"combine": "concat", "embeddings": {"item": 0}, "pretraining": "frozen_vectors"},
            "pretraining needs an embedding",
        ),
    ]:
        with pytest.raises(ValidationError, match=message):
            NetworkConfig.model_validate(changed)


#: of every parameter a value that is not its default
OTHERS: dict[str, Any] = {
    **{"factors": 8, "embeddings": {"director": 4}, "columns": ["genres"]},
    **{"linear": {"user_age": 4}, "text_hidden": [4], "title_pooling": "mean"},
    **{"title_padding": "end", "pretraining": "frozen_vectors", "continued": [0.01]},
    **{"title_scale": 1.0, "train_vectors": True, "combine": "concat", "user_hidden": [4]},
    **{"item_hidden": [8, 4], "hidden": [], "activation": "linear", "batch_norm": True},
    **{"head": "sigmoid", "baseline": "none", "user_damping": 1.0, "item_damping": 1.0},
    **{"prior_regularization": 1.0, "embedding_init": "uniform", "init_std": 1.0},
    **{"cold": "untrained", "embedding_damping": 1.0, "regularization": 0.0},
    **{"embedding_regularization": 0.1, "feature_regularization": 0.1},
    **{"kernel_regularization": 0.1, "embedding_dropout": 0.0, "input_dropout": 0.1},
    **{"dropout": 0.1, "dropout_after": "first", "loss": "mae", "loss_scale": "shares"},
    **{"epochs": 2, "batch_size": 32, "learning_rate": 0.01, "batch_rule": "fixed"},
    **{"monitor": "loss", "dense_init": "he_normal"},
    **{"patience": 2, "restore_best": False, "plateau_factor": 0.5, "plateau_patience": 2},
}


@pytest.mark.slow
def test_keras_tuner_can_search_every_parameter() -> None:
    default = NetworkConfig().model_dump(mode="json")
    assert OTHERS.keys() == default.keys()
    section = {name: [default[name], OTHERS[name]] for name in default}
    space = read_space("dnn", section, Path("dnn.yaml"))
    entry = ModelEntry(target="reelbench.models.network.Network")
    check_space("dnn", space, entry, Path("dnn.yaml"))
    assert len(hyperparameters(space).space) == len(default)
    for setting in (default, OTHERS):
        assert space.decode(space.encode(setting)) == setting


@pytest.mark.slow
@pytest.mark.parametrize("combine", ["dot", "concat"])
@pytest.mark.parametrize("trained", [False, True])
def test_word_vectors_move_only_where_they_may(combine: str, trained: bool) -> None:
    fit = fitted if combine == "dot" else fitted_beside
    model = fit(("titles",), columns=[], train_vectors=trained, epochs=3)
    moved = weights(model, "words")[0] - blocks()["titles"]["vectors"]
    assert (np.abs(moved).max() > 1e-3) == trained
    assert not moved[0].any()


WIDE = """
import resource, numpy as np
from scipy import sparse
from test_network import PARAMETERS
from reelbench.data.interactions import Interactions
from reelbench.features.block import Features, Ids
from reelbench.features.matrices import sparse_arrays
from reelbench.models.network import Network

N_ITEMS, N_TERMS = 5_000, 50_000
rng = np.random.default_rng(0)
starts = np.arange(N_ITEMS + 1) * 40
terms = np.concatenate([np.sort(rng.choice(N_TERMS, 40, replace=False)) for _ in range(N_ITEMS)])
words = sparse.csr_array((np.full(len(terms), 0.2), terms, starts), shape=(N_ITEMS, N_TERMS))
features = Features(Ids(50, N_ITEMS, 1.0, 5.0), {"tags": sparse_arrays(words)})
train = Interactions.from_arrays(np.arange(5000) % 50, np.arange(5000), 1 + np.arange(5000) % 5)
model = Network(seed=1, threads=1, **{**PARAMETERS, "epochs": 1, "batch_size": 1024})
model.prepare()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
model.fit(train, Interactions.from_arrays([], [], []), features).score([0, 1])
print("KIB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux alone")
def test_a_wide_vocabulary_takes_little_memory() -> None:
    """50,000 terms of 5,000 items: 1,000 MB as a dense matrix; entries and kernel are 4 MB."""
    here = os.path.dirname(__file__)
    search = os.pathsep.join([here, os.path.dirname(here), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", WIDE],
        env={**os.environ, "PYTHONPATH": search},
        capture_output=True,
        text=True,
        check=True,
    )
    kib = int(done.stdout.split("KIB")[1])
    assert kib < 300 * 1024


@pytest.mark.slow
def test_trust_in_an_embedding_grows_with_the_ratings() -> None:
    model = fitted((), epochs=1, embedding_damping=3.0)
    n = len(TRAIN.rating) / len(WARM_ITEMS)
    trust = model._parts.item.get_layer("item_trust").get_weights()[0][:, 0]
    counts = np.bincount(TRAIN.item_idx, minlength=N_ITEMS + 1)
    assert counts[0] > 0 and abs(counts[0] - n) < 3
    np.testing.assert_allclose(trust, counts / (counts + 3.0), rtol=1e-6)
    assert (trust[ITEMS[-N_COLD] :] == 0).all()


@pytest.mark.slow
def test_features_say_nothing_before_the_first_epoch() -> None:
    """Towers with and without hidden layers start as the network of ids alone."""
    given = blocks()
    features = Features(IDS, {n: given[n] for n in ("tags", "titles", "genres", "demographics")})
    for hidden in ((), (6, 5)):
        model = Network(
            seed=7, threads=1, **{**EXACT, "user_hidden": hidden, "item_hidden": hidden}
        )
        model.config = model.config.model_copy(update={"learning_rate": 1e-12, "epochs": 1})
        model.fit(TRAIN, nothing(), features)
        items = np.asarray(model._parts.item(ITEMS[-N_COLD:]))[:, :-1]
        users = np.asarray(model._parts.user(USERS[-N_COLD:]))[:, :-1]
        np.testing.assert_allclose(np.vstack([items, users]), 0.0, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["mse", "mae", "huber", "binary_crossentropy"])
def test_a_loss_is_least_at_the_given_rating(loss: str) -> None:
    config = NetworkConfig.model_validate({"head": "sigmoid", "loss": loss})

    chosen = loss_of(config, IDS)
    predicted = np.linspace(1.01, 4.99, 200, dtype=np.float32)
    for given in (1.5, 3.0, 4.5):
        losses = [np.sum(chosen(np.array([[given]]), np.array([[p]]))) for p in predicted]
        assert abs(predicted[int(np.argmin(losses))] - given) < 0.03


@pytest.mark.slow
def test_the_sigmoid_starts_from_the_biases_and_stays_on_the_scale() -> None:
    size = PARAMETERS["factors"]
    parameters = {**PARAMETERS, "head": "sigmoid", "hidden": []}
    model = built_on(Features(IDS), parameters)._parts.head
    biases = np.array([[3.7], [9.0], [-9.0]], np.float32)
    item = np.hstack([np.ones((3, size), np.float32), biases])
    rating = np.asarray(model([np.zeros((3, size + 1), np.float32), item]))
    np.testing.assert_allclose(rating[:, 0], [3.7, 4.92, 1.08], atol=1e-4)
    strong = np.hstack([np.full((3, size), 50.0, np.float32), 0 * biases])
    assert np.asarray(model([strong, item])).max() <= IDS.rating_max


@pytest.fixture(scope="module")
def network() -> Network:
    parameters = {
        "embeddings": {"user": 8, "item": 7, "director": 0},
        "hidden": [24, 6],
        "dropout": 0.25,
        "dropout_after": "first",
        "head": "sigmoid",
        "epochs": 1,
    }
    return fitted_beside(("genres", "tags", "row_tags"), **parameters)


@pytest.mark.slow
def test_layers_of_a_published_network(network: Network) -> None:
    """Its inner tables are left out: an embedding reads the index itself."""
    found = {layer.name: layer for layer in map(Layer.of, network.layers())}
    assert [name for name, layer in found.items() if layer.kind == INPUT] == [
        "user_idx",
        "item_idx",
        "pair_row",
    ]
    assert found["user_embedding"].inputs == ("user_idx",)
    assert found["user_embedding"].parameters == 8 * (IDS.n_users + 1)
    assert found["item_columns"].kind == TABLE and not found["item_columns"].parameters
    assert set(found["item_inputs"].inputs) == {"item_embedding", "item_columns"}
    assert found["item_to_first"].parameters == (7 + 2) * 24
    assert found["pair_terms_to_first"].parameters == 2 * 24
    assert [found[n].setting for n in ("activation_0", "dropout_0")] == ["relu", "0.25"]
    assert "user_input_dropout" not in found and found["deep"].shape == (1,)
    assert list(found)[-1] == "sigmoid"
    weights = sum(int(w.shape.num_elements()) for w in network.keras_model.trainable_weights)
    assert sum(layer.parameters for layer in found.values()) == weights


def test_a_model_that_is_no_network_has_no_layers() -> None:
    assert Bias(user_damping=1, item_damping=1).layers() == []
