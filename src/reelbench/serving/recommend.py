"""Movies for somebody: a user of the data set, a list of liked movies, a typed profile, or nobody.

Which model answers, unless one is named: of the trained models the one with the highest nDCG on
the leaderboard that can. Where one that is named cannot, that best one answers, and the note says
so. Somebody of whom nothing is known gets popular movies by weighted mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import sparse

from reelbench.serving.answer import Answer, AskError
from reelbench.serving.answering import Question, answered
from reelbench.serving.fold_in import NewUser
from reelbench.serving.library import Library
from reelbench.serving.movies import movie
from reelbench.serving.popular import NOTHING_SAID, popular
from reelbench.serving.profile import Profile
from reelbench.serving.reasons import Anchors


def for_user(library: Library, user_id: str, k: int = 10, model: str | None = None) -> Answer:
    """Movies that a user of the data set has rated in neither train nor valid.

    Raises:
        AskError: the model is not trained, or k is less than 1.
    """
    if model is not None:
        library.models.check(model)
    user = library.user(user_id)
    if user < 0:
        note = f"There is no user '{user_id}' in the data."
        return popular(library, k, f"user {user_id}, unknown").noting(note)
    items, ratings = library.rated(user)
    seen, asked = library.seen[[user]], f"user {user_id}, {len(items)} ratings in train"
    if not len(items):
        return popular(library, k, asked, seen)
    anchors = Anchors.of_ratings(items, ratings)

    def ask(name: str) -> np.ndarray:
        return library.models.get(name).score([user])[0]

    return answered(library, Question(asked, k, seen, anchors), ask, model)


def for_ratings(
    library: Library, ratings: Mapping[int, float], k: int = 10, model: str | None = None
) -> Answer:
    """Movies for somebody new who has rated some, by fold-in (`fold_in/`).

    Args:
        ratings: `item_idx` → rating on the scale of the data set, at least one.

    Raises:
        AskError: as in `for_user`, or there is no rating, or one is off the scale.
    """
    new = _new_user(library, ratings)
    rated = zip(new.items.tolist(), new.ratings, strict=True)
    words = ", ".join(library.told(item, f"rated {rating:g}") for item, rating in rated)
    anchors = Anchors.of_ratings(new.items, new.ratings)
    return _for_new_user(library, new, f"somebody new with {words}", anchors, k, model)


def for_liked(
    library: Library, titles: Sequence[str], k: int = 10, model: str | None = None
) -> Answer:
    """As `for_ratings`, of movies by their titles, each with the highest rating.

    Raises:
        AskError: as in `for_ratings`, or a title is not known.
    """
    found = [movie(library, title) for title in titles]
    new = _new_user(library, {item: library.ids.rating_max for item, _ in found})
    words = ", ".join(library.told(item) for item in new.items.tolist())
    anchors = Anchors(new.items, np.full(len(new.items), np.nan))
    answer = _for_new_user(library, new, f"somebody new who likes {words}", anchors, k, model)
    return answer.noting(*(note for _, note in found))


def _for_new_user(
    library: Library, new: NewUser, asked: str, anchors: Anchors, k: int, model: str | None
) -> Answer:
    seen = new.row(np.ones(len(new.items)), (1, library.ids.n_items)).astype(bool)

    def ask(name: str) -> np.ndarray | str:
        fold = library.models.fold_in(name)
        if fold is None:
            return "cannot take in a new user without training"
        return fold(new).score([-1])[0]

    return answered(library, Question(asked, k, seen, anchors), ask, model)


def for_profile(
    library: Library, profile: Profile, k: int = 10, model: str | None = None
) -> Answer:
    """Movies for somebody new with a typed profile, by a network that reads demographics.

    Raises:
        AskError: as in `for_user`.
    """
    asked = f"somebody of {profile.told()}"
    nothing = sparse.csr_array((1, library.ids.n_items), dtype=bool)
    unknown: list[str] = []

    def ask(name: str) -> np.ndarray | str:
        network = library.models.profile_network(name)
        if network is None:
            return "does not read age, gender, occupation or zip code"
        scores, told = network.scores(profile)
        unknown[:] = [f"{text[0].upper()}{text[1:]}." for text in told]
        return scores

    question = Question(asked, k, nothing, NOTHING_SAID)
    return answered(library, question, ask, model).noting(*unknown)


def _new_user(library: Library, ratings: Mapping[int, float]) -> NewUser:
    if not ratings:
        raise AskError("name at least one movie that you like")
    low, high = library.ids.rating_min, library.ids.rating_max
    for rating in ratings.values():
        if not low <= rating <= high:
            raise AskError(f"a rating is between {low:g} and {high:g}, not {rating:g}")
    items = np.array(sorted(ratings), dtype=np.int64)
    return NewUser(items, np.array([ratings[item] for item in items.tolist()], dtype=np.float64))
