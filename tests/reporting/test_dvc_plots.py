"""`dvc plots show` draws the learning curves and shows the figures of the report."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from reporting.plots_project import shown


@pytest.mark.slow
def test_curves_and_figures(tmp_path: Path) -> None:
    page = shown(tmp_path).read_text(encoding="utf-8")
    specs = [json.loads(text) for text in re.findall(r"var spec = (\{.*?\});\n", page, re.S)]
    values = [row for spec in specs for row in spec.get("data", {}).get("values", [])]
    assert {row["epoch"] for row in values} == {"1", "2", "3"}
    assert {row["dvc_inferred_y_value"] for row in values} == {"3.0", "2.0", "1.0", "2.5"}
    assert re.search(r'<img [^>]*src="[^"]*leaderboard\.png"', page)
