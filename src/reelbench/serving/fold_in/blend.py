"""Fold-in of the blend: its members' fold-ins under its own weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from reelbench.data.interactions import Interactions
from reelbench.models.base import Recommender
from reelbench.models.blend import Blend
from reelbench.serving.fold_in.new_user import FoldIn, NewUser


def blend(
    model: Blend, train: Interactions, fold_in: Callable[[Recommender, Interactions], FoldIn | None]
) -> FoldIn | None:
    """Of the members that give the order: the rankers, or else the raters; None if one has none.

    The copy has no more than these, so that it can `score`, and `predict` only without rankers.
    """
    names = list(model.config.rankers or model.config.raters)
    found = {name: fold_in(model.members[name], train) for name in names}
    members = {name: fold for name, fold in found.items() if fold is not None}
    if len(members) < len(names):
        return None

    def folded(user: NewUser) -> Recommender:
        counts = model.arrays()["user_count"].copy()
        counts[-1] = np.log1p(len(user.items))
        copy = model.with_arrays({"user_count": counts})
        assert isinstance(copy, Blend)
        copy.members = {name: fold(user) for name, fold in members.items()}
        return copy

    return folded
