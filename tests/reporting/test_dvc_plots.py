"""`dvc plots show` draws the learning curves and shows the figures of the report."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from dvc.repo import Repo
from reporting_samples import result

from reelbench import paths
from reelbench.reporting import pictures

ROOT = Path(__file__).parents[2]


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The page that it writes."""
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    for folder in (paths.CURVES, paths.FIGURES):
        folder.mkdir(parents=True)
    result("mf").curves.to_csv(paths.curves("mf"), index=False)
    result("bias").curves[:0].to_csv(paths.curves("bias"), index=False)
    for picture in pictures.of_leaderboard([result("mf")], 10):
        (paths.FIGURES / f"{picture.name}.png").write_bytes(picture.png)
    Repo.init(str(tmp_path), no_scm=True).close()
    command = [sys.executable, "-m", "dvc", "plots", "show"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "failed" not in ran.stderr
    return Path("dvc_plots/index.html").read_text(encoding="utf-8")


def test_curves_and_figures(shown: str) -> None:
    specs = [json.loads(text) for text in re.findall(r"var spec = (\{.*?\});\n", shown, re.S)]
    values = [row for spec in specs for row in spec.get("data", {}).get("values", [])]
    assert {row["epoch"] for row in values} == {"1", "2", "3"}
    assert {row["dvc_inferred_y_value"] for row in values} == {"3.0", "2.0", "1.0", "2.5"}
    assert re.search(r'<img [^>]*src="[^"]*leaderboard\.png"', shown)
