"""Movies for somebody: a user of the data set, a list of liked movies, a typed profile, or nobody.

Which model answers, unless one is named: of the trained models the one with the highest nDCG on
the leaderboard that can. Where one that is named cannot, that best one answers, and the note says
so. Somebody of whom nothing is known gets popular movies by weighted mean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from scipy import sparse

from reelbench.features.block import read_block
from reelbench.models.network import Network
from reelbench.models.parts.effects import group_means
from reelbench.paths import feature_block
from reelbench.serving.answer import Answer, AskError
from reelbench.serving.fold_in import NewUser
from reelbench.serving.library import Library
from reelbench.serving.listed import best
from reelbench.serving.movies import movie
from reelbench.serving.profile import Profile, ProfileNetwork
from reelbench.serving.reasons import Anchors

#: the model of popular movies; without it the same formula, with a movie's mean number of ratings
#: in place of its prior votes
POPULAR = "weighted_mean"
_DEMOGRAPHICS = "demographics"
_NOBODY = Anchors(np.array([], dtype=np.int64), np.array([]))

# a model's name → scores (n_items,) or, in words, why it has none
_Ask = Callable[[str], np.ndarray | str]


def for_user(library: Library, user_id: str, k: int = 10, model: str | None = None) -> Answer:
    """Movies that a user of the data set has rated in neither train nor valid.

    Raises:
        AskError: the model is not trained, or k is less than 1.
    """
    _check(library, model)
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

    return _answer(library, ask, model, k, asked, seen, anchors)


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
    asked = f"somebody new who rated {_list(library, new)}"
    seen = new.row(np.ones(len(new.items)), (1, library.ids.n_items)).astype(bool)
    anchors = Anchors.of_ratings(new.items, new.ratings)

    def ask(name: str) -> np.ndarray | str:
        fold = library.models.fold_in(name)
        if fold is None:
            return "cannot take in a new user without training"
        return fold(new).score([-1])[0]

    return _answer(library, ask, model, k, asked, seen, anchors)


def for_liked(
    library: Library, titles: Sequence[str], k: int = 10, model: str | None = None
) -> Answer:
    """As `for_ratings`, of movies by their titles, each with the highest rating.

    Raises:
        AskError: as in `for_ratings`, or a title is not known.
    """
    found = [movie(library, title) for title in titles]
    answer = for_ratings(library, {item: library.ids.rating_max for item, _ in found}, k, model)
    return answer.noting(*(note for _, note in found))


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
        network = profile_network(library, name)
        if network is None:
            return "does not read age, gender, occupation or zip code"
        scores, told = network.scores(profile)
        unknown[:] = [f"{text[0].upper()}{text[1:]}." for text in told]
        return scores

    return _answer(library, ask, model, k, asked, nothing, _NOBODY).noting(*unknown)


def profile_network(library: Library, name: str) -> ProfileNetwork | None:
    """A trained model as one that answers typed profiles; None if it cannot."""
    file = library.root / feature_block(_DEMOGRAPHICS)
    if not library.models.reads(name, _DEMOGRAPHICS) or not file.is_file():
        return None
    model = library.models.get(name)
    if not isinstance(model, Network) or not ProfileNetwork.can(model):
        return None
    return ProfileNetwork(model, read_block(file))


def popular(
    library: Library,
    k: int = 10,
    asked: str = "somebody new",
    seen: sparse.csr_array | None = None,
    anchors: Anchors = _NOBODY,
) -> Answer:
    """Popular movies by weighted mean: what somebody gets of whom nothing is known."""
    nothing = sparse.csr_array((1, library.ids.n_items), dtype=bool)
    found = best(library, _weighted_means(library), nothing if seen is None else seen, k, anchors)
    note = "These are popular movies, by weighted mean, the same for everybody."
    return Answer(POPULAR, asked, note, found)


def _weighted_means(library: Library) -> np.ndarray:
    if POPULAR in library.models.names:
        return library.models.get(POPULAR).score([-1])[0]
    train, size = library.train, library.ids.n_items
    return group_means(train.item_idx, train.rating, size, prior=len(train) / size)


def _answer(
    library: Library,
    ask: _Ask,
    model: str | None,
    k: int,
    asked: str,
    seen: sparse.csr_array,
    anchors: Anchors,
) -> Answer:
    """The answer of the model that is named, or else of the best that has one."""
    _check(library, model)
    refused = ""
    if model is not None:
        scores = _opinion(ask, model)
        if not isinstance(scores, str):
            return Answer(model, asked, "", best(library, scores, seen, k, anchors))
        refused = f"Model {model} {scores}"
    for name in library.models.best_first:
        scores = "" if name == model else _opinion(ask, name)
        if isinstance(scores, str):
            continue
        note = f"{refused}; {name} answers, the best of those that can." if refused else ""
        return Answer(name, asked, note, best(library, scores, seen, k, anchors))
    note = f"{refused}." if refused else "No trained model has an answer."
    return popular(library, k, asked, seen, anchors).noting(note)


def _check(library: Library, model: str | None) -> None:
    if model is not None:
        library.models.check(model)


def _opinion(ask: _Ask, name: str) -> np.ndarray | str:
    """Scores that tell movies apart, or why there are none."""
    scores = ask(name)
    if not isinstance(scores, str) and scores.max() - scores.min() < 1e-9:
        return "says the same of every movie"
    return scores


def _new_user(library: Library, ratings: Mapping[int, float]) -> NewUser:
    if not ratings:
        raise AskError("name at least one movie that you like")
    low, high = library.ids.rating_min, library.ids.rating_max
    for rating in ratings.values():
        if not low <= rating <= high:
            raise AskError(f"a rating is between {low:g} and {high:g}, not {rating:g}")
    items = np.array(sorted(ratings), dtype=np.int64)
    return NewUser(items, np.array([ratings[item] for item in items.tolist()], dtype=np.float64))


def _list(library: Library, new: NewUser) -> str:
    rated = zip(new.items.tolist(), new.ratings, strict=True)
    return ", ".join(f"{library.told(item)} {rating:g}" for item, rating in rated)
