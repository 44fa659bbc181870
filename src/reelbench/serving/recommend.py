"""Recommend movies: to a user of the data set, to a new user, or without any information.

By default the best available model is used: of the trained models the first on the leaderboard
(`TrainedModels.best_first`) that can answer the question. A named model that cannot is replaced by
that one, with a note. Without any information, popular movies are returned.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from reelbench.columns import GENRES, ITEM_ID, TITLE, YEAR
from reelbench.evaluation.top_k import NO_ITEM, top_k
from reelbench.features.matrices import user_columns
from reelbench.models.shared.biases import group_means
from reelbench.models.shared.user_items import NewUser
from reelbench.serving.answer import Answer, AskError, Recommendation, capitalized
from reelbench.serving.library import Library
from reelbench.serving.profile import Profile, as_block
from reelbench.serving.reasons import Anchors, liked, rated_high, reasons
from reelbench.serving.trained_models import DEMOGRAPHICS

#: the model behind popular movies; where it is not trained, its formula is used with the mean
#: number of ratings of a movie as prior votes
POPULAR = "weighted_mean"
#: from the name of a model its scores (n_items,), or the reason for having none as the rest of a
#: sentence that begins with "Model NAME"
Ask = Callable[[str], np.ndarray | str]


@dataclass(frozen=True)
class Question:
    """What does not depend on the model."""

    asked: str  # what the list is for, in words
    k: int  # length of the list
    seen: sparse.csr_array  # boolean CSR (1, n_items), movies that are not to be recommended
    anchors: Anchors  # movies that reasons refer to


def for_user(library: Library, user_id: str, k: int = 10, model: str | None = None) -> Answer:
    """Movies that a user of the data set has rated neither in train nor in valid.

    A user who is unknown, or has no ratings in train, gets popular movies.

    Raises:
        AskError: the model is not trained, or k is less than 1.
    """
    if model is not None:
        library.models.check(model)
    user = library.user(user_id)
    if user < 0:
        note = f"User '{user_id}' is not in the data set."
        return popular(library, k, f"user {user_id}, unknown").with_notes(note)
    items, ratings = library.rated(user)
    seen, asked = library.seen[[user]], f"user {user_id}, {len(items)} ratings in train"
    if not len(items):
        return popular(library, k, asked, seen)
    anchors = liked(items.tolist()) if library.implicit else rated_high(items, ratings)
    question = Question(asked, k, seen, anchors)
    return _answer(library, question, lambda name: library.models.get(name).score([user])[0], model)


def for_ratings(
    library: Library, ratings: Mapping[int, float], k: int = 10, model: str | None = None
) -> Answer:
    """Movies for a new user with some ratings, by the fold-in of a model.

    Args:
        ratings: `item_idx` → rating on the scale of the data set, at least one.
        model: a trained model; by default the best one with a fold-in.

    Raises:
        AskError: as in `for_user`, or there is no rating, or one is off the scale.
    """
    new = _new_user(library, ratings)
    rated = zip(new.items.tolist(), new.ratings, strict=True)
    titles = ", ".join(library.title(item, f"rated {rating:g}") for item, rating in rated)
    anchors = rated_high(new.items, new.ratings)
    return _for_new_user(library, new, f"a new user with {titles}", anchors, k, model)


def for_liked(
    library: Library, titles: Sequence[str], k: int = 10, model: str | None = None
) -> Answer:
    """As `for_ratings`, from titles, each with the highest rating.

    Raises:
        AskError: as in `for_ratings`, or a title is unknown.
    """
    found = [library.movie(title) for title in titles]
    new = _new_user(library, {item: library.ids.rating_max for item, _ in found})
    anchors = liked(new.items.tolist())
    known = ", ".join(map(library.title, anchors))
    answer = _for_new_user(library, new, f"a new user who likes {known}", anchors, k, model)
    return answer.with_notes(*(note for _, note in found))


def _for_new_user(
    library: Library, new: NewUser, asked: str, anchors: Anchors, k: int, model: str | None
) -> Answer:
    seen = new.last_row(np.ones(len(new.items)), (1, library.ids.n_items)).astype(bool)

    def ask(name: str) -> np.ndarray | str:
        trained = library.models.get(name)
        if not trained.can_fold_in:
            return "has no fold-in for new users"
        return trained.fold_in(new.items, new.ratings).score([-1])[0]

    return _answer(library, Question(asked, k, seen, anchors), ask, model)


def _new_user(library: Library, ratings: Mapping[int, float]) -> NewUser:
    if not ratings:
        raise AskError("name at least one movie that you like")
    low, high = library.ids.rating_min, library.ids.rating_max
    for rating in ratings.values():
        if not low <= rating <= high:
            raise AskError(f"a rating is between {low:g} and {high:g}, not {rating:g}")
    items = np.array(sorted(ratings), dtype=np.int64)
    return NewUser(items, np.array([ratings[item] for item in items.tolist()], dtype=np.float64))


def for_profile(
    library: Library, profile: Profile, k: int = 10, model: str | None = None
) -> Answer:
    """Movies for a new user with a profile, by a model that uses demographics.

    Raises:
        AskError: as in `for_user`.
    """
    known = library.blocks.get(DEMOGRAPHICS)
    block, ignored = ({}, []) if known is None else as_block(profile, known)

    def ask(name: str) -> np.ndarray | str:
        columns = user_columns(block, 1)[0]
        scores = library.models.score_profile(name, columns) if block else None
        return "does not use age, gender, occupation or zip code" if scores is None else scores

    asked = ", ".join(filter(None, ["a new user", profile.describe()]))
    answer = _answer(library, Question(asked, k, library.seen[[-1]], {}), ask, model)
    profile_used = answer.model != POPULAR
    return answer.with_notes(*(f"{capitalized(text)}." for text in ignored if profile_used))


def popular(
    library: Library,
    k: int = 10,
    asked: str = "a new user",
    seen: sparse.csr_array | None = None,
    anchors: Anchors | None = None,
) -> Answer:
    """Popular movies by weighted mean, or by users without ratings, except for what is seen.

    Raises:
        AskError: k is less than 1.
    """
    question = Question(asked, k, library.seen[[-1]] if seen is None else seen, anchors or {})
    if library.implicit:
        answer = _best(library, question, "popularity", library.count.astype(np.float64))
        return answer.with_notes("Movies with the most users, the same for every user.")
    if POPULAR in library.models.names:
        scores = library.models.get(POPULAR).score([-1])[0]
    else:
        train, size = library.train, library.ids.n_items
        scores = group_means(train.item_idx, train.rating, size, prior=len(train) / size)
    answer = _best(library, question, POPULAR, scores)
    return answer.with_notes("Popular movies by weighted mean, the same for every user.")


def _answer(library: Library, question: Question, ask: Ask, model: str | None) -> Answer:
    """The answer of the named model, or else of the best one that has scores, or popular movies."""
    refused = ""
    if model is not None:
        library.models.check(model)
    for name in dict.fromkeys(filter(None, [model, *library.models.best_first])):
        scores = ask(name)
        if not isinstance(scores, str) and scores.max() - scores.min() < 1e-9:
            scores = "gives every movie the same score"
        if not isinstance(scores, str):
            note = f"{refused}; {name} is the best available for this question." if refused else ""
            return _best(library, question, name, scores).with_notes(note)
        if name == model:
            refused = f"Model {model} {scores}"
    note = f"{refused}." if refused else "No trained model can answer this question."
    found = popular(library, question.k, question.asked, question.seen, question.anchors)
    return found.with_notes(note)


def _best(library: Library, question: Question, name: str, scores: np.ndarray) -> Answer:
    """The k unseen movies with the highest scores, ties by index, as in the evaluation."""
    if question.k < 1:
        raise AskError(f"a list has at least 1 movie, not {question.k}")
    places = top_k(scores[None, :], question.seen, min(question.k, len(scores)))[0]
    items = places[places != NO_ITEM].astype(np.int64)
    movies = recommendations(library, items, scores[items], question.anchors)
    return Answer(name, question.asked, "", movies)


def recommendations(
    library: Library, items: np.ndarray, scores: np.ndarray, anchors: Anchors
) -> tuple[Recommendation, ...]:
    """What is shown of movies (n,) in a given order, with their scores (n,)."""
    table = library.items.iloc[items]
    columns = (table[ITEM_ID], table[TITLE], table[YEAR], table[GENRES])
    rows = zip(items, scores, *columns, reasons(library, items, anchors), strict=True)
    return tuple(
        Recommendation(
            rank=rank,
            item_id=item_id,
            title=title,
            year=None if pd.isna(year) else int(year),
            genres=tuple(str(genre) for genre in genres),
            score=float(score),
            rating_mean=float(library.mean[item])
            if library.count[item] and not library.implicit
            else None,
            rating_count=int(library.count[item]),
            reasons=why,
        )
        for rank, (item, score, item_id, title, year, genres, why) in enumerate(rows, start=1)
    )
