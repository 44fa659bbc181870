"""Layers of a network as a list."""

from __future__ import annotations

from typing import Any

import pytest
from contracts import IDS, TRAIN, VALID, blocks

from reelbench.features.block import Features
from reelbench.models.bias import Bias
from reelbench.models.mlp import MLP
from reelbench.models.network.summary import INPUT, TABLE, Layer


@pytest.fixture(scope="module")
def network() -> MLP:
    parameters: dict[str, Any] = {
        "embeddings": {"user": 8, "item": 7, "director": 0},
        "linear": {},
        "columns": ["genres"],
        "combine": "concat",
        "text_hidden": [],
        "title_pooling": "mean",
        "train_vectors": False,
        "hidden": [24, 6],
        "activation": "relu",
        "batch_norm": False,
        "input_dropout": 0.0,
        "dropout": 0.25,
        "dropout_after": "first",
        "head": "sigmoid",
        "cold": "zeros",
        "embedding_init": "uniform",
        "embedding_regularization": 0.0,
        "regularization": 0.0,
        "epochs": 1,
        "patience": None,
        "restore_best": False,
        "plateau_factor": None,
        "plateau_patience": 3,
        "batch_size": 64,
        "learning_rate": 0.02,
    }
    given = {name: blocks()[name] for name in ("genres", "tags", "row_tags")}
    return MLP(seed=7, threads=1, **parameters).fit(TRAIN, VALID, Features(IDS, given))


def test_layers_of_a_published_network(network: MLP) -> None:
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
    assert "user_input_dropout" not in found and found["last"].shape == (1,)
    assert list(found)[-1] == "sigmoid"
    weights = sum(int(w.shape.num_elements()) for w in network._model.trainable_weights)
    assert sum(layer.parameters for layer in found.values()) == weights


def test_a_model_that_is_no_network_has_no_layers() -> None:
    assert Bias(user_damping=1, item_damping=1).layers() == []
