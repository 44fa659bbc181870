"""The measured table of faults, the page made of it, and what its commands say of a real score."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from places import ROOT
from typer.testing import CliRunner

from reelbench import faults as registry
from reelbench.claims import COLUMNS, MEASURED, measured
from reelbench.cli import app
from reelbench.evaluation.metrics import find
from replications import faults
from replications.__main__ import app as main


def test_every_row_is_of_a_known_fault_and_its_figures_agree() -> None:
    table = pd.read_csv(MEASURED)
    assert tuple(table) == COLUMNS
    assert set(table["fault"].dropna()) <= registry.known().keys()
    assert not table.duplicated(["data", "model", "metric", "fault"]).any()
    assert {find(metric).key for metric in table["metric"]} == set(faults.METRICS)
    made = table.dropna(subset="fault")
    assert made[["honest", "value", "low", "high", "commit"]].notna().all(axis=None)
    np.testing.assert_allclose(made["value"] - made["honest"], made["difference"], atol=2e-6)
    assert (made["low"] <= made["value"] + 1e-6).all()
    assert (made["value"] <= made["high"] + 1e-6).all()
    # one honest figure for all faults of a model, but for those that choose among several
    own = made[made["fault"] != faults.CHOSEN_ON_TEST]
    assert (own.groupby(["data", "model", "metric"])["honest"].nunique() == 1).all()


def test_the_page_of_faults_shows_what_is_measured_and_printed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    text = faults.PAGE.read_text(encoding="utf-8")
    assert faults.page(text) == text


def test_the_published_description_is_the_one_on_the_page() -> None:
    text = (ROOT / faults.PAGE).read_text(encoding="utf-8")
    example = (ROOT / "docs/examples/published.yaml").read_text(encoding="utf-8")
    assert example.partition("\n")[2] in text


def test_the_published_score_of_a_network_is_explained_by_scoring_train_rows() -> None:
    done = CliRunner().invoke(app, ["explain-score", "--data", "ml-100k", "--rmse", "0.787"])
    wanted = ("ml-100k", "ml100k_network", "rmse", "score_train_rows")
    names = ("data", "model", "metric", "fault")
    (row,) = (row for row in measured() if tuple(row[name] for name in names) == wanted)
    figures = [f"{row[name]:.4f}" for name in ("value", "honest")]
    shown = [line.split() for line in done.output.splitlines()]
    assert ["score_train_rows", "ml100k_network", *figures] in shown


def test_a_row_knows_its_difference_and_one_without_a_fault_has_none() -> None:
    honest, value = (1.0, 0.9, 1.1), (0.8, 0.7, 0.9)
    row = faults.row_of("a", "m", "rmse", "random_rows", honest, value, "c")
    assert row["difference"] == pytest.approx(-0.2)
    assert (row["honest_low"], row["high"]) == (0.9, 0.9)
    alone = faults.row_of("a", "m", "rmse", None, honest)
    assert "value" not in alone and alone["fault"] is None


def test_the_command_measures_one_data_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[object] = []
    monkeypatch.setattr(faults, "measure", lambda *given: asked.extend(given))
    done = CliRunner().invoke(main, ["faults", "--data", "ml-100k", "--root", str(tmp_path)])
    assert done.exit_code == 0 and asked == [tmp_path, "ml-100k"]
