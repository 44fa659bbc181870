"""What the notebooks take for granted of a run; `test_pipeline` runs them on a real one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from reelbench import paths
from reelbench.files import write_json

ROOT = Path(__file__).parents[1]


def cells(notebook: str) -> list[str]:
    content = json.loads((ROOT / "notebooks" / f"{notebook}.ipynb").read_text(encoding="utf-8"))
    return ["".join(c["source"]) for c in content["cells"] if c["cell_type"] == "code"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What 02_compare reads, of a run with another cutoff and without tracking."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.yaml").touch()
    content = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    content["evaluate"]["k"] = [5]
    content["tracking"] |= {"name": "none", "uri": None}
    paths.PARAMS.write_text(yaml.safe_dump(content))
    write_json(paths.train_cost("svd"), {"train_seconds": 1.5})
    paths.LEADERBOARD_CSV.parent.mkdir()
    board = {"model": ["svd"], "rmse": [0.9], "ndcg_at_5": [0.1], "recall_at_5": [0.2]}
    pd.DataFrame(board).to_csv(paths.LEADERBOARD_CSV, index=False)
    pairs = {"verdict": ["worse"], "difference": [0.1]}
    pd.DataFrame(pairs).to_csv(paths.COMPARISONS_CSV, index=False)
    return tmp_path


def test_another_cutoff_and_no_tracking_are_no_error(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: dict[str, Any] = {}
    for cell in cells("02_compare"):
        if "dvc.repo" not in cell:  # which needs a checkout
            exec(compile(cell, "02_compare", "exec"), names)
    assert list(names["table"]) == ["rmse", "ndcg_at_5", "train_seconds"]
    assert names["runs"].empty and names["points"] == []
    assert not (project / "mlruns").exists() and not (project / "mlflow.db").exists()


def test_what_a_broken_off_run_left_is_removed_before_the_next() -> None:
    (runs,) = (cell for cell in cells("03_your_data") if '"exp", "run"' in cell)
    assert 0 < runs.index('"exp", "remove", "your-data"') < runs.index('"exp", "run"')
