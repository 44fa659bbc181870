"""Networks of the report: from stored layers, without Keras."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from imports import run_without_keras

from reelbench import paths
from reelbench.files import write_json
from reelbench.models.network.summary import INPUT, TABLE, Layer
from reelbench.reporting.networks import read_networks

LAYERS = [
    Layer("user_idx", INPUT),
    Layer("user_embedding", "Embedding", ("user_idx",), (4,), 1_200),
    Layer("words", TABLE, ("user_idx",), (3, 4)),
    Layer("hidden_0", "Dense", ("user_embedding", "words"), (6,), 102, "relu"),
]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_json(paths.layers("dnn"), [dataclasses.asdict(layer) for layer in LAYERS])
    write_json(paths.layers("bias"), [])


def test_layers_come_back_as_they_were_stored() -> None:
    # bias has none, and of the last nothing is stored
    (found,) = read_networks(["bias", "dnn", "new"])
    assert (found.model, found.layers, found.parameters) == ("dnn", LAYERS, 1_302)
    assert found.picture.name == "network_dnn"
    assert "4 layers" in found.picture.caption and "1,302 numbers" in found.picture.caption


def test_the_same_small_picture_every_time() -> None:
    (first,), (second,) = read_networks(["dnn"]), read_networks(["dnn"])
    assert first.picture.png == second.picture.png
    # the width of the header is in pixels of the file, which are finer than those of the page
    width = int.from_bytes(first.picture.png[16:20], "big")
    assert first.width == pytest.approx(width * 96 / 165, abs=1)
    assert first.picture.png[25] == 3  # a palette


def test_drawing_needs_no_keras() -> None:
    run_without_keras(
        "from reelbench.reporting.networks import read_networks\n"
        "assert len(read_networks(['dnn'])) == 1"
    )
