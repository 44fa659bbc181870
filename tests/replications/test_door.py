"""`reelbench replicate` opens replications/ in a checkout and refuses elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT

pytestmark = pytest.mark.slow


def door(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "reelbench.cli", "replicate", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_in_a_checkout_all_arguments_are_passed_on() -> None:
    shown = door(ROOT, "--help")
    assert shown.returncode == 0 and "--root" in shown.stdout, shown.stderr
    wrong = door(ROOT, "golden", "--seeds", "1")
    assert wrong.returncode == 2 and "no replication 'golden'" in wrong.stderr


def test_elsewhere_a_sentence_says_what_is_missing(tmp_path: Path) -> None:
    refused = door(tmp_path, "tmdb_titles")
    assert refused.returncode == 2 and refused.stdout == ""
    assert "no replications/ folder here" in refused.stderr
