"""Networks: the contract for each variant, and how they are trained."""

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
    SAID,
    TAGGED,
    TRAIN,
    USERS,
    VALID,
    RecommenderContract,
    blocks,
    contents,
    nothing,
)

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features, Ids
from reelbench.models.network import Network

pytestmark = pytest.mark.slow

#: of networks that multiply factors: what a small data set needs
PARAMETERS: dict[str, Any] = {
    "factors": 4,
    "hidden": [8],
    "init_std": 0.2,
    "epochs": 25,
    "patience": 8,
    "batch_size": 32,
    "learning_rate": 0.03,
    "regularization": 0.001,
    "feature_regularization": 1e-5,
    "embedding_damping": 0.0,
    "dropout": 0.1,
    "title_scale": 1.0,
    "item_damping": 5.0,
    "prior_regularization": 2.0,
}
EXACT = {**PARAMETERS, "dropout": 0.0, "embedding_dropout": 0.0}
#: of networks with everything side by side, as those that are published
BESIDE: dict[str, Any] = {
    "factors": 8,
    "embeddings": {"user": 8, "item": 8},
    "embedding_regularization": 0.0,
    "columns": ["genres"],
    "combine": "concat",
    "title_pooling": "mean",
    "baseline": "none",
    "hidden": [24, 8],
    "embedding_init": "uniform",
    "embedding_damping": 0.0,
    "regularization": 0.0,
    "embedding_dropout": 0.0,
    "dropout": 0.1,
    "monitor": "loss",
    "epochs": 10,
    "patience": None,
    "restore_best": False,
    "batch_size": 16,
    "learning_rate": 0.02,
}
#: a product of embeddings alone, as published
PRODUCT = {
    **BESIDE,
    "combine": "dot",
    "columns": [],
    "hidden": [],
    "epochs": 15,
    "learning_rate": 0.1,
}


def features_of(*names: str) -> Features:
    given = blocks()
    return Features(IDS, {name: given[name] for name in names})


def fitted(names: tuple[str, ...], **parameters: Any) -> Network:
    model = Network(seed=7, threads=1, **{**PARAMETERS, **parameters})
    return model.fit(TRAIN, VALID, features_of(*names))


def fitted_beside(names: tuple[str, ...] = ("genres",), **parameters: Any) -> Network:
    model = Network(seed=7, threads=1, **{**BESIDE, "epochs": 2, **parameters})
    return model.fit(TRAIN, VALID, features_of(*names))


class NetworkContract(RecommenderContract):
    model_class = Network
    tries_seeds = False
    has_item_vectors = True

    def test_numpy_scores_as_keras_does(self, model: Network) -> None:
        users, items = (side.ravel() for side in np.meshgrid(USERS, ITEMS, indexing="ij"))
        inputs = model._inputs(Interactions.from_arrays(users, items, np.zeros(len(users))))
        expected = model.keras_model.predict(inputs, verbose=0)[:, 0]
        np.testing.assert_allclose(model._predict(users, items), expected, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(model.score(USERS).ravel(), expected, rtol=1e-6, atol=1e-6)


class TestDnn(NetworkContract):
    parameters = PARAMETERS
    features = ("genres", "years")


class TestFinetune(NetworkContract):
    parameters = {**PARAMETERS, "train_vectors": True}  # noqa: RUF012
    features = ("titles", "genres", "years")


class TestMf(NetworkContract):
    tries_seeds = True
    parameters = {**PARAMETERS, "hidden": []}  # noqa: RUF012


class TestHybrid(NetworkContract):
    parameters = PARAMETERS
    features = ("tags", "overviews", "years")


class TestDemographic(NetworkContract):
    parameters = {**PARAMETERS, "user_hidden": [6], "item_hidden": [8, 6]}  # noqa: RUF012
    features = ("demographics", "genres")
    knows_cold_users = True  # their age and occupation are known


class TestSigmoid(NetworkContract):
    parameters = {  # noqa: RUF012
        **PARAMETERS,
        "head": "sigmoid",
        "loss": "binary_crossentropy",
    }
    features = ("genres",)


class TestConcat(NetworkContract):
    parameters = BESIDE
    features = ("genres",)
    neutral_to_cold_users = False  # as published, embeddings are never dropped in training


class TestSparseBesideTheOthers(NetworkContract):
    parameters = {  # noqa: RUF012
        **BESIDE,
        "embeddings": {"user": 8, "item": 8, "director": 4},
        "columns": [],
        "input_dropout": 0.1,
        "head": "sigmoid",
        "embedding_init": "he_normal",
    }
    features = ("tags", "directors")
    neutral_to_cold_users = False


class TestTitle(NetworkContract):
    parameters = {**BESIDE, "columns": [], "train_vectors": True}  # noqa: RUF012
    features = ("titles",)
    neutral_to_cold_users = False


class TestPairs(NetworkContract):
    parameters = BESIDE
    features = ("genres", "row_tags")
    neutral_to_cold_users = False


class TestProduct(NetworkContract):
    parameters = PRODUCT


class TestConcatOverBiases(NetworkContract):
    parameters = {**BESIDE, "baseline": "biases", "epochs": 20}  # noqa: RUF012
    features = ("genres",)
    neutral_to_cold_users = False


class TestDirectorsAndTextAddedToFactors(NetworkContract):
    parameters = {  # noqa: RUF012
        **PARAMETERS,
        "embeddings": {"director": 3},
        "linear": {"user_age": 2},
        "columns": ["genres"],
        "text_hidden": [6],
        "input_dropout": 0.1,
    }
    features = ("directors", "overviews", "genres", "demographics")
    knows_cold_users = True


def test_a_network_needs_no_parameters() -> None:
    """Defaults are those of `dnn`: it learns, and fitted without blocks it is a factor model."""
    model = Network(epochs=1).fit(TRAIN, features=Features(IDS))
    assert model.score([0]).shape == (1, N_ITEMS)
    vectors = model.item_vectors()
    assert vectors.shape == (N_ITEMS, model.config.factors) and vectors.dtype == np.float32
    assert not vectors[-N_COLD:].any() and vectors[0].any()


def test_inputs_are_indices_alone() -> None:
    model = fitted(("titles", "genres"), epochs=1)
    assert [tuple(i.shape) for i in model.keras_model.inputs] == [(None,), (None,)]
    assert model.score([0]).shape == (1, N_ITEMS)


def test_weights_are_those_of_the_best_epoch_on_valid() -> None:
    model = fitted(("genres",), learning_rate=0.3, patience=3)
    losses = [row["valid_loss"] for row in model.history]
    residual = model.predict(VALID.user_idx, VALID.item_idx) - VALID.rating
    assert len(losses) < PARAMETERS["epochs"]
    again = model.refitted(VALID, features_of("genres"))  # as long, since it has no valid part
    assert len(again.history) == np.argmin(losses) + 1
    assert (
        np.sqrt(np.mean(residual**2)) <= min(losses) + 1e-4
    )  # predictions are clipped, losses not


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


def test_another_loss_learns_too() -> None:
    for loss in ("mae", "huber"):
        model = fitted(("genres",), loss=loss, epochs=8)
        assert model.history[-1]["train_loss"] < 0.8 * model.history[0]["train_loss"]


def test_a_word_of_a_pair_is_learned_from() -> None:
    """With nothing else to go by, pairs with the word for a good rating get one."""
    model = fitted_beside(
        ("row_tags",), embeddings={"user": 0, "item": 0}, columns=[], epochs=10, dropout=0.0
    )
    rating = model.predict(TAGGED.user_idx, TAGGED.item_idx)
    assert rating[SAID == 1].min() > rating[SAID == 0].max() + 2
    rest = model.predict(TRAIN.user_idx[1::5], TRAIN.item_idx[1::5])
    assert np.ptp(rest) < 1e-6


# so high a learning rate that the third epoch is worse on valid than the second
RESTLESS = {
    "learning_rate": 0.2,
    "epochs": 3,
    "dropout": 0.0,
    "hidden": [16],
    "head": "sigmoid",
    "loss_scale": "shares",
}


@pytest.fixture(scope="module")
def restless() -> Network:
    return fitted_beside(**RESTLESS)


def losses_on_valid(model: Network) -> list[float]:
    return [row["valid_loss"] for row in model.history]


def error_on_valid(model: Network) -> float:
    error = model.score(USERS)[VALID.user_idx, VALID.item_idx] - VALID.rating
    return float(np.sqrt(np.mean(error**2)))


def test_the_weights_are_those_of_the_last_epoch(restless: Network) -> None:
    first, second, third = losses_on_valid(restless)
    assert second < third < first
    np.testing.assert_allclose(error_on_valid(restless), third, rtol=1e-3)


def test_the_best_epoch_comes_back_where_it_is_asked_for(restless: Network) -> None:
    model = fitted_beside(**RESTLESS, patience=3, restore_best=True)
    assert model.history == restless.history
    np.testing.assert_allclose(error_on_valid(model), min(losses_on_valid(model)), rtol=1e-3)


def test_it_stops_where_it_is_told_to(restless: Network) -> None:
    model = fitted_beside(**{**RESTLESS, "epochs": 6, "patience": 1})
    assert model.history == restless.history  # three epochs of six, the last one worse
    np.testing.assert_allclose(error_on_valid(model), losses_on_valid(model)[-1], rtol=1e-3)


def test_a_continued_training_builds_nothing_anew(restless: Network) -> None:
    """The first epochs are those of one fit; then the best weights are trained on."""
    kept = {**RESTLESS, "patience": 3, "restore_best": True}
    model = fitted_beside(**kept, continued=(1e-7, 1e-7))
    first = len(restless.history)
    assert model.history[:first] == restless.history
    assert [row["epoch"] for row in model.history] == list(range(1, 3 * first + 1))
    best = min(losses_on_valid(restless))
    np.testing.assert_allclose(losses_on_valid(model)[first:], best, rtol=1e-3)
    # a rate that moves them: not the figures of a network that starts again
    moved = losses_on_valid(fitted_beside(**kept, continued=(0.02,)))
    assert moved[first:] != moved[:first]


def test_the_learning_rate_falls_where_valid_stands_still(restless: Network) -> None:
    slow = {"epochs": 5, "plateau_factor": 1e-6, "plateau_patience": 1}
    losses = losses_on_valid(fitted_beside(**{**RESTLESS, **slow}))
    assert losses[:3] == losses_on_valid(restless)
    assert abs(losses[2] - losses[1]) > 0.01 > 1e-4 > np.ptp(losses[2:])


def test_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    """A second process has other addresses, other hashes and its own clock."""
    code = (
        "import sys; from pathlib import Path; from test_network import fitted\n"
        "fitted(('titles', 'genres'), epochs=3, train_vectors=True).save(Path(sys.argv[1]))"
    )
    here = Path(__file__).parent
    search = os.pathsep.join([str(here), str(here.parent), *sys.path])
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, tmp_path / name],
            env={**os.environ, "PYTHONPATH": search, "PYTHONHASHSEED": seed},
        )
        for name, seed in (("one", "1"), ("two", "2"))
    ]
    assert [process.wait() for process in processes] == [0, 0]
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
