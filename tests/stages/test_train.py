"""A busy process is seen to be busy, and memory that it takes is seen."""

from __future__ import annotations

import csv
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from contracts import contents
from imports import run_without_keras
from small_project import N_USERS, ratings, write_catalogue, write_params, write_ratings

from reelbench import paths
from reelbench.costs import energy_of
from reelbench.data.interactions import Interactions
from reelbench.features.block import Features
from reelbench.files import read_json, size_bytes
from reelbench.machine import EnergyCounter
from reelbench.models.base import Recommender
from reelbench.models.network import Network
from reelbench.models.popularity import Popularity
from reelbench.params import ParamsError
from reelbench.seeds import seed_for
from reelbench.stages import featurize, inputs, train
from reelbench.stages.train import Monitor


class Learner(Popularity):
    """Has two epochs, the second without a valid loss."""

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        super()._fit(train, valid, features)
        self.history += [
            {"epoch": 1, "train_loss": 1.5, "valid_loss": 2.0},
            {"epoch": 2, "train_loss": 1.25},
        ]


class Broken(Popularity):
    def _save_extra(self, folder: Path) -> None:
        raise OSError("disk full")


def block(module: str, target: str) -> dict[str, Any]:
    return {"_target_": f"reelbench.features.{module}.{target}", "code": f"{module}.py"}


def model(target: str, **parameters: Any) -> dict[str, Any]:
    return {"_target_": target, "code": "x.py", "features": [], **parameters}


def network() -> dict[str, Any]:
    """The smallest network of the benchmark, for an epoch."""
    params = Path(__file__).parents[2] / "params.yaml"
    own = yaml.safe_load(params.read_text(encoding="utf-8"))["models"]["mf"]
    return {**own, "features": ["genres"], "factors": 4, "hidden": [6], "epochs": 1}


PARAMS: dict[str, Any] = {
    "seed": 5,
    "faults": [],
    "targets": [__name__],
    "threads": 1,
    "features": {"ids": block("block", "IdsBlock"), "genres": block("categories", "GenresBlock")},
    "models": {
        "bias": model("reelbench.models.bias.Bias", user_damping=5.0, item_damping=2.0),
        "learner": {**model(f"{__name__}.Learner"), "features": ["genres"]},
        "broken": model(f"{__name__}.Broken"),
        "network": network(),
    },
    "inputs": {"bias": [], "learner": ["genres"], "broken": [], "network": ["genres"]},
}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_catalogue(tmp_path)
    write_ratings(tmp_path, ratings())
    write_params(tmp_path, PARAMS)
    monkeypatch.chdir(tmp_path)
    featurize.run("ids")
    featurize.run("genres")
    inputs.run()


def test_the_folder_holds_a_model_that_predicts() -> None:
    train.run("bias")
    loaded = Recommender.load(paths.model_dir("bias"))
    table = ratings()["train"]
    rating = loaded.predict(table["user_idx"], table["item_idx"])
    assert np.sqrt(np.mean((rating - table["rating"]) ** 2)) < table["rating"].std()
    assert loaded.seed == seed_for(5, "models", "bias")


def test_the_folder_says_what_it_was_made_of() -> None:
    train.run("learner")
    found = read_json(paths.model_dir("learner") / "inputs.json")
    assert found == {
        key: read_json(paths.model_inputs("learner"))[key] for key in ("features", "train", "valid")
    }


def test_training_again_gives_the_same_bytes_and_leaves_no_old_file() -> None:
    train.run("bias")
    before = contents(paths.MODELS)
    (paths.model_dir("bias") / "old.bin").write_bytes(b"old")
    train.run("bias")
    assert contents(paths.MODELS) == before


def test_curves_have_a_row_per_epoch_and_an_empty_cell_for_no_value() -> None:
    train.run("learner")
    text = paths.curves("learner").read_text()
    assert text == "epoch,train_loss,valid_loss\n1,1.5,2.0\n2,1.25,\n"


def test_curves_of_a_model_without_epochs_are_a_header() -> None:
    train.run("bias")
    with paths.curves("bias").open() as stream:
        assert list(csv.reader(stream)) == [["epoch", "train_loss", "valid_loss"]]


@pytest.mark.slow
def test_layers_of_a_network_are_those_that_it_has_and_the_same_bytes() -> None:
    train.run("network")
    text = paths.layers("network").read_bytes()
    layers = {stored["name"]: stored for stored in json.loads(text)}
    assert layers["user_embedding"] == {
        "name": "user_embedding",
        "kind": "Embedding",
        "inputs": ["user_idx"],
        "shape": [4],
        "parameters": 4 * (N_USERS + 1),
        "setting": "",
    }
    assert (layers["hidden_0"]["shape"], layers["hidden_0"]["setting"]) == ([6], "relu")
    weights = Network.load(paths.model_dir("network")).keras_model.trainable_weights
    trained = sum(int(np.prod(weight.shape)) for weight in weights)
    assert sum(stored["parameters"] for stored in layers.values()) == trained
    train.run("network")
    assert paths.layers("network").read_bytes() == text


def test_layers_of_a_model_without_any_are_none_and_load_no_keras() -> None:
    run_without_keras("from reelbench.stages import train\ntrain.run('bias')")
    assert json.loads(paths.layers("bias").read_text()) == []


def test_cost() -> None:
    train.run("bias")
    cost = json.loads(paths.train_cost("bias").read_text())
    assert 0 <= cost["train_seconds"] < 60
    assert cost["model_bytes"] == size_bytes(paths.model_dir("bias"))
    assert cost["peak_memory_bytes"] > 10_000_000
    assert cost["machine"]["threads"] == 1
    assert cost["machine"]["cpu"]
    assert cost["cpu_seconds"] >= 0
    if cost["energy_source"] == "estimated":
        assert cost["energy_wh"] == pytest.approx(cost["cpu_seconds"] * 3.5 / 3600, abs=1e-6)


def counters(folder: Path, **microjoules: int) -> None:
    """Energy counters as the kernel has them: of a package, of its cores, of the whole board."""
    names = {"intel-rapl:0": "package-0", "intel-rapl:0:0": "core", "intel-rapl:1": "psys"}
    for zone, name in names.items():
        (folder / zone).mkdir(parents=True, exist_ok=True)
        texts = {"name": name, "max_energy_range_uj": "10000000000"}
        texts["energy_uj"] = str(microjoules[name.partition("-")[0]])
        for file, text in texts.items():
            (folder / zone / file).write_text(f"{text}\n")


def test_energy_is_that_of_packages_alone_and_outlasts_a_counters_end(tmp_path: Path) -> None:
    assert EnergyCounter(tmp_path / "none").watt_hours() is None
    counters(tmp_path / "cap", package=6_000_000_000, core=1, psys=1)
    energy = EnergyCounter(tmp_path / "cap")
    assert energy.watt_hours() == 0
    counters(tmp_path / "cap", package=9_600_000_000, core=9_000_000_000, psys=9_000_000_000)
    assert energy.watt_hours() == pytest.approx(1.0)
    counters(tmp_path / "cap", package=3_200_000_000, core=1, psys=1)  # from 0 at 10 kJ
    assert energy.watt_hours() == pytest.approx(2.0)


def test_measured_energy_is_written_and_no_wattage_changes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EnergyCounter, "watt_hours", lambda self: 0.25)
    train.run("bias")
    cost = read_json(paths.train_cost("bias"))
    assert (cost["energy_wh"], cost["energy_source"]) == (0.25, "measured")
    write_params(tmp_path, PARAMS | {"energy": {"watts_per_core": 100.0}})
    assert energy_of(cost)["energy_wh"] == 0.25
    estimated = energy_of({"cpu_seconds": 36.0, "energy_source": "estimated", "energy_wh": 9.0})
    assert estimated == {"energy_wh": 1.0, "energy_source": "estimated"}
    assert energy_of({}) == {}


def test_a_failed_save_keeps_the_model_that_was_there() -> None:
    train.run("bias")
    paths.model_dir("bias").rename(paths.model_dir("broken"))
    before = contents(paths.MODELS)
    with pytest.raises(OSError, match="disk full"):
        train.run("broken")
    assert contents(paths.MODELS) == before


def test_unknown_model_names_the_nearest() -> None:
    with pytest.raises(ParamsError, match="did you mean 'bias'"):
        train.run("bais")


def test_test_rows_are_not_needed() -> None:
    paths.TEST.unlink()
    paths.INTERACTIONS.unlink()
    train.run("learner")
    assert paths.model_dir("learner").is_dir()


def test_work_and_memory_are_seen() -> None:
    with Monitor(period=0.05) as monitor:
        kept = np.ones(20_000_000)  # 160 MB
        end = time.process_time() + 0.4
        while time.process_time() < end:
            kept.sum()
    seconds = [sample["seconds"] for sample in monitor.samples]
    assert seconds == sorted(seconds) and seconds[0] == 0.0
    assert max(sample.get("cpu_percent", 0) for sample in monitor.samples) > 0
    assert 0.35 < monitor.cpu_seconds < 5
    memory = [sample["resident_megabytes"] for sample in monitor.samples]
    assert max(memory) - memory[0] > 100


def test_it_ends_at_once_and_with_an_error_too() -> None:
    with pytest.raises(KeyError), Monitor(period=60) as monitor:
        raise KeyError
    assert not monitor._thread.is_alive()
    assert len(monitor.samples) == 1 and "cpu_percent" not in monitor.samples[0]
