from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from reelbench.stages.__main__ import _WithoutExtras

KERAS = """
try:
    import sklearn
except ImportError:
    sklearn = None
__version__ = "3"
"""


def test_keras_alone_goes_without_what_no_stage_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "keras.py").write_text(KERAS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", [_WithoutExtras(), *sys.meta_path])
    for name in ("keras", "sklearn"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    assert importlib.import_module("keras").sklearn is None
    del sys.modules["keras"]
    assert importlib.import_module("importlib.util").find_spec("sklearn") is not None
