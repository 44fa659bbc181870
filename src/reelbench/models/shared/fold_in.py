"""Users who come after the training, known by a profile."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import Self

import numpy as np
from pydantic import NonNegativeFloat
from scipy import sparse

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features
from reelbench.models.base import Ids, Ranker, Recommender, Saved
from reelbench.models.shared.user_items import NewUser, Profiles, groups, new_users, preferences
from reelbench.params import Section


class ProfileRanker(Ranker):
    """Base of rankers whose scores follow from a user's row of ratings: fold-in is exact."""

    _profiles: Saved[Profiles]

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        super()._fit(train, valid, features)
        self._profiles = Profiles.of(self._rows(train, features.ids))

    @abstractmethod
    def _rows(self, ratings: Interactions, ids: Ids) -> sparse.csr_array:
        """Rows of the users with these ratings, CSR (n_users, n_items)."""

    def _fold_in(self, user: NewUser) -> Self:
        # of a single user with ratings the mean is that user's row
        return self._copy(_profiles=Profiles.of(self._rows(user.interactions(), self.ids)))

    def _fold_in_users(self, profiles: Interactions, ids: Ids) -> Self | None:
        return self._copy(_ids=ids, _profiles=Profiles.of(self._rows(profiles, ids)))


class PreferenceConfig(Section):
    """How a rating becomes an entry of a user's row."""

    #: how much more a high rating counts than a low one; 0: all are ones
    rating_power: NonNegativeFloat = 0.0
    #: a user with n ratings counts (n / 100)^-user_power in a squared error; 0: all the same
    user_power: NonNegativeFloat = 0.0


class PreferenceRanker(ProfileRanker):
    """Such a model on rows of `preferences`."""

    config: PreferenceConfig

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        super()._fit(train, valid, features)
        self._learn(self._profiles.users, valid)

    @abstractmethod
    def _learn(self, chosen: sparse.csr_array, valid: Interactions) -> None:
        """Learn from rows of ratings, float32 CSR (n_users, n_items)."""

    def _rows(self, ratings: Interactions, ids: Ids) -> sparse.csr_array:
        return preferences(ratings, ids, self.config.rating_power, self.config.user_power)


class FoldedIn(Recommender):
    """A view of a model: users with a profile get the answers of `fold_in`, others those of before.

    `Recommender._fold_in_users` is asked once for all; where it has no answer, each is folded in.
    """

    def __init__(self, model: Recommender, profile: Interactions) -> None:
        """A view of a fitted model with a fold-in; `profile` is all that is known of its users."""
        super().__init__(seed=model.seed, threads=model.threads)
        if not model.can_fold_in:
            raise NotImplementedError(f"{type(model).__name__} has no fold-in for new users")
        self._model, self._ids = model, model.ids
        self.predicts_ratings = model.folded_in_predicts
        users, index = np.unique(profile.user_idx, return_inverse=True)
        self._users = users.astype(np.int64)
        self._profile = replace(profile, user_idx=index.astype(np.int32))

    @property
    def scores_are_ratings(self) -> bool:
        return self._model.scores_are_ratings

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        raise TypeError("fit the model, and then make a view of it")

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        return self._answers(user_idx, lambda model, users, _: model.score(users), self.ids.n_items)

    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        return self._answers(user_idx, lambda model, users, of: model.predict(users, item_idx[of]))

    def _answers(
        self,
        user_idx: np.ndarray,
        ask: Callable[[Recommender, np.ndarray, np.ndarray], np.ndarray],
        *shape: int,
    ) -> np.ndarray:
        """Answers (n, *shape) of `ask` for users of a model (m,) and their rows of n (m,)."""
        answers = np.empty((len(user_idx), *shape), dtype=np.float32)
        place = np.minimum(np.searchsorted(self._users, user_idx), len(self._users) - 1)
        known = self._users[place] == user_idx
        rows = np.flatnonzero(known)
        if len(others := np.flatnonzero(~known)):
            answers[others] = ask(self._model, user_idx[others], others)
        if len(rows) and self._together is not None:
            answers[rows] = ask(self._together, place[rows], rows)
        elif len(rows):
            for user, own in groups(place[rows]):
                folded = self._model._fold_in(self._new_users[user])
                answers[rows[own]] = ask(folded, np.full(len(own), -1), rows[own])
        return answers

    @cached_property
    def _together(self) -> Recommender | None:
        ids = replace(self.ids, n_users=len(self._users))
        return self._model._fold_in_users(self._profile, ids)

    @cached_property
    def _new_users(self) -> list[NewUser]:
        return new_users(self._profile)
