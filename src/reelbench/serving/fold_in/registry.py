"""Which class of models has which fold-in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reelbench.data.interactions import Interactions
from reelbench.models.base import Recommender
from reelbench.models.bias import Bias
from reelbench.models.blend import Blend
from reelbench.models.bpr import BPR
from reelbench.models.content import Content
from reelbench.models.ease import EASE
from reelbench.models.fm import FM
from reelbench.models.ials import IALS
from reelbench.models.knn import KNN
from reelbench.models.nmf import NMF
from reelbench.models.popularity import GlobalMean, Popularity, WeightedMean
from reelbench.models.slope_one import SlopeOne
from reelbench.models.st import ST
from reelbench.models.svd import SVD
from reelbench.models.svdpp import SVDpp
from reelbench.models.svds import SVDS
from reelbench.serving.fold_in import bilinear, exact, implicit, neighbours, pairwise
from reelbench.serving.fold_in.blend import blend
from reelbench.serving.fold_in.new_user import FoldIn

# a fitted model and what it has learned from → its fold-in
_Make = Callable[[Any, Interactions], FoldIn]

_MAKE: dict[type[Recommender], _Make] = {
    GlobalMean: exact.same_for_all,
    Popularity: exact.same_for_all,
    WeightedMean: exact.same_for_all,
    Bias: exact.bias,
    ST: exact.st,
    SlopeOne: exact.slope_one,
    Content: exact.content,
    EASE: exact.ease,
    KNN: neighbours.knn,
    SVDS: bilinear.svds,
    SVD: bilinear.factors,
    SVDpp: bilinear.factors,
    FM: bilinear.factors,
    NMF: bilinear.nmf,
    IALS: implicit.ials,
    BPR: pairwise.bpr,
}


def fold_in(model: Recommender, train: Interactions) -> FoldIn | None:
    """What makes a model answer a new user, made once per model; None if the model has none.

    Args:
        model: fitted.
        train: what it was fitted to.
    """
    if isinstance(model, Blend):
        return blend(model, train, fold_in)
    make = _MAKE.get(type(model))
    return None if make is None else make(model, train)
