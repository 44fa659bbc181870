"""Recommenders: `EASE()`, `SVD()`, … are created without arguments, with the field's usual values.

The contract is in `base.py`, and there is one file or folder per model. Importing this package
imports no model; a class is imported when it is first named, and its library when it is fitted.
"""
# ruff: noqa: F401 - imported for a type checker, which does not run what is below

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reelbench.models.als_spark import ALSSpark
    from reelbench.models.base import Recommender
    from reelbench.models.bias import Bias
    from reelbench.models.blend import Blend
    from reelbench.models.bpr import BPR
    from reelbench.models.co_clustering import CoClustering
    from reelbench.models.content import Content
    from reelbench.models.ease import EASE
    from reelbench.models.fm import FM
    from reelbench.models.ials import IALS
    from reelbench.models.knn import KNN
    from reelbench.models.network import Network
    from reelbench.models.nmf import NMF
    from reelbench.models.popularity import GlobalMean, Popularity, WeightedMean
    from reelbench.models.rerank import Rerank
    from reelbench.models.slope_one import SlopeOne
    from reelbench.models.st import ST
    from reelbench.models.svd import SVD
    from reelbench.models.svdpp import SVDpp
    from reelbench.models.svds import SVDS
    from reelbench.models.warp import WARP

# class → module
_MODULES = {
    "ALSSpark": "als_spark",
    "Bias": "bias",
    "Blend": "blend",
    "BPR": "bpr",
    "CoClustering": "co_clustering",
    "Content": "content",
    "EASE": "ease",
    "FM": "fm",
    "GlobalMean": "popularity",
    "IALS": "ials",
    "KNN": "knn",
    "Network": "network",
    "NMF": "nmf",
    "Popularity": "popularity",
    "Recommender": "base",
    "Rerank": "rerank",
    "SlopeOne": "slope_one",
    "ST": "st",
    "SVD": "svd",
    "SVDpp": "svdpp",
    "SVDS": "svds",
    "WARP": "warp",
    "WeightedMean": "popularity",
}
__all__ = [*_MODULES]


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
