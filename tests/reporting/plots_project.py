"""A project whose plots `dvc plots show` can show."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from dvc.repo import Repo
from reporting.reporting_samples import content, result

from reelbench import paths
from reelbench.reporting.charts import sections

ROOT = Path(__file__).parents[2]


def shown(folder: Path) -> Path:
    """The page that it writes for a model."""
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(ROOT / name, folder / name)
    Repo.init(str(folder), no_scm=True).close()
    for name in ("config", "plots.html"):
        shutil.copy(ROOT / ".dvc" / name, folder / ".dvc" / name)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for below in (paths.CURVES, paths.FIGURES):
            below.mkdir(parents=True)
        result("mf").curves.to_csv(paths.CURVES / "mf.csv", index=False)
        drawn = {"leaderboard": sections.charts(content(result("mf")))["leaderboard"]}
        for name, png in sections.pictures(drawn):
            (paths.FIGURES / f"{name}.png").write_bytes(png)
        command = [sys.executable, "-m", "dvc", "plots", "show"]
        ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "failed" not in ran.stderr
    return folder / "dvc_plots" / "index.html"
