"""The examples in docstrings do what they show."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

import reelbench
from reelbench import models

MODULES = (
    "evaluation.beyond_accuracy",
    "evaluation.cohorts",
    "evaluation.evaluate",
    "evaluation.metrics",
    "evaluation.ranking_metrics",
    "evaluation.rating_metrics",
    "evaluation.significance",
    "models.base",
    "models.bias",
    "models.ease",
    "models.fm.recommender",
    "models.ials",
    "models.knn",
    "models.popularity",
    "models.svd",
    "tracking.record",
    pytest.param("models.network.recommender", marks=pytest.mark.slow),
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_are_right(name: str) -> None:
    found = doctest.testmod(importlib.import_module(f"reelbench.{name}"))
    assert found.attempted > 0 and found.failed == 0


def test_public_methods_have_docstrings_unless_they_override_another() -> None:
    missing = []
    for own in filter(lambda one: not one.__name__.startswith("_"), _classes()):
        for name, value in vars(own).items():
            known = any(name in vars(base) for base in own.__mro__[1:])
            if inspect.isroutine(value) and not name.startswith("_") and not known:
                missing += [] if value.__doc__ else [f"{own.__module__}.{own.__name__}.{name}"]
    assert not set(missing) - {"reelbench.tuning.search.Search.on_trial"}  # a field


def _classes() -> Iterator[type]:
    """Classes of the modules that import no library of an extra."""
    for found in pkgutil.walk_packages(reelbench.__path__, "reelbench."):
        if not found.name.endswith(("__main__", "pyfunc", "app.layout", ".layers", ".towers")):
            for own in vars(importlib.import_module(found.name)).values():
                if isinstance(own, type) and own.__module__ == found.name:
                    yield own


def test_models_are_created_without_arguments_and_import_no_library() -> None:
    code = (
        "import sys\n"
        "from reelbench import models\n"
        "for name in sorted(set(models.__all__) - {'Recommender'}):\n"
        "    print(getattr(models, name)())\n"
        "heavy = {'tensorflow', 'keras', 'torch', 'surprise', 'implicit', 'myfm', 'sklearn'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    shown = [line.removesuffix("()") for line in out.stdout.splitlines()]
    assert shown == sorted(set(models.__all__) - {"Recommender"})


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'LightFM'"):
        _ = models.LightFM
