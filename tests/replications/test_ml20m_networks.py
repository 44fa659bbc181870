"""System A's networks: what is trained further, over which rows its errors are, and its lists."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from places import ROOT

from reelbench import paths
from reelbench.compose import compose
from reelbench.data.interactions import Interactions
from reelbench.files import write_json
from reelbench.models import Bias
from reelbench.models.shared.keras_model import HISTORY
from replications import ml20m_networks
from replications.ml20m_networks import (
    LADDERS,
    Errors,
    continued,
    ladder_chart,
    rebuilt,
    trained,
)
from replications.published import Variant, system

RUNGS = LADDERS["1"][1:]


def composed(variant: Variant, folder: Path) -> dict[str, Any]:
    return compose(folder / "params.yaml", ["+experiment=ml20m_hybrid", *variant.hydra])


def test_a_rung_as_printed_changes_the_rate_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    contents = [composed(continued(row), tmp_path) for row in RUNGS]
    models = [content["models"]["ml20m_network_1"] for content in contents]
    rates = [model.pop("continued", []) for model in models]
    assert all(model == models[0] for model in models)
    assert models[0]["hidden"] == [128, 64] and models[0]["dropout"] == 0.5
    assert [len(found) for found in rates] == list(range(len(RUNGS)))
    assert rates[-1] == [0.001, 0.0005, 0.0005, 0.0005, 0.0005]
    split = contents[0]["split"]
    assert (split["method"], split["valid_rows"], split["test"]) == ("tail", "test", 0.2)


def test_a_rebuilt_rung_has_the_layers_of_its_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    model = composed(rebuilt("a_ladder_small"), tmp_path)["models"]["ml20m_network_1"]
    assert model["hidden"] == [32, 16] and model["dropout"] == 0.6 and "continued" not in model
    assert rebuilt(RUNGS[0]) == continued(RUNGS[0])


def test_every_rung_has_its_printed_figures() -> None:
    known = system("ml20m_hybrid")
    mse = [str(known.row(row).published["mse"]) for row in RUNGS]
    assert mse == ["0.4667", "0.4458", "0.4225", "0.4135", "0.4120", "0.4100"]
    mae = [str(known.row(row).published["mae"]) for row in RUNGS]
    assert mae == ["0.4957", "0.4833", "0.4619", "0.4583", "0.4530", "0.4509"]


def test_errors_are_those_of_all_rows_of_train_and_of_those_held_out(tmp_path: Path) -> None:
    train = Interactions.from_arrays([0, 0, 1, 1], [0, 1, 0, 2], [5.0, 3.0, 4.0, 2.0])
    test = Interactions.from_arrays([2, 2], [1, 2], [1.0, 5.0])
    model = Bias().fit(train)
    folder = tmp_path / paths.model_dir("bias")
    folder.parent.mkdir(parents=True)
    model.save(folder)
    losses = {"epoch": 1, "train_loss": 0.5, "valid_loss": 2.0, "train_mae": 0.4, "valid_mae": 1.0}
    write_json(folder / HISTORY, [losses])
    parts = {paths.TRAIN: train, paths.TEST: test}
    parts[paths.INTERACTIONS] = Interactions.concat(train, test)
    for file, part in parts.items():
        names = ("user_idx", "item_idx", "rating", "timestamp")
        table = pd.DataFrame(dict(zip(names, part.columns(), strict=True)))
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        table.to_parquet(tmp_path / file)

    ran = SimpleNamespace(file=lambda path: tmp_path / path)
    study: Any = SimpleNamespace(run=lambda variant, seed, upto: ran)
    found = trained(study, Variant(model="bias"))
    rows = {"all": parts[paths.INTERACTIONS], "train": train, "held_out": test}
    for name, part in rows.items():
        error = model.predict(part.user_idx, part.item_idx) - part.rating
        expected = (np.mean(error**2), np.mean(np.abs(error)))
        assert found.errors[name] == pytest.approx(Errors(*expected))
    assert found.errors["train"].mse < found.errors["all"].mse < found.errors["held_out"].mse
    last = found.history.iloc[0]
    assert (last["train_mse"], last["valid_mse"], last["train_mae"]) == (0.25, 4.0, 0.4)


def test_weights_of_the_first_dense_layer_are_a_sum() -> None:
    """Those of the document: 1,170 columns into 128 units."""
    found = {"user_embedding": 357_950, "item_embedding": 669_800, "director_embedding": 17_450}
    found |= {"user_to_first": 50 * 128, "item_to_first": 120 * 128, "pair_terms_to_first": 128_000}
    found |= {"first_bias": 128, "hidden_1": 128 * 64 + 64, "deep": 65}
    assert ml20m_networks.weights_of(found) == system("ml20m_hybrid").row("a_layers").published


def test_the_ladder_is_one_figure_with_a_line_per_network() -> None:
    numbers = pd.DataFrame(
        {
            "rung": ["stopping", "units"] * 3,
            "rows": ["all rows, as reported"] * 4 + ["rows held out"] * 2,
            "network": ["continued"] * 2 + ["rebuilt"] * 2 + ["honest"] * 2,
            "mse": [0.4, 0.3, 0.4, 0.5, 0.8, 0.9],
        }
    )
    drawn = ladder_chart(numbers).to_dict()
    colours = drawn["spec"]["encoding"]["color"]["scale"]
    assert colours["domain"] == ["continued", "rebuilt", "honest"]
    assert len(set(colours["range"])) == 3
    told = ml20m_networks._told(pd.Series([0.4, 0.3, 0.35]), "all rows, as reported", "continued")
    assert told == "Continued, all rows: MSE 0.400, 0.300, 0.350; lower in 1 of 2 steps."


def test_every_movie_has_the_same_list_but_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scores that differ a lot: it is no regression to the mean that makes lists equal."""
    n = 30
    table = pd.DataFrame(
        {"user_idx": 0, "item_idx": range(n), "title": [f"t{i}" for i in range(n)], "rating": 3.0}
    )
    model = SimpleNamespace(_predict=lambda users, items: items.astype(float))
    monkeypatch.setattr(ml20m_networks, "joined", lambda study: table)
    monkeypatch.setattr(ml20m_networks.Recommender, "load", lambda folder: model)
    study: Any = SimpleNamespace(run=lambda *_, **__: SimpleNamespace(file=lambda path: path))
    result = ml20m_networks._recommended(study)["a_network2_lists"]
    assert not isinstance(result, str)
    assert result.same["same_list"].mean == n - 10
    assert result.same["share_in_common"].mean == pytest.approx((n - 10 + 10 * 0.9) / n)
    assert "t29, t28" in result.shown
