"""A fitted network in NumPy, and how its batches grow with the data."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import numpy as np
import pytest
import yaml
from contracts import N_ITEMS, N_USERS, TRAIN
from hypothesis import given
from hypothesis import strategies as st
from places import CONF
from test_network import BESIDE, PARAMETERS, fitted
from test_network_parts import built_on, features_of

from reelbench.models.network import Network, NetworkConfig, recommender, scoring
from reelbench.models.network.tables import Tables

NETWORKS: dict[str, dict[str, Any]] = {
    "product": {**PARAMETERS, "hidden": []},
    "normalised product": {**PARAMETERS, "hidden": [6, 4], "batch_norm": True},
    "side by side": {**BESIDE, "batch_norm": True, "baseline": "biases"},
    "without activation": {**BESIDE, "activation": "linear", "head": "sigmoid"},
    "linear": {**BESIDE, "hidden": []},
}


def with_any_weights(parameters: dict[str, Any]) -> Network:
    """A network whose weights are drawn, moments of a batch normalisation too."""
    model = built_on(features_of("genres"), parameters)
    model.threads = 2
    rng = np.random.default_rng(0)
    for weight in model.keras_model.weights:
        if weight.trainable or "moving" in weight.name:
            drawn = rng.uniform(-0.3, 0.5, weight.shape)
            weight.assign(abs(drawn) if "variance" in weight.name else drawn)
    model._score_with_numpy()
    return model


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_all_pairs_in_blocks_are_as_keras_has_them(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for size in ("_PAIRS", "_USERS", "_ITEMS"):
        monkeypatch.setattr(scoring, size, 5)
    model = with_any_weights(NETWORKS[name])
    users, items = (side.ravel() for side in np.indices((N_USERS + 1, N_ITEMS)))
    expected = np.asarray(model.keras_model([users, items], training=False))[:, 0]
    np.testing.assert_allclose(model._predict(users, items), expected, rtol=1e-6, atol=1e-6)
    scores = model._score(np.append(np.arange(N_USERS), -1))
    np.testing.assert_allclose(scores.ravel(), expected, rtol=1e-6, atol=1e-6)
    assert np.ptp(scores) > 0.1 and scores.dtype == np.float32


@pytest.mark.slow
def test_a_saved_network_answers_without_tensorflow(tmp_path: Path) -> None:
    model = fitted(("genres",), epochs=1)
    model.save(tmp_path / "model")
    code = (
        "import sys; from pathlib import Path; import numpy as np\n"
        "from reelbench.models.base import Recommender\n"
        "model = Recommender.load(Path(sys.argv[1]))\n"
        "np.save(sys.argv[2], [model.score([0])[0], model.predict([0] * 5, range(5))[:1].repeat("
        f"{N_ITEMS})])\n"
        "assert not {'keras', 'tensorflow'} & set(sys.modules)\n"
        "layers = model.layers()"
    )
    file = tmp_path / "answers.npy"
    subprocess.run([sys.executable, "-c", code, tmp_path / "model", file], check=True)
    scores, prediction = np.load(file)
    np.testing.assert_array_equal(scores, model.score([0])[0])
    assert prediction[0] == model.predict([0], [0])[0]


@given(st.integers(1, 10**10), st.integers(1, 10**10))
def test_batches_and_rates_grow_with_the_ratings(one: int, other: int) -> None:
    config = NetworkConfig()
    less, more = (config.batch_and_rate(n) for n in sorted((one, other)))
    assert less[0] <= more[0] and less[1] <= more[1]
    size, rate = more
    assert np.log2(size / config.batch_size) % 1 == 0
    assert rate == pytest.approx(config.learning_rate * (size / config.batch_size) ** 0.5)


@given(st.integers(1, 100_000), st.integers(1, 5000), st.floats(1e-5, 1.0))
def test_a_small_data_set_has_the_batches_it_is_given(n: int, size: int, rate: float) -> None:
    config = NetworkConfig(batch_size=size, learning_rate=rate)
    assert config.batch_and_rate(n) == (size, rate)


def test_published_networks_have_the_batches_that_were_published() -> None:
    section = yaml.safe_load((CONF / "models" / "_published.yaml").read_text())
    config = NetworkConfig(batch_size=32, batch_rule=section["batch_rule"])
    assert config.batch_and_rate(20_000_000) == (32, config.learning_rate)


@pytest.mark.slow
def test_there_are_as_many_steps_as_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many are taken in one call, with the same result."""
    import keras

    used: list[Any] = []
    adam = keras.optimizers.Adam
    monkeypatch.setattr(keras.optimizers, "Adam", lambda rate: used.append(adam(rate)) or used[-1])
    monkeypatch.setattr("reelbench.models.network.config._SMALL", len(TRAIN) / 4)
    learned = []
    for steps in (1, 7):
        monkeypatch.setattr(recommender, "_STEPS_PER_CALL", steps)
        model = fitted(("genres",), epochs=3, patience=None, restore_best=False, batch_size=8)
        learned.append(model.keras_model.get_weights())
    for optimizer in used:
        assert int(optimizer.iterations) == 3 * -(-len(TRAIN) // 16)
        assert float(optimizer.learning_rate) == pytest.approx(PARAMETERS["learning_rate"] * 2**0.5)
    assert all(map(np.array_equal, *learned))


def test_where_the_batch_has_grown_the_rate_falls_once_and_the_best_weights_stay() -> None:
    import keras

    from reelbench.models.network.layers import Annealing

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(keras.optimizers.SGD(1.0))
    annealing = Annealing("val_rmse", scale=4.0)
    annealing.set_model(model)
    annealing.on_train_begin({})
    seen = []
    # the third gains less than 0.0018, so the second stays the best; the fifth less than 0.0004
    for epoch, rmse in enumerate([1.0, 0.99, 0.989, 0.985, 0.9849]):
        model.set_weights([np.full((1, 1), float(epoch))])
        annealing.on_epoch_end(epoch, {"val_rmse": rmse})
        seen.append((float(model.get_weights()[0][0, 0]), float(model.optimizer.learning_rate)))
    assert seen == [
        (0.0, 1.0),
        (1.0, 1.0),
        (1.0, pytest.approx(0.2)),
        (3.0, pytest.approx(0.2)),
        ANY,
    ]
    assert model.stop_training
    annealing.on_train_end({})
    assert model.get_weights()[0][0, 0] == 4.0


def test_titles_are_as_wide_as_the_longest_of_them() -> None:
    """Columns of padding alone are not looked up; side by side all words have their place."""
    given = features_of("titles")
    tokens = given["titles"]["tokens"]
    given["titles"]["tokens"] = np.hstack([tokens, np.zeros_like(tokens)])
    widths = {
        pooling: Tables.make(TRAIN, given, NetworkConfig(title_pooling=pooling)).arrays["tokens"]
        for pooling in ("direction", "mean", "flatten")
    }
    longest = int((tokens > 0).sum(axis=1).max())
    assert [table.shape[1] for table in widths.values()] == [longest, longest, 2 * tokens.shape[1]]
    np.testing.assert_array_equal(widths["mean"][:-1], tokens[:, :longest])
