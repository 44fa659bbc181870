"""The blend as a recommender, and its parameters."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from pydantic import Field, PositiveInt, field_validator, model_validator
from scipy import sparse
from typing_extensions import override

from reelbench import paths
from reelbench.data.interactions import Interactions
from reelbench.models.base import (
    Features,
    Ids,
    ModelEntry,
    NewUser,
    Recommender,
    Saved,
    Section,
)
from reelbench.models.blend.weights import Counts, Stack, ranking_weights, standardised
from reelbench.models.shared.fold_in import FoldedIn
from reelbench.seeds import generator, seed_for

_LOG = logging.getLogger(__name__)

_SOURCE = paths.CONF / "models" / "blend.yaml"
Members = dict[str, Recommender]
Parts = tuple[Interactions, Interactions]  # what is learned from, and what is held out

_MEMBERS = "members"
# scores of a ranker that are held for the weighting: more users than fit are left to a sample
_SCORES_PER_RANKER = 20_000_000


def _default_raters() -> dict[str, ModelEntry]:
    targets = {"bias": "bias.Bias", "knn_item": "knn.KNN", "svd": "svd.SVD"}
    return {
        name: ModelEntry(_target_=f"reelbench.models.{target}") for name, target in targets.items()
    }


class BlendConfig(Section):
    """Parameters."""

    #: members whose predictions are stacked, as entries of `models` under any name
    raters: dict[str, ModelEntry] = Field(default_factory=_default_raters, min_length=1)
    #: members whose scores are added for ranking; none: the stacked rating ranks
    rankers: dict[str, ModelEntry] = Field(default_factory=dict)
    #: whether a member's weight may change with the number of ratings of user and item
    weights_by_count: bool = True
    #: parts of train that are held out in turn for the weights; members are fitted without each
    folds: PositiveInt = 2
    #: share of train that is held out in each; the parts share no rating
    holdout: float = Field(default=0.1, gt=0, lt=1)
    #: which ratings those are: random ones, or the latest of each user, then those before, and so
    #: on, each time without all that came later; None: latest where valid comes after train
    held_out: Literal["random", "latest"] | None = None
    #: ratings of train that the parts are taken from, at most: of more, a sample of the users
    fold_ratings: PositiveInt = 100_000
    #: member -> its parameters in the folds, where they differ
    in_folds: dict[str, dict[str, Any]] = Field(default_factory=dict)
    #: member -> ratings of train up to which it is one: of more ratings it would take too long
    at_most: dict[str, PositiveInt] = Field(default_factory=dict)
    #: whether members learn from train and valid together once the weights are known
    refit: bool = False
    #: length of the lists whose nDCG the weights of the rankers maximise
    k: PositiveInt = 10
    #: a rating counts as relevant in these lists from this value on; None: every rating
    min_relevant_rating: float | None = None

    @field_validator("raters", "rankers")
    @classmethod
    def _by_name(cls, entries: dict[str, ModelEntry]) -> dict[str, ModelEntry]:
        # weights are stored by place, and a stored config has its keys in this order
        return dict(sorted(entries.items()))

    @property
    def members(self) -> dict[str, ModelEntry]:
        """Raters and rankers; one that is both is fitted once."""
        return {**self.raters, **self.rankers}

    @property
    def members_in_folds(self) -> dict[str, ModelEntry]:
        """The members as they are fitted where a part of train is held out."""
        other = self.in_folds
        return {n: entry.model_copy(update=other.get(n)) for n, entry in self.members.items()}

    def of_size(self, n_ratings: int) -> Self:
        """The parameters with the members that so many ratings of train leave.

        Raises:
            ValueError: they leave no rater.
        """
        gone = {name for name, most in self.at_most.items() if n_ratings > most}
        kept = self.model_dump(
            exclude=dict.fromkeys(("raters", "rankers", "in_folds", "at_most"), gone)
        )
        return type(self).model_validate(kept)

    @model_validator(mode="after")
    def _members_are_sound(self) -> BlendConfig:
        for group, entries in (("raters", self.raters), ("rankers", self.rankers)):
            for name, entry in entries.items():
                entry.check(f"{group}.{name}", _SOURCE)
                if group == "raters" and not entry.model_class.predicts_ratings:
                    raise ValueError(f"raters.{name} only ranks: name it among rankers")
                if self.raters.get(name, entry) != entry:
                    raise ValueError(f"{name} is a rater and a ranker with different parameters")
        for field in ("in_folds", "at_most"):
            if unknown := getattr(self, field).keys() - self.members.keys():
                raise ValueError(f"{field} names {', '.join(sorted(unknown))}, which is no member")
        for name, entry in self.members_in_folds.items():
            entry.check(f"in_folds.{name}", _SOURCE)
        if self.folds * self.holdout >= 1:
            raise ValueError(f"{self.folds} folds of {self.holdout:g} leave nothing to learn from")
        return self


class View(NamedTuple):
    """Scores of rankers for some users, and the items that they should have ranked first."""

    scores: list[np.ndarray]  # standardised, float32 (n, n_items) per ranker
    relevant: sparse.csr_array  # boolean CSR (n, n_items), what the rankers were fitted without
    seen: sparse.csr_array  # boolean CSR (n, n_items), what they were fitted with


class Blend(Recommender):
    """Stacked ratings of the raters; the rankers' scores, if there are any, give the order.

    Weights are cross-fitted: they are learned from parts of train that members were not fitted to.
    Then the members are fitted to all of train, with valid to stop early. One that does so should
    have other epochs in the folds, and in a blend that refits: there is no valid part then.
    Fold-in is that of the members which give the order, and so it needs all of them to have one;
    the copy predicts ratings only where all raters have one too.

    Attributes:
        members: the fitted models by name.
    """

    Config = BlendConfig
    config: BlendConfig
    stochastic = True  # at least in what it holds out
    _stack: Saved[Stack]
    _ranking: Saved[np.ndarray]
    _counts: Saved[Counts]

    @property
    @override
    def scores_are_ratings(self) -> bool:
        return not self.config.rankers

    @override
    def prepare(self) -> None:
        for name, entry in self.config.members.items():
            self._create(name, entry).prepare()

    def _create(self, name: str, entry: ModelEntry) -> Recommender:
        """An unfitted member, with a seed of its own, from that of the blend and its name."""
        seed = seed_for(self.seed, name) if entry.seed is None else entry.seed
        return entry.create(name, seed=seed, threads=self.threads)

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        self.config = self.config.of_size(len(train))
        nothing, folded = Interactions.empty(), self.config.members_in_folds
        draw = generator(self.seed, "folds")
        pool = some_users(train, self.config.fold_ratings, draw)
        kind = self.config.held_out or ("latest" if comes_after(valid, train) else "random")
        cut = latest_parts if kind == "latest" else random_parts
        columns, views = [], []
        for learning, weighing in cut(pool, self.config.folds, self.config.holdout, draw):
            members = self._fitted_to(learning, nothing, features, folded)
            columns.append(self._columns(members, Counts.of(learning, features.ids), weighing))
            if self.config.rankers:
                views.append(self._view(members, learning, weighing))
        *predictions, user, item, rating = map(np.concatenate, zip(*columns, strict=True))
        if len(pool) < len(train):
            # items have far fewer ratings by some users than by all: such weights would not hold
            user, item = np.zeros(len(rating)), np.zeros(len(rating))
        self._stack = Stack.learn(predictions, user, item, rating, self.config.weights_by_count)
        self._ranking = self._learn_ranking(views)
        self._log_weights()
        if self.config.refit:
            train, valid = together(train, valid), nothing
        self.members = self._fitted_to(train, valid, features, self.config.members)
        self._counts = Counts.of(train, features.ids)

    def _columns(
        self, members: Members, counts: Counts, weighing: Interactions
    ) -> list[np.ndarray]:
        """Predictions of the raters for a part, log-counts of users and items, and its ratings."""
        users, items = weighing.user_idx, weighing.item_idx
        predictions = [members[name].predict(users, items) for name in self.config.raters]
        return [*predictions, counts.user[users], counts.item[items], weighing.rating]

    def _fitted_to(
        self,
        part: Interactions,
        valid: Interactions,
        features: Features,
        entries: Mapping[str, ModelEntry],
    ) -> Members:
        """Members that were fitted; each sees only the blocks that its entry declares.

        Raises:
            KeyError: the blend itself does not declare one of them.
        """
        members = {name: self._create(name, entry) for name, entry in entries.items()}
        for name, member in members.items():
            _LOG.info("blend: training %s on %d ratings", name, len(part))
            blocks = {block: features[block] for block in entries[name].features}
            member.fit(part, valid, Features(features.ids, blocks))
        return members

    def _view(self, members: Members, learning: Interactions, weighing: Interactions) -> View:
        """Scores of the rankers for the users of a part that they were fitted without."""
        sizes = self.ids.n_users, self.ids.n_items
        users = np.unique(weighing.user_idx)
        size = max(1, _SCORES_PER_RANKER // self.config.folds // max(1, self.ids.n_items))
        if len(users) > size:
            users = np.sort(generator(self.seed, "users").choice(users, size, replace=False))
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
        return ranking_weights(scores, relevant, seen, self.config.k, self.threads)

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
        predictions = [_ratings_matrix(rater, user_idx) for rater in raters]
        counts = self._counts.user[user_idx, None], self._counts.item[:-1]
        return self._stack.combine(predictions, *counts)

    @property
    @override
    def can_fold_in(self) -> bool:
        givers = self.config.rankers or self.config.raters
        return all(self._create(name, entry).can_fold_in for name, entry in givers.items())

    @property
    @override
    def folded_in_predicts(self) -> bool:
        # one that cannot fold in is left out below
        raters = [self.members[name] for name in self.config.raters]
        return all(rater.can_fold_in and rater.folded_in_predicts for rater in raters)

    def _fold_in_users(self, profiles: Interactions, ids: Ids) -> Self:
        able = {name: member for name, member in self.members.items() if member.can_fold_in}
        members = {name: FoldedIn(member, profiles) for name, member in able.items()}
        rated = np.append(np.bincount(profiles.user_idx, minlength=ids.n_users), 0)
        counts = replace(self._counts, user=np.log1p(rated))
        return self._copy(_ids=ids, members=members, _counts=counts)

    def _fold_in(self, user: NewUser) -> Self:
        counts = self._counts.user.copy()
        counts[-1] = np.log1p(len(user.items))
        members = _Folded(self.members, user)
        return self._copy(_counts=replace(self._counts, user=counts), members=members)

    @override
    def refitted(self, train: Interactions, features: Features) -> Self:
        """A blend of refitted members, with the weights as they are."""
        members = {}
        for name, entry in self.config.members.items():
            own = Features(features.ids, {block: features[block] for block in entry.features})
            members[name] = self.members[name].refitted(train, own)
        return self._copy(members=members, _counts=Counts.of(train, features.ids))

    def _save_extra(self, folder: Path) -> None:
        for name, member in self.members.items():
            member.save(folder / _MEMBERS / name)

    def _load_extra(self, folder: Path) -> None:
        names = self.config.members
        self.members = {name: Recommender.load(folder / _MEMBERS / name) for name in names}


class _Folded(Members):
    """Members that know a new user, each folded in when it is first asked."""

    def __init__(self, members: Members, user: NewUser) -> None:
        self._members, self._user = members, user

    def __missing__(self, name: str) -> Recommender:
        self[name] = self._members[name].fold_in(self._user.items, self._user.ratings)
        return self[name]


def _ratings_matrix(member: Recommender, user_idx: np.ndarray) -> np.ndarray:
    """Predictions for all items: float32 (len(user_idx), n_items), on the rating scale."""
    ids = member.ids
    if member.scores_are_ratings:
        return np.clip(member.score(user_idx), ids.rating_min, ids.rating_max)
    items = np.arange(ids.n_items)
    rows = [member.predict(np.full(ids.n_items, user), items) for user in user_idx]
    return np.stack(rows)


def some_users(train: Interactions, n_ratings: int, generator: np.random.Generator) -> Interactions:
    """Rows of random users, with about `n_ratings` in all; everything if there are no more."""
    if len(train) <= n_ratings:
        return train
    users = np.unique(train.user_idx)
    size = max(1, len(users) * n_ratings // len(train))
    return train.select(np.isin(train.user_idx, generator.choice(users, size, replace=False)))


def random_parts(
    train: Interactions, folds: int, share: float, generator: np.random.Generator
) -> Iterator[Parts]:
    """In each fold the other rows, and a random share of the rows; these have none in common.

    The share is rounded; one row at least is among the others.
    """
    size = min(round(share * len(train)), (len(train) - 1) // folds)
    rows = generator.permutation(len(train))
    for fold in range(folds):
        out = np.zeros(len(train), dtype=bool)
        out[rows[fold * size : (fold + 1) * size]] = True
        yield train.select(~out), train.select(out)


def latest_parts(
    train: Interactions, folds: int, share: float, generator: np.random.Generator
) -> Iterator[Parts]:
    """Each user's latest share, and what came before; then the share before that, and so on.

    The share is rounded down, but one rating at least. A fold that leaves nothing to learn from is
    left out, and if that is the first, then nothing is held out in it.
    """
    order = np.lexsort((train.item_idx, train.timestamp, train.user_idx))
    count = np.bincount(train.user_idx)
    later = np.empty(len(train), np.int64)
    later[order] = np.cumsum(count)[train.user_idx[order]] - 1 - np.arange(len(train))
    fold = later // np.maximum(1, (share * count).astype(np.int64))[train.user_idx]
    numbers = [number for number in range(folds) if (fold > number).any()]
    for number in numbers:
        yield train.select(fold > number), train.select(fold == number)
    if not numbers:
        yield train, train.select(fold < 0)


def comes_after(valid: Interactions, train: Interactions) -> bool:
    """Whether no user has a rating in valid that is earlier than one in train; no without any."""
    size = 1 + max(int(part.user_idx.max(initial=-1)) for part in (train, valid))
    last = np.full(size, -1, np.int64)
    np.maximum.at(last, train.user_idx, train.timestamp)
    times = valid.timestamp
    return len(valid) > 0 and bool(times.max() >= 0 and (times >= last[valid.user_idx]).all())


def together(first: Interactions, second: Interactions) -> Interactions:
    """Both parts as one, in the order of users and items, whatever part a row was in."""
    both = Interactions.concat(first, second)
    return both.select(np.lexsort((both.item_idx, both.user_idx)))
