"""Movies for somebody: a user of the data set, a list of liked movies, a typed profile, or nobody.

Which model answers, unless one is named: of the trained models the one with the highest nDCG on
the leaderboard that can. Where one that is named cannot, that best one answers, and the note says
so. Somebody of whom nothing is known gets popular movies by weighted mean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from reelbench.columns import GENRES, ITEM_ID, TITLE, YEAR
from reelbench.evaluation.top_k import NO_ITEM, top_k
from reelbench.models.shared.biases import group_means
from reelbench.serving.answer import Answer, AskError, Recommendation
from reelbench.serving.fold_in import NewUser
from reelbench.serving.library import Library
from reelbench.serving.profile import Profile
from reelbench.serving.reasons import Anchors, reasons

#: a model's name → scores (n_items,) or, in words that go on after its name, why it has none
Ask = Callable[[str], np.ndarray | str]
#: the model whose scores these are; where it is not trained, the same formula with a movie's mean
#: number of ratings in place of its prior votes
POPULAR = "weighted_mean"
#: no movie was spoken of
NOTHING_SAID = Anchors(np.array([], dtype=np.int64), np.array([]))


@dataclass(frozen=True)
class Question:
    """What is the same whoever answers.

    Attributes:
        asked: for whom, in words.
        k: length of the list.
        seen: boolean CSR (1, n_items), what is not to be recommended.
        anchors: movies that reasons refer to.
    """

    asked: str
    k: int
    seen: sparse.csr_array
    anchors: Anchors


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
    found = [library.movie(title) for title in titles]
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


def popular(
    library: Library,
    k: int = 10,
    asked: str = "somebody new",
    seen: sparse.csr_array | None = None,
    anchors: Anchors = NOTHING_SAID,
) -> Answer:
    """The same movies for everybody, save for those that are seen.

    Raises:
        AskError: k is less than 1.
    """
    nothing = sparse.csr_array((1, library.ids.n_items), dtype=bool)
    found = best(library, _weighted_means(library), nothing if seen is None else seen, k, anchors)
    note = "These are popular movies, by weighted mean, the same for everybody."
    return Answer(POPULAR, asked, note, found)


def _weighted_means(library: Library) -> np.ndarray:
    if POPULAR in library.models.names:
        return library.models.get(POPULAR).score([-1])[0]
    train, size = library.train, library.ids.n_items
    return group_means(train.item_idx, train.rating, size, prior=len(train) / size)


def answered(library: Library, question: Question, ask: Ask, model: str | None) -> Answer:
    """The answer of the named model; where it has none, of the best that has, with a note.

    Best is the highest nDCG on the leaderboard (`TrainedModels.best_first`). Without any model that
    has an answer, popular movies are.

    Raises:
        AskError: the named model is not trained, or k is less than 1.
    """
    refused = ""
    if model is not None:
        library.models.check(model)
        scores = _opinion(ask, model)
        if not isinstance(scores, str):
            return _listed(library, question, model, scores)
        refused = f"Model {model} {scores}"
    for name in library.models.best_first:
        scores = "" if name == model else _opinion(ask, name)
        if isinstance(scores, str):
            continue
        note = f"{refused}; {name} answers, the best of those that can." if refused else ""
        return _listed(library, question, name, scores).noting(note)
    note = f"{refused}." if refused else "No trained model has an answer."
    found = popular(library, question.k, question.asked, question.seen, question.anchors)
    return found.noting(note)


def _listed(library: Library, question: Question, name: str, scores: np.ndarray) -> Answer:
    found = best(library, scores, question.seen, question.k, question.anchors)
    return Answer(name, question.asked, "", found)


def _opinion(ask: Ask, name: str) -> np.ndarray | str:
    """Scores that tell movies apart, or why there are none."""
    scores = ask(name)
    if not isinstance(scores, str) and scores.max() - scores.min() < 1e-9:
        return "says the same of every movie"
    return scores


def best(
    library: Library, scores: np.ndarray, seen: sparse.csr_array, k: int, anchors: Anchors
) -> tuple[Recommendation, ...]:
    """The k movies of highest score that are not seen, ties by index, as in the evaluation.

    Args:
        scores: floats (n_items,); -inf is never listed.
        seen: boolean CSR (1, n_items).

    Raises:
        AskError: k is less than 1.
    """
    if k < 1:
        raise AskError(f"a list has at least 1 movie, not {k}")
    found = top_k(scores[None, :], seen, k)[0]
    items = found[found != NO_ITEM].astype(np.int64)
    return listed(library, items, scores[items], reasons(library, items, anchors))


def listed(
    library: Library, items: np.ndarray, scores: np.ndarray, why: list[tuple[str, ...]]
) -> tuple[Recommendation, ...]:
    """Movies in an order that is given."""
    table = library.items.iloc[items]
    rows = zip(items, table[ITEM_ID], table[TITLE], table[YEAR], table[GENRES], strict=True)
    return tuple(
        Recommendation(
            rank=rank,
            item_id=item_id,
            title=title,
            year=None if pd.isna(year) else int(year),
            genres=tuple(str(genre) for genre in genres),
            score=float(scores[rank - 1]),
            rating_mean=float(library.mean[item]) if library.count[item] else None,
            rating_count=int(library.count[item]),
            reasons=why[rank - 1],
        )
        for rank, (item, item_id, title, year, genres) in enumerate(rows, start=1)
    )
