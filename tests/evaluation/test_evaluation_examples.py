"""The examples in the docstrings of evaluation and tracking are run."""

from __future__ import annotations

import doctest
import importlib

import pytest

MODULES = ["beyond_accuracy", "cohorts", "evaluate", "metrics", "ranking_metrics"]
MODULES += ["rating_metrics", "significance"]


@pytest.mark.parametrize(
    "module", [*(f"reelbench.evaluation.{name}" for name in MODULES), "reelbench.tracking.record"]
)
def test_examples(module: str) -> None:
    found = doctest.testmod(importlib.import_module(module))
    assert found.attempted > 0 and found.failed == 0
