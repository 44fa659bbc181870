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
    N_ITEMS,
    TRAIN,
    VALID,
    WARM_USERS,
    RecommenderContract,
    blocks,
    contents,
)

from reelbench.features.block import Features
from reelbench.models.network import Network

PARAMETERS: dict[str, Any] = {
    "factors": 4,
    "user_hidden": [],
    "item_hidden": [],
    "hidden": [8],
    "head": "linear",
    "loss": "mse",
    "init_std": 0.2,
    "epochs": 25,
    "patience": 8,
    "batch_size": 32,
    "learning_rate": 0.03,
    "regularization": 0.001,
    "feature_regularization": 1e-5,
    "embedding_damping": 0.0,
    "embedding_dropout": 0.2,
    "dropout": 0.1,
    "title_scale": 1.0,
    "train_vectors": False,
    "user_damping": 5.0,
    "item_damping": 5.0,
    "prior_regularization": 2.0,
}


def fitted(names: tuple[str, ...], **parameters: Any) -> Network:
    given = blocks()
    features = Features(IDS, {name: given[name] for name in names})
    model = Network(seed=7, threads=1, **{**PARAMETERS, **parameters})
    return model.fit(TRAIN, VALID, features)


class TestDnn(RecommenderContract):
    model_class = Network
    parameters = PARAMETERS
    features = ("genres", "years")


class TestFinetune(RecommenderContract):
    model_class = Network
    parameters = {**PARAMETERS, "train_vectors": True}  # noqa: RUF012
    features = ("titles", "genres", "years")


class TestMf(RecommenderContract):
    model_class = Network
    parameters = {**PARAMETERS, "hidden": []}  # noqa: RUF012


class TestHybrid(RecommenderContract):
    model_class = Network
    parameters = PARAMETERS
    features = ("tags", "overviews", "years")


class TestDemographic(RecommenderContract):
    model_class = Network
    parameters = {**PARAMETERS, "user_hidden": [6], "item_hidden": [8, 6]}  # noqa: RUF012
    features = ("demographics", "genres")
    knows_cold_users = True  # their age and occupation are known


class TestSigmoid(RecommenderContract):
    model_class = Network
    parameters = {  # noqa: RUF012
        **PARAMETERS,
        "head": "sigmoid",
        "loss": "binary_crossentropy",
    }
    features = ("genres",)


@pytest.mark.parametrize("trained", [False, True])
def test_word_vectors_move_only_where_they_may(trained: bool) -> None:
    model = fitted(("titles",), train_vectors=trained, epochs=3)
    learned = model._item_tower.get_layer("words").get_weights()[0]
    moved = np.abs(learned - blocks()["titles"]["vectors"]).max()
    assert (moved > 1e-3) == trained


def test_frozen_tables_are_what_they_were() -> None:
    model = fitted(("genres", "years"), epochs=3)
    columns = model._item_tower.get_layer("item_columns").get_weights()[0]
    np.testing.assert_array_equal(columns[:-1, :2], blocks()["genres"]["genres"])
    np.testing.assert_array_equal(columns[-1], 0)


def test_the_embedding_of_a_cold_item_drives_nothing() -> None:
    model = fitted((), epochs=3)
    before = model.score(WARM_USERS)
    layer = model._item_tower.get_layer("item_embedding")
    weights = layer.get_weights()[0]
    weights[ITEMS[-1]] += 100.0
    layer.set_weights([weights])
    np.testing.assert_array_equal(model.score(WARM_USERS), before)
    weights[0] += 100.0
    layer.set_weights([weights])
    assert (model.score(WARM_USERS) != before).any()


def test_inputs_are_indices_alone() -> None:
    model = fitted(("titles", "genres"), epochs=1)
    assert [tuple(i.shape) for i in model._model.inputs] == [(None,), (None,)]
    assert model.score([0]).shape == (1, N_ITEMS)


def test_weights_are_those_of_the_best_epoch_on_valid() -> None:
    model = fitted(("genres",), learning_rate=0.3, patience=3)
    losses = [row["valid_loss"] for row in model.history]
    residual = model.predict(VALID.user_idx, VALID.item_idx) - VALID.rating
    assert len(losses) < PARAMETERS["epochs"]
    assert (
        np.sqrt(np.mean(residual**2)) <= min(losses) + 1e-4
    )  # predictions are clipped, losses not


@pytest.mark.slow
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
