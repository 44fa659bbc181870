"""A benchmark of movie recommenders: a reproducible pipeline, and the library that it is made of.

    >>> from reelbench import compare, evaluate, load_dataset, models, split
    >>> data = load_dataset("ml-100k")  # doctest: +SKIP

Importing this package imports nothing else; each name is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reelbench import models
    from reelbench.dataset import Dataset, load_dataset, split
    from reelbench.evaluation.evaluate import compare, evaluate

__all__ = ["Dataset", "compare", "evaluate", "load_dataset", "models", "split"]

_MODULES = {
    "Dataset": "dataset",
    "compare": "evaluation.evaluate",
    "evaluate": "evaluation.evaluate",
    "load_dataset": "dataset",
    "split": "dataset",
}


def __getattr__(name: str) -> object:
    if name == "models":
        return import_module("reelbench.models")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"reelbench.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
