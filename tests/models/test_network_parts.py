"""The parts of the network, on data whose right answer is known."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from contracts import IDS, ITEMS, N_COLD, N_ITEMS, TRAIN, USERS, WARM_ITEMS, blocks, nothing
from pydantic import ValidationError
from scipy import sparse
from test_network import PARAMETERS, fitted

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features, Ids
from reelbench.features.matrices import sparse_arrays, sparse_matrix
from reelbench.models.network import Network
from reelbench.models.network.config import NetworkConfig
from reelbench.models.network.head import head, loss_of

EXACT = {**PARAMETERS, "dropout": 0.0, "embedding_dropout": 0.0}


def config(**parameters: object) -> NetworkConfig:
    return NetworkConfig(**{**PARAMETERS, **parameters})


def test_a_bag_of_terms_is_the_product_with_the_sparse_matrix() -> None:
    model = fitted(("overviews",), epochs=2)
    layer = model._item_tower.get_layer("terms_to_item")
    kernel = np.asarray(layer.kernel)
    assert kernel.any()
    matrix = sparse_matrix(Features(IDS, {"overviews": blocks()["overviews"]})).toarray()
    index = np.array([3, 0, 3, N_ITEMS])  # the last has no term: it is the unknown movie
    expected = np.vstack([matrix, 0 * matrix[:1]])[index] @ kernel
    np.testing.assert_allclose(np.asarray(layer(index)), expected, rtol=1e-5, atol=1e-7)


def test_blocks_of_words_lie_side_by_side() -> None:
    model = fitted(("tags", "overviews"), epochs=1)
    kernel = model._item_tower.get_layer("terms_to_item").kernel
    assert tuple(kernel.shape) == (2 + 10, PARAMETERS["factors"])


def test_blocks_without_columns_leave_the_network_as_it_is() -> None:
    """A data set without words or demographics: the network of ids alone, bit for bit."""
    nobody = np.zeros((len(USERS), 0), np.float32)
    no_words = sparse_arrays(sparse.csr_array((N_ITEMS, 0), dtype=np.float32))
    empty = Features(IDS, {"tags": no_words, "demographics": {"user_age": nobody}})
    models = [
        Network(seed=7, threads=1, **{**PARAMETERS, "epochs": 2}).fit(TRAIN, nothing(), given)
        for given in (Features(IDS), empty)
    ]
    np.testing.assert_array_equal(models[0].score(USERS), models[1].score(USERS))


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


def test_trust_in_an_embedding_grows_with_the_ratings() -> None:
    model = fitted((), epochs=1, embedding_damping=3.0)
    n = len(TRAIN.rating) / len(WARM_ITEMS)
    trust = model._item_tower.get_layer("item_trust").get_weights()[0][:, 0]
    counts = np.bincount(TRAIN.item_idx, minlength=N_ITEMS + 1)
    assert counts[0] > 0 and abs(counts[0] - n) < 3
    np.testing.assert_allclose(trust, counts / (counts + 3.0), rtol=1e-6)
    assert (trust[ITEMS[-N_COLD] :] == 0).all()


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
        items = np.asarray(model._item_tower(ITEMS[-N_COLD:]))[:, :-1]
        users = np.asarray(model._user_tower(USERS[-N_COLD:]))[:, :-1]
        np.testing.assert_allclose(np.vstack([items, users]), 0.0, atol=1e-6)


def hills(n_items: int = 240) -> tuple[Features, Interactions, Interactions]:
    """One user rates every movie once: 5 where its number is near 0, and 1 where it is not."""
    number = np.random.default_rng(0).uniform(-2, 2, n_items).astype(np.float32)
    rating = np.where(np.abs(number) < 1, 5.0, 1.0)
    items = np.arange(n_items)
    features = Features(Ids(1, n_items, 1.0, 5.0), {"numeric": {"numeric": number[:, None]}})
    train, held_out = (
        Interactions.from_arrays(np.zeros(len(rows), int), rows, rating[rows])
        for rows in (items[items % 4 > 0], items[items % 4 == 0])
    )
    return features, train, held_out


def test_hidden_layers_of_a_tower_learn_what_a_projection_cannot() -> None:
    features, train, held_out = hills()
    errors = {}
    for hidden in ((), (16,)):
        changed = {"item_hidden": hidden, "hidden": (), "epochs": 60, "embedding_damping": 100.0}
        model = Network(seed=7, threads=1, **{**EXACT, **changed}).fit(train, nothing(), features)
        difference = model.predict(held_out.user_idx, held_out.item_idx) - held_out.rating
        errors[len(hidden)] = float(np.sqrt(np.mean(difference**2)))
    assert errors[0] > 1.8  # the deviation of the ratings is 2
    assert errors[1] < 1.0


def test_a_cold_user_is_served_by_their_features() -> None:
    given = {"user_occupation": np.eye(2, dtype=np.float32)[USERS % 2]}
    features = Features(IDS, {"demographics": given, "genres": blocks()["genres"]})
    model = Network(seed=7, threads=1, **EXACT).fit(TRAIN, nothing(), features)
    for user in USERS[-N_COLD:]:
        scores = model.score([user])[0]
        assert scores[user % 2 == ITEMS % 2].min() > scores[user % 2 != ITEMS % 2].max()


@pytest.mark.parametrize("loss", ["mse", "mae", "huber", "binary_crossentropy"])
def test_a_loss_is_least_at_the_given_rating(loss: str) -> None:
    import keras

    chosen = keras.losses.get(loss_of(config(head="sigmoid", loss=loss), IDS))
    predicted = np.linspace(1.01, 4.99, 200, dtype=np.float32)
    for given in (1.5, 3.0, 4.5):
        losses = [np.sum(chosen(np.array([[given]]), np.array([[p]]))) for p in predicted]
        assert abs(predicted[int(np.argmin(losses))] - given) < 0.03


def test_cross_entropy_without_probabilities_is_refused() -> None:
    with pytest.raises(ValidationError, match="binary_crossentropy needs head: sigmoid"):
        config(loss="binary_crossentropy")


def test_the_sigmoid_starts_from_the_effects_and_stays_on_the_scale() -> None:
    size = PARAMETERS["factors"]
    model = head(config(head="sigmoid", hidden=[]), IDS)
    effects = np.array([[3.7], [9.0], [-9.0]], np.float32)
    item = np.hstack([np.ones((3, size), np.float32), effects])
    rating = np.asarray(model([np.zeros((3, size + 1), np.float32), item]))
    np.testing.assert_allclose(rating[:, 0], [3.7, 4.92, 1.08], atol=1e-4)
    strong = np.hstack([np.full((3, size), 50.0, np.float32), 0 * effects])
    assert np.asarray(model([strong, item])).max() <= IDS.rating_max


def test_another_loss_learns_too() -> None:
    for loss in ("mae", "huber"):
        model = fitted(("genres",), loss=loss, epochs=8)
        assert model.history[-1]["train_loss"] < 0.8 * model.history[0]["train_loss"]
