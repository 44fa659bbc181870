"""Recommend movies: to a user of the data set, to a new user, or similar to a movie.

By default the best available model is used: of the trained models the first on the leaderboard
(`TrainedModels.best_first`) that can answer the question. A named model that cannot is replaced by
that one, with a note. Without any information, popular movies are returned.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from reelbench.columns import GENDER, OCCUPATION, ZIP_CODE
from reelbench.evaluation.scoring import NO_ITEM, top_k
from reelbench.features.block import USER_PREFIX, Block
from reelbench.features.matrices import user_columns
from reelbench.models.shared.biases import group_means
from reelbench.models.shared.user_items import NewUser
from reelbench.serving import Answer, AskError, Recommendation, capitalized
from reelbench.serving.library import Library
from reelbench.serving.reasons import Anchors, anchors_of, liked, rated_high, reasons
from reelbench.serving.similarity import director_first, same_director
from reelbench.serving.trained_models import DEMOGRAPHICS

#: ranks popular movies; if untrained, its formula with a movie's mean number of ratings as prior
POPULAR = "weighted_mean"
#: by people and metadata, by metadata, by sentence embeddings; any other name is that of a model
MIXED, CONTENT, TEXT = "mixed", "content", "text"
GENRE_WEIGHT = 0.5  # weight of genres in the similarity by content; tags have the rest
_OLDEST = 120
_WORDS = (GENDER, OCCUPATION, ZIP_CODE)
#: from a model's name its scores (n_items,), or why it has none: what follows "Model NAME"
Ask = Callable[[str], np.ndarray | str]
Scored = tuple[str, np.ndarray, str]  # name of what scores, scores (n_items,), and a note


@dataclass(frozen=True)
class Question:
    """What does not depend on the model."""

    asked: str  # what the list is for, in words
    k: int  # length of the list
    seen: sparse.csr_array  # boolean CSR (1, n_items), movies that are not to be recommended
    anchors: Anchors  # movies that reasons refer to


@dataclass(frozen=True)
class Profile:
    """What a user typed; None for what was left out.

    >>> Profile(age=24, zip_code="10003").describe()
    'age 24, zip code 10003'
    """

    age: int | None = None
    gender: str | None = None
    occupation: str | None = None
    zip_code: str | None = None

    def __post_init__(self) -> None:
        if self.age is not None and not 0 <= self.age <= _OLDEST:
            raise AskError(f"an age is between 0 and {_OLDEST} years, not {self.age}")

    @property
    def empty(self) -> bool:
        """Whether nothing was typed."""
        return all(value is None for value in vars(self).values())

    def describe(self) -> str:
        """What was typed, in words."""
        typed = {name.replace("_", " "): value for name, value in vars(self).items()}
        return ", ".join(f"{name} {value}" for name, value in typed.items() if value is not None)


def for_user(library: Library, user_id: str, k: int = 10, model: str | None = None) -> Answer:
    """Movies that a user of the data set has rated neither in train nor in valid.

    A user who is unknown, or has no ratings in train, gets popular movies. A model that is not
    trained, or k below 1, is an AskError.
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
    question = Question(asked, k, seen, anchors_of(library, items, ratings))
    return _answer(library, question, lambda name: library.models.get(name).score([user])[0], model)


def for_ratings(
    library: Library, ratings: Mapping[int, float], k: int = 10, model: str | None = None
) -> Answer:
    """Movies for a new user with some ratings, by the fold-in of a model.

    Ratings are `item_idx` → rating, at least one; one off the scale is an AskError. By default the
    best model with a fold-in is used.
    """
    new = new_user(library, ratings)
    rated = zip(new.items.tolist(), new.ratings, strict=True)
    titles = ", ".join(library.title(item, f"rated {rating:g}") for item, rating in rated)
    anchors = rated_high(new.items, new.ratings)
    return _for_new_user(library, new, f"a new user with {titles}", anchors, k, model)


def for_liked(
    library: Library, titles: Sequence[str], k: int = 10, model: str | None = None
) -> Answer:
    """As `for_ratings`, from titles, each with the highest rating; AskError if one is unknown."""
    found = [library.movie(title) for title in titles]
    new = new_user(library, {item: library.ids.rating_max for item, _ in found})
    anchors = liked(new.items.tolist())
    known = ", ".join(map(library.title, anchors))
    answer = _for_new_user(library, new, f"a new user who likes {known}", anchors, k, model)
    return answer.with_notes(*(note for _, note in found))


def _for_new_user(
    library: Library, new: NewUser, asked: str, anchors: Anchors, k: int, model: str | None
) -> Answer:
    seen = new.last_row(np.ones(len(new.items)), (1, library.ids.n_items)).astype(bool)
    return _answer(library, Question(asked, k, seen, anchors), folding_in(library, new), model)


def folding_in(library: Library, new: NewUser) -> Ask:
    """Scores of a model that takes in a new user."""

    def ask(name: str) -> np.ndarray | str:
        if not library.models.folds_in(name):
            return "has no fold-in for new users"
        return library.models.get(name)._fold_in(new).score([-1])[0]

    return ask


def new_user(library: Library, ratings: Mapping[int, float]) -> NewUser:
    """`item_idx` → rating, as arrays; an AskError without any, or for one off the scale."""
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
    """Movies for a new user with a profile, by a model that uses demographics; see `for_user`."""
    known = library.blocks.get(DEMOGRAPHICS)
    block, ignored = ({}, []) if known is None else as_block(profile, known)

    def ask(name: str) -> np.ndarray | str:
        scores = library.models.score_profile(name, user_columns(block, 1)[0]) if block else None
        return "does not use age, gender, occupation or zip code" if scores is None else scores

    asked = ", ".join(filter(None, ["a new user", profile.describe()]))
    answer = _answer(library, Question(asked, k, library.seen[[-1]], {}), ask, model)
    profile_used = answer.model != POPULAR
    return answer.with_notes(*(f"{capitalized(text)}." for text in ignored if profile_used))


def as_block(profile: Profile, known: Block) -> tuple[Block, list[str]]:
    """The profile in the form of `known`, the block `demographics`.

    Arrays of one user (1, …) under the block's names, and phrases on what is ignored. A value that
    the vocabulary lacks is a row of zeros, as for users of the data set.
    """
    mean, deviation = known["age_moments"]
    width = known["user_age"].shape[1]  # 0 without ages in the data set, else 1
    age = 0.0 if profile.age is None else (profile.age - mean) / deviation
    row = {
        "user_age": np.full((1, width), age, dtype=np.float32),
        "user_age_known": np.full((1, width), profile.age is not None, dtype=np.float32),
    }
    ignored = [] if width or profile.age is None else ["the data set has no age"]
    for name in _WORDS:
        row[USER_PREFIX + name], phrases = _one_hot(name, getattr(profile, name), known[name])
        ignored += phrases
    return row, ignored


def _one_hot(name: str, typed: str | None, words: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """float32 (1, k), ignoring case; a zip code counts by its first digits."""
    row = np.zeros((1, len(words)), dtype=np.float32)
    if typed is None:
        return row, []
    label = name.replace("_", " ")
    if not len(words):
        return row, [f"the data set has no {label}"]
    key = typed.strip().casefold()
    if name == ZIP_CODE:
        key = key[: max(len(word) for word in words.tolist())]
    row[0] = [word.casefold() == key for word in words.tolist()]
    if row.any():
        return row, []
    hint = "" if name == ZIP_CODE else f" (known: {', '.join(words.tolist())})"
    return row, [f"{label} '{typed}' is unknown or too rare, so it is ignored{hint}"]


def popular(
    library: Library, k: int = 10, asked: str = "a new user", seen: sparse.csr_array | None = None
) -> Answer:
    """Popular movies by weighted mean, or by users without ratings, except for what is seen."""
    question = Question(asked, k, library.seen[[-1]] if seen is None else seen, {})
    name, scores, note = popular_scores(library)
    return _best(library, question, name, scores).with_notes(note)


def popular_scores(library: Library) -> Scored:
    """What popular movies are ranked by: its name, scores (n_items,), and a note."""
    if library.implicit:
        note = "Movies with the most users, the same for every user."
        return "popularity", library.count.astype(np.float64), note
    if POPULAR in library.models.names:
        scores = library.models.get(POPULAR).score([-1])[0]
    else:
        train, size = library.train, library.ids.n_items
        scores = group_means(train.item_idx, train.rating, size, prior=len(train) / size)
    return POPULAR, scores, "Popular movies by weighted mean, the same for every user."


def ranking(
    library: Library, ask: Ask, model: str | None, names: Sequence[str] | None = None
) -> Scored:
    """Model, scores (n_items,) and a note: of the named model, or the best one that has scores.

    Without any they are those of popular movies. `names` are the models to try, the best first.
    """
    refused = ""
    if model is not None:
        library.models.check(model)
    known = library.models.best_first if names is None else names
    for name in dict.fromkeys(filter(None, [model, *known])):
        scores = ask(name)
        if not isinstance(scores, str) and scores.max() - scores.min() < 1e-9:
            scores = "gives every movie the same score"
        if not isinstance(scores, str):
            better = f"{refused}; {name} is the best available for this question."
            return name, scores, better if refused else ""
        if name == model:
            refused = f"Model {model} {scores}"
    name, scores, about = popular_scores(library)
    note = f"{refused}." if refused else "No trained model can answer this question."
    return name, scores, f"{note} {about}"


def _answer(library: Library, question: Question, ask: Ask, model: str | None) -> Answer:
    """The answer of the named model, or else of the best one that has scores, or popular movies."""
    name, scores, note = ranking(library, ask, model)
    return _best(library, question, name, scores).with_notes(note)


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
    rows = zip(items.tolist(), scores, reasons(library, items, anchors), strict=True)
    found = []
    for rank, (item, score, why) in enumerate(rows, start=1):
        (item_id, title, year), count = library.rows[item], int(library.count[item])
        mean = float(library.mean[item]) if count and not library.implicit else None
        facts = float(score), mean, count, why
        found.append(Recommendation(rank, item_id, title, year, library.genres[item], *facts))
    return tuple(found)


def similar(
    library: Library,
    title: str,
    k: int = 10,
    model: str | None = None,
    genre_weight: float | None = None,
) -> Answer:
    """Movies similar to the one whose title was typed, the most similar first.

    Equally similar movies are ordered by their number of ratings.

    Args:
        title: may contain typing errors.
        model: `mixed`, by default without a `genre_weight`: what people did and what the movie is,
            with weights chosen on valid. `content`: up to two movies by the same director, then by
            the weighted cosines of genres and tags. `text`: the same with the cosine of sentence
            embeddings. A trained model: as that sees it. Where one of the first three finds no
            similar movie, the best model that finds one is used, with a note.
        genre_weight: for `content`, from 0, tags alone, to 1, genres alone; by default 0.5.

    Raises:
        AskError: the title or the model is unknown, the weight is not in 0 … 1, k is less than 1,
            or no movie is similar.
    """
    if k < 1:
        raise AskError(f"a list has at least 1 movie, not {k}")
    item, typing_note = library.movie(title)
    chosen = model or (MIXED if genre_weight is None else CONTENT)
    weight = GENRE_WEIGHT if genre_weight is None else genre_weight
    name, similarity, order, note = similar_items(library, item, chosen, weight)
    items = order[:k]
    found = recommendations(library, items, similarity[items], liked([item]))
    answer = Answer(name, f"movies similar to {library.title(item)}", "", found)
    return answer.with_notes(typing_note, note)


def similar_items(
    library: Library, item: int, model: str = MIXED, genre_weight: float = GENRE_WEIGHT
) -> tuple[str, np.ndarray, np.ndarray, str]:
    """What is used, similarities (n_items,), similar movies in order, and a note; see `similar`."""
    if not 0 <= genre_weight <= 1:
        raise AskError(f"the weight of genres is between 0 and 1, not {genre_weight:g}")
    name, similarity, note = _similarity(library, item, model, genre_weight)
    # rounding must not decide between movies that have the same genres
    order = np.lexsort((-library.count, -np.round(similarity, 6)))
    order = order[(similarity[order] > 0) & (order != item)]
    if name in (CONTENT, TEXT):
        same = same_director(library.content.director, item)
        order = director_first(order[same[order]], order)
    return name, similarity, order, note


def _similarity(library: Library, item: int, model: str, genre_weight: float) -> Scored:
    """What is used, similarities (n_items,), and a note if it is not what was asked for."""
    content = library.content
    if model == MIXED:
        own, what = library.mixed.similarity(item), "likes, director, genres, tags or text"
    elif model == CONTENT:
        own, what = content.content_similarity(item, genre_weight), "genres, tags or director"
    elif model == TEXT:
        own, what = content.text_similarity(item), "text"
    else:
        return model, library.models.get(model).similar_items(item), ""
    if own.any():
        return model, own, ""
    for name in library.models.best_first:
        found = library.models.get(name).similar_items(item)
        if found.any():
            return name, found, f"No movie is similar by {what}, so model {name} is used."
    raise AskError(f"nothing is known of {library.title(item)} that would make a movie similar")
