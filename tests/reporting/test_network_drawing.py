"""Layers of our networks as a list, and the drawing of a list."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from contracts import IDS, TRAIN, VALID, blocks

from reelbench.features.block import Features
from reelbench.models.bias import Bias
from reelbench.models.mlp import MLP
from reelbench.models.network.summary import INPUT, TABLE, Layer
from reelbench.reporting.network_drawing import _place, drawing

LAYERS = [
    Layer("user_idx", INPUT),
    Layer("user_embedding", "Embedding", ("user_idx",), (50,), 5_000),
    Layer("item_idx", INPUT),
    Layer("genres", TABLE, ("item_idx",), (19,)),
    Layer("words", TABLE, ("item_idx",), (3, 4)),
    Layer("beside", "Concatenate", ("user_embedding", "genres", "words"), (81,)),
    Layer("dropout", "Dropout", ("beside",), (81,), setting="0.5"),
    Layer("alone", INPUT),
]


def test_every_layer_says_what_it_is() -> None:
    (left, right) = drawing({"one": LAYERS, "other": LAYERS[:2]}).axes
    assert left.get_title() == "one" and right.get_title() == "other"
    said = [text.get_text() for text in right.texts if text.get_text()]
    assert said == ["user idx", "input → 1", "user embedding", "Embedding → 50", "5,000 trained"]
    texts = {text.get_text() for text in left.texts}
    assert {"table → 3 by 4", "Dropout 0.5 → 81"} <= texts


def test_boxes_lie_apart_and_below_what_they_read() -> None:
    place = _place(LAYERS)
    assert set(place.boxes) == {layer.name for layer in LAYERS}
    for layer in LAYERS:
        x, y, width, height = place.boxes[layer.name]
        assert x - width / 2 >= 0 and x + width / 2 <= place.width
        assert y - height / 2 >= 0 and y + height / 2 <= place.height
        for name in layer.inputs:
            assert place.boxes[name][1] - place.boxes[name][3] / 2 > y + height / 2
        for name, (other_x, other_y, other_width, other_height) in place.boxes.items():
            apart_x = abs(x - other_x) >= (width + other_width) / 2 - 1e-9
            apart_y = abs(y - other_y) >= (height + other_height) / 2 - 1e-9
            assert name == layer.name or apart_x or apart_y
    assert len(place.lines) == sum(len(layer.inputs) for layer in LAYERS)


def test_the_same_bytes_whatever_the_order_of_sets() -> None:
    code = (
        "import hashlib, sys; sys.path.insert(0, 'tests')\n"
        "from reporting.test_network_drawing import LAYERS, drawing\n"
        "from reelbench.reporting import figures\n"
        "with figures.style(): png = figures.png(drawing({'': LAYERS}))\n"
        "print(hashlib.sha256(png).hexdigest())"
    )
    found = set()
    for seed in ("1", "2"):
        environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)}
        ran = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        )
        found.add(ran.stdout)
    assert len(found) == 1


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
    drawn = drawing({"": list(found.values())})
    assert len(drawn.axes[0].patches) == len(found)


def test_a_model_that_is_no_network_has_no_layers() -> None:
    assert Bias(user_damping=1, item_damping=1).layers() == []
