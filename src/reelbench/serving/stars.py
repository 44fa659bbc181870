"""Predicted ratings with an interval, from a model beside the one that ranks.

Of the models that predict a new user's ratings the one with the smallest RMSE on valid is used, or,
where that asks members in turn, the best of those that ask none, if it is within a hundredth. The
interval is split-conformal (Vovk et al. 2005, "Algorithmic Learning in a Random World"): users of
train are folded in with a few of their ratings, and the half width is that quantile of the absolute
errors on their valid ratings which holds the wanted share of new errors.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from reelbench.data.interactions import Interactions
from reelbench.models.base import NewUser, Recommender
from reelbench.seeds import generator
from reelbench.serving.trained_models import TrainedModels

LEVEL = 0.8  # share of ratings that an interval is to hold
_MARGIN = 0.01  # share of the smallest RMSE by which one is as good, as in conf/config.yaml
_KNOWN = (1, 5, 20, 80)  # numbers of known ratings whose errors are measured
_USERS, _ROWS = 200, 20_000  # users that are folded in for each, and rows of valid, at most


@dataclass(frozen=True)
class Stars:
    """A model that predicts ratings, and half widths of its intervals."""

    name: str
    model: Recommender
    #: number of known ratings → half width for users who have as many or more
    half_widths: Mapping[int, float]

    @classmethod
    def of(cls, models: TrainedModels, train: Interactions, valid: Interactions) -> Self | None:
        """Chosen and measured on valid; None if no model fits, or ratings are no scale."""
        draw = generator(0, "stars")
        rows = valid.select(draw.permutation(len(valid))[:_ROWS])
        ids, errors = models.ids, {}
        if ids.rating_min == ids.rating_max or not len(rows):
            return None
        for name in models.raters:
            model = models.read(name)
            if model.can_fold_in and model.predicts_ratings and model.folded_in_predicts:
                error = rows.rating - model.predict(rows.user_idx, rows.item_idx)
                rmse = float(np.sqrt(np.mean(error.astype(np.float64) ** 2)))
                errors[name] = hasattr(model, "members"), rmse
        if not errors:
            return None
        most = (1 + _MARGIN) * min(rmse for _, rmse in errors.values())
        name = min((n for n in errors if errors[n][1] <= most), key=lambda n: (errors[n], n))
        model = models.get(name)  # the one that may rank too is not held twice
        widths = half_widths(model, train, valid, draw)
        return cls(name, model, widths) if widths else None

    def predict(
        self, items: np.ndarray, rated: np.ndarray, ratings: np.ndarray, user: int = -1
    ) -> list[tuple[float, float, float]]:
        """Prediction, and lower and upper bound on the scale, of movies (n,).

        Args:
            items: int64 (n,).
            rated: int64 (m,), movies whose ratings (m,) are known; without any, those of nobody.
            ratings: floats (m,) on the scale.
            user: a user of train, whose ratings these are; -1 for a new one, who is folded in.
        """
        model = self.model
        if user < 0 and len(rated):
            model = model._fold_in(NewUser(rated.astype(np.int64), ratings))
        found = model.predict(np.full(len(items), user), items).astype(np.float64)
        known = [size for size in self.half_widths if size <= max(1, len(rated))]
        width = self.half_widths[max(known, default=min(self.half_widths))]
        scale = (self.model.ids.rating_min, self.model.ids.rating_max)
        low, high = (np.clip(found + side, *scale) for side in (-width, width))
        return [tuple(row) for row in np.column_stack([found, low, high]).tolist()]


def half_widths(
    model: Recommender, train: Interactions, valid: Interactions, draw: np.random.Generator
) -> dict[int, float]:
    """Half widths of intervals by number of known ratings, where enough users have as many.

    Users of valid are folded in with that many ratings of train, drawn at random.
    """
    users = draw.permutation(np.intersect1d(train.user_idx, valid.user_idx))
    known, asked = _by_user(train), _by_user(valid)
    found = {}
    for size in _KNOWN:
        errors = []
        for user in [user for user in users if len(known[user][0]) >= size][:_USERS]:
            items, ratings = known[user]
            some = np.sort(draw.permutation(len(items))[:size])
            folded, (targets, given) = model.fold_in(items[some], ratings[some]), asked[user]
            errors.append(np.abs(given - folded.predict(np.full(len(targets), -1), targets)))
        all_errors = np.sort(np.concatenate(errors)) if errors else np.empty(0)
        place = int(np.ceil((len(all_errors) + 1) * LEVEL))
        if place <= len(all_errors):
            found[size] = float(all_errors[place - 1])
    return found


def _by_user(part: Interactions) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    order = np.argsort(part.user_idx, kind="stable")
    users, first = np.unique(part.user_idx[order], return_index=True)
    items, ratings = (np.split(column[order], first[1:]) for column in (part.item_idx, part.rating))
    return dict(zip(users.tolist(), zip(items, ratings, strict=True), strict=True))
