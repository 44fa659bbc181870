"""The blend as a recommender."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from scipy import sparse
from typing_extensions import override

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features
from reelbench.models.base import Recommender
from reelbench.models.blend import members as models
from reelbench.models.blend.config import BlendConfig
from reelbench.models.blend.members import held_out, together
from reelbench.models.blend.ranking import ranking_weights, standardised
from reelbench.models.blend.stack import Counts, Stack
from reelbench.models.shared.state import Saved
from reelbench.models.shared.user_items import NewUser
from reelbench.seeds import generator

_LOG = logging.getLogger(__name__)

_MEMBERS = "members"
# scores of a ranker that are held for the weighting: more users than fit are left to a sample
_SCORES_PER_RANKER = 20_000_000


class View(NamedTuple):
    """Scores of rankers for some users, and the items that they should have ranked first."""

    scores: list[np.ndarray]  # standardised, float32 (n, n_items) per ranker
    relevant: sparse.csr_array  # boolean CSR (n, n_items), what the rankers were fitted without
    seen: sparse.csr_array  # boolean CSR (n, n_items), what they were fitted with


class Blend(Recommender):
    """Stacked ratings of the raters; the rankers' scores, if there are any, give the order.

    A member that stops early should have other epochs in a blend that refits: there is no valid
    part then to stop at. Fold-in is that of the members which give the order, and so it needs all
    of them to have one; the copy predicts ratings only where there are no rankers.

    Attributes:
        members: the fitted models by name.
    """

    Config = BlendConfig
    config: BlendConfig
    _stack: Saved[Stack]
    _ranking: Saved[np.ndarray]
    _counts: Saved[Counts]

    @property
    @override
    def scores_are_ratings(self) -> bool:
        return not self.config.rankers

    @override
    def prepare(self) -> None:
        for member in self._create().values():
            member.prepare()

    def _create(self) -> models.Members:
        return models.create(self.config.members, self.seed, self.threads)

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        given = len(valid) > 0
        learning, weighing = train, valid
        if not given:
            draw = generator(self.seed, "holdout")
            learning, weighing = held_out(train, self.config.holdout, draw)
        self._fit_members(learning, weighing, features)
        self._stack = self._learn_stack(weighing)
        # one small part held out says little of whole lists: without a valid part there are several
        views = (
            [self._view(self.members, learning, weighing)]
            if given
            else self._held_out_views(train, features)
        )
        self._ranking = self._learn_ranking(views)
        self._log_weights()
        if self.config.refit or not given:
            self._fit_members(together(learning, weighing), Interactions.empty(), features)

    def _fit_members(self, part: Interactions, valid: Interactions, features: Features) -> None:
        self.members = self._create()
        models.fit(self.members, self.config.members, part, valid, features)
        self._counts = Counts.of(part, features.ids)

    def _learn_stack(self, weighing: Interactions) -> Stack:
        users, items = weighing.user_idx, weighing.item_idx
        return Stack.learn(
            [self.members[name].predict(users, items) for name in self.config.raters],
            self._counts.user[users],
            self._counts.item[items],
            weighing.rating,
            self.config.weights_by_count,
        )

    def _held_out_views(self, train: Interactions, features: Features) -> list[View]:
        """The rankers, each time fitted without another part of train."""
        if not self.config.rankers:
            return []
        views = []
        for number in range(self.config.ranker_holdouts):
            draw = generator(self.seed, "ranker_holdout", str(number))
            learning, weighing = held_out(train, self.config.ranker_holdout, draw)
            rankers = models.create(self.config.rankers, self.seed, self.threads)
            models.fit(rankers, self.config.rankers, learning, Interactions.empty(), features)
            views.append(self._view(rankers, learning, weighing))
        return views

    def _view(
        self, members: models.Members, learning: Interactions, weighing: Interactions
    ) -> View:
        """Scores of the rankers for the users of a part that they were fitted without."""
        sizes = self.ids.n_users, self.ids.n_items
        users = self._sample(np.unique(weighing.user_idx))
        limit = self.config.min_relevant_rating
        good = weighing.rating >= (-np.inf if limit is None else limit)
        relevant = weighing.select(good).seen(*sizes)
        scores = [standardised(members[name].score(users)) for name in self.config.rankers]
        return View(scores, relevant[users], learning.seen(*sizes)[users])

    def _learn_ranking(self, views: Sequence[View]) -> np.ndarray:
        """Weights of the rankers, float64 (n_rankers,), from the users of all views."""
        n_rankers = len(self.config.rankers)
        if not n_rankers or not sum(view.relevant.shape[0] for view in views):
            return np.ones(n_rankers)
        scores = [np.concatenate([view.scores[i] for view in views]) for i in range(n_rankers)]
        relevant, seen = (
            sparse.csr_array(sparse.vstack(matrices, format="csr"))
            for matrices in ([view.relevant for view in views], [view.seen for view in views])
        )
        return ranking_weights(scores, relevant, seen, self.config.k)

    def _sample(self, users: np.ndarray) -> np.ndarray:
        size = max(1, _SCORES_PER_RANKER // self.config.ranker_holdouts // max(1, self.ids.n_items))
        if len(users) <= size:
            return users
        return np.sort(generator(self.seed, "users").choice(users, size, replace=False))

    def _log_weights(self) -> None:
        weights = zip(self.config.raters, self._stack.weights[:, 0], strict=False)
        _LOG.info("blend: weights %s", ", ".join(f"{n} {weight:.3f}" for n, weight in weights))
        if self.config.rankers:
            ranking = zip(self.config.rankers, self._ranking, strict=True)
            _LOG.info("blend: ranking %s", ", ".join(f"{n} {weight:.3f}" for n, weight in ranking))

    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        predictions = [self.members[n].predict(user_idx, item_idx) for n in self.config.raters]
        counts = self._counts.user[user_idx], self._counts.item[item_idx]
        return self._stack.combine(predictions, *counts)

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        if self.config.rankers:
            total = np.zeros((len(user_idx), self.ids.n_items))
            for name, weight in zip(self.config.rankers, self._ranking, strict=True):
                if weight:
                    total += weight * standardised(self.members[name].score(user_idx))
            return total
        raters = (self.members[name] for name in self.config.raters)
        predictions = [models.ratings_matrix(rater, user_idx) for rater in raters]
        counts = self._counts.user[user_idx, None], self._counts.item[:-1]
        return self._stack.combine(predictions, *counts)

    @property
    @override
    def can_fold_in(self) -> bool:
        givers = self.config.rankers or self.config.raters
        return all(self.members[name].can_fold_in for name in givers)

    def _fold_in(self, user: NewUser) -> Self:
        other = self._copy()
        counts = self._counts.user.copy()
        counts[-1] = np.log1p(len(user.items))
        other._counts = replace(self._counts, user=counts)
        other.members = {
            name: self.members[name].fold_in(user.items, user.ratings)
            for name in self.config.rankers or self.config.raters
        }
        return other

    def _save_extra(self, folder: Path) -> None:
        for name, member in self.members.items():
            member.save(folder / _MEMBERS / name)

    def _load_extra(self, folder: Path) -> None:
        names = self.config.members
        self.members = {name: Recommender.load(folder / _MEMBERS / name) for name in names}
