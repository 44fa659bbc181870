"""Networks of the report: from stored layers, without Keras."""

from __future__ import annotations

import subprocess
import sys

import pytest
from imports import run_without_keras

from reelbench.models.network.summary import INPUT, TABLE, Layer
from reelbench.reporting.charts import networks

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


def _texts(layers: list[Layer]) -> list[str]:
    spec = networks.network("", layers).to_dict()
    names = [layer["data"]["name"] for layer in spec["layer"] if layer["mark"]["type"] == "text"]
    rows = [row for name in names for row in spec["datasets"][name].splitlines()[1:]]
    return [row.split(",", 2)[2].strip('"') for row in rows]


def test_every_layer_has_its_name_operation_and_shape() -> None:
    shown = ["user idx", "user embedding", "input → 1", "Embedding → 50", "5,000 trained"]
    assert _texts(LAYERS[:2]) == shown
    assert {"table → 3 by 4", "Dropout 0.5 → 81"} <= set(_texts(LAYERS))


def test_networks_stand_side_by_side() -> None:
    panels = networks.networks({"one": LAYERS, "other": LAYERS[:2]}).to_dict()["hconcat"]
    assert [panel["title"] for panel in panels] == ["one", "other"]
    assert panels[0]["width"] > panels[1]["width"]


def test_boxes_lie_apart_and_below_what_they_read() -> None:
    boxes, lines = networks._placed(LAYERS)
    by_name = {box.layer.name: box for box in boxes}
    spec = networks.network("", LAYERS).to_dict()
    assert set(by_name) == {layer.name for layer in LAYERS}
    for box in boxes:
        assert 0 <= box.left < box.right <= spec["width"]
        assert 0 <= box.top < box.bottom <= spec["height"]
        assert all(by_name[name].bottom < box.top for name in box.layer.inputs)
        for other in boxes:
            apart = box.right <= other.left or other.right <= box.left
            above = box.bottom <= other.top or other.bottom <= box.top
            assert other is box or apart or above
    assert len(lines) == sum(len(layer.inputs) for layer in LAYERS)


@pytest.mark.slow
def test_the_same_drawing_whatever_the_order_of_sets() -> None:
    code = (
        "import sys; sys.path.insert(0, 'tests')\n"
        "from reporting.test_networks import LAYERS, networks\n"
        "print(networks.network('', LAYERS).to_json())"
    )
    command = [sys.executable, "-c", code]
    environments = [{"PYTHONHASHSEED": s, "PYTHONPATH": ":".join(sys.path)} for s in ("1", "2")]
    first, second = (subprocess.check_output(command, text=True, env=e) for e in environments)
    assert first == second


def test_drawing_needs_no_keras() -> None:
    run_without_keras(
        "from reelbench.models.network.summary import Layer\n"
        "from reelbench.reporting.charts import networks\n"
        "networks.network('one', [Layer('user_idx', 'input')]).to_dict()"
    )
