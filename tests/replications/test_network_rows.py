"""What system A's networks read on each protocol, and the figures of their curves."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from reelbench.compose import compose
from replications import curves, ml20m_networks
from replications.ml20m_networks import _LADDER, _NETWORK2, _as_published, _plan, _short
from replications.study import Variant

ROOT = Path(__file__).parents[2]
VARIANTS = _LADDER | _NETWORK2


def model_section(variant: Variant, folder: Path) -> dict[str, object]:
    overrides = ["+experiment=ml20m_hybrid", *variant.hydra]
    return compose(folder / "params.yaml", overrides)["models"][variant.model]


def test_each_rung_changes_one_thing_and_keeps_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    sections = [model_section(variant, tmp_path) for variant in _LADDER.values()]
    for before, after in pairwise(sections):
        assert sum(before[key] != after[key] for key in before) == 1
    last = {"patience": 3, "learning_rate": 0.0005, "regularization": 0.001, "dropout": 0.6}
    assert {key: sections[-1][key] for key in last} == last


def test_row_tags_take_the_place_of_tags_as_published_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    for model in ("ml20m_network_1", "ml20m_network_2"):
        honest = model_section(Variant(model), tmp_path)["features"]
        published = model_section(_as_published(Variant(model)), tmp_path)["features"]
        assert "row_tags" not in honest
        assert set(published) == set(honest) - {"tags"} | {"row_tags"}


def test_faults_are_told_apart_at_both_ends_of_each_network() -> None:
    singles = {row: set(_plan(row, variant).single) for row, variant in VARIANTS.items()}
    ends = [row for row, single in singles.items() if single]
    assert ends == ["a_network1", "a_ladder_small", "a_network2", "a_network2_small"]
    assert singles["a_network1"] == {"future_seen", "encoder_on_all_rows", "row_tags"}
    assert _plan("a_network1", _LADDER["a_network1"]).honest.faults == ()


def test_names_of_rungs() -> None:
    assert [_short(row) for row in _NETWORK2] == ["first", "dropout", "rate", "small"]


def training(first: float) -> pd.DataFrame:
    columns = [f"{part}_{error}" for error in ("mse", "mae") for part in ("train", "valid")]
    return pd.DataFrame({"epoch": [1, 2]} | {name: [first, 0.5] for name in columns})


def test_curves_have_a_column_per_training_and_both_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = {"first": training(1.25), "rate": training(0.75)}
    figure = curves.curves(tables)
    assert len(figure.axes) == 4
    assert [axes.get_ylabel() for axes in figure.axes] == ["MSE", "", "MAE", ""]
    assert [list(line.get_ydata()) for line in figure.axes[2].lines] == [[1.25, 0.5]] * 2
    monkeypatch.setattr(curves, "FOLDER", tmp_path)
    file = curves.write_curves("preset", "curves_x", tables)
    assert file == tmp_path / "preset" / "curves_x.png" and file.is_file()
    numbers = pd.read_csv(file.with_suffix(".csv"))
    assert numbers["training"].tolist() == ["first", "first", "rate", "rate"]
    assert numbers["valid_mae"].tolist() == [1.25, 0.5, 0.75, 0.5]


def test_all_networks_are_drawn() -> None:
    assert {v.model[-9:] for s in ml20m_networks._NETWORKS.values() for v in s.values()} == {
        "network_1",
        "network_2",
    }
