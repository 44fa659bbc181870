"""Recommenders: `EASE()`, `SVD()`, … are created without arguments, with the field's usual values.

The contract is in `base.py`, and there is one file or folder per model. Importing this package
imports no model; a class is imported when it is first named, and its library when it is fitted.
"""
# ruff: noqa: F401 - imported for a type checker, which does not run what is below

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reelbench.models.als_spark import ALSSpark
    from reelbench.models.base import Recommender
    from reelbench.models.bias import Bias
    from reelbench.models.blend import Blend
    from reelbench.models.boosted import Boosted
    from reelbench.models.bpr import BPR
    from reelbench.models.co_clustering import CoClustering
    from reelbench.models.content import Content
    from reelbench.models.ease import EASE
    from reelbench.models.fm import FM
    from reelbench.models.ials import IALS
    from reelbench.models.item_graph import ItemKNN, RP3beta
    from reelbench.models.knn import KNN
    from reelbench.models.lightgcn import LightGCN
    from reelbench.models.markov import Markov
    from reelbench.models.mult_vae import MultVAE
    from reelbench.models.network import Network
    from reelbench.models.nmf import NMF
    from reelbench.models.popularity import GlobalMean, Popularity, Random, WeightedMean
    from reelbench.models.rerank import Rerank
    from reelbench.models.sasrec import SASRec
    from reelbench.models.slim import SLIM
    from reelbench.models.slope_one import SlopeOne
    from reelbench.models.st import ST, STTuned
    from reelbench.models.svd import SVD
    from reelbench.models.svdpp import SVDpp
    from reelbench.models.svds import SVDS
    from reelbench.models.warp import WARP

__all__ = [
    *("ALSSpark", "Bias", "Blend", "BPR", "CoClustering", "Content", "EASE", "FM", "GlobalMean"),
    *("IALS", "ItemKNN", "KNN", "Markov", "Network", "NMF", "Popularity", "Random", "Recommender"),
    *("Rerank", "RP3beta", "SASRec", "SLIM", "SlopeOne", "ST", "SVD", "SVDpp", "SVDS", "WARP"),
    *("LightGCN", "MultVAE", "WeightedMean"),
    *("Boosted", "STTuned"),
]
# classes whose module is not called like them, in lower case
_MODULES = {"ALSSpark": "als_spark", "CoClustering": "co_clustering", "SlopeOne": "slope_one"}
_MODULES |= {"MultVAE": "mult_vae"}
_MODULES |= {"GlobalMean": "popularity", "Recommender": "base", "WeightedMean": "popularity"}
_MODULES |= {"ItemKNN": "item_graph", "Random": "popularity", "RP3beta": "item_graph"}
_MODULES |= {"STTuned": "st"}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = _MODULES.get(name, name.lower())
    return getattr(import_module(f"{__name__}.{module}"), name)


def __dir__() -> list[str]:
    return __all__
