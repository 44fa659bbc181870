"""Rows that show what a system recommends: lists of movies, reasons, answers to typed questions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from reelbench import paths
from reelbench.columns import ITEM_IDX, TITLE, USER_ID
from reelbench.features.block import read_block
from reelbench.models.base import Recommender
from reelbench.serving import Answer
from reelbench.serving.library import Library
from reelbench.serving.recommend import Profile, for_profile, for_user, similar
from replications.lists import PublishedLists
from replications.measure import Study, sizes
from replications.published import Plan
from replications.runs import Ran

LENGTH = 5
# an occupation and a zip code that MovieLens 100K knows
_PERSON = Profile(age=24, gender="M", occupation="student", zip_code="10003")


def titles(ran: Ran) -> list[str]:
    """Titles by `item_idx`."""
    return list(pd.read_parquet(ran.file(paths.ITEMS), columns=[TITLE])[TITLE])


def _joined(ran: Ran, items: Iterable[int]) -> str:
    known = titles(ran)
    return ", ".join(known[int(item)] for item in items) or "none"


def for_new_user(ran: Ran, model: str) -> str:
    """The recommendations of a user whom the model does not know."""
    scores = Recommender.load(ran.file(paths.model_dir(model))).score([-1])[0]
    return f"New user: {_joined(ran, np.argsort(-scores, kind='stable')[:LENGTH])}."


def network(ran: Ran, model: str) -> str:
    """The parameters of a network."""
    entry = ran.content["models"][model]
    layers = ", ".join(f"{key} {entry[key]}" for key in ("embeddings", "hidden", "head", "dropout"))
    terms = ran.content["features"]["tags"]["max_terms"]
    return f"`{model}`: {layers}; {terms} terms of train."


def steps(study: Study, plan: Plan) -> str:
    """How many steps the epochs of a network are: a sample has fewer than published."""
    ran = study.run(plan.same, upto="split")
    config, rows = ran.content["models"][plan.model], sizes(ran)["train_rows"]
    epochs = "1 epoch" if config["epochs"] == 1 else f"{config['epochs']} epochs"
    steps = config["epochs"] * -(-int(rows) // config["batch_size"])
    return f"{epochs} in batches of {config['batch_size']:,}: {steps:,} steps."


def most_rated_first(ran: Ran) -> list[int]:
    """The movies in train by their number of ratings, equal ones by index."""
    train = pd.read_parquet(ran.file(paths.TRAIN), columns=[ITEM_IDX])
    counts = np.bincount(train[ITEM_IDX])
    order = np.argsort(-counts, kind="stable")
    return [int(item) for item in order[counts[order] > 0]]


def content_lists(ran: Ran, blocks: Sequence[str]) -> PublishedLists:
    """Lists of similar movies from the feature blocks of a variant."""
    found = {name: read_block(ran.file(paths.feature_block(name))) for name in blocks}
    return PublishedLists.of(found, len(titles(ran)))


def like_title(ran: Ran, item: int, listed: np.ndarray) -> str:
    """A movie and the list of those similar to it."""
    return f"{titles(ran)[item]}: {_joined(ran, listed)}."


def nearest(vectors: np.ndarray, item: int, k: int, among: np.ndarray | None = None) -> np.ndarray:
    """The k movies with the highest cosine with one of them, without itself.

    Args:
        vectors: (n_items, d), such as an embedding.
        among: movies that may be named, such as those that a user liked. None, as published: any,
            although the reason calls them movies that the user liked.
    """
    lengths = np.linalg.norm(vectors, axis=1)
    scale = np.maximum(lengths * lengths[item], np.finfo(vectors.dtype).tiny)
    order = np.argsort(-(vectors @ vectors[item]) / scale, kind="stable")
    allowed = order != item if among is None else (order != item) & np.isin(order, among)
    return order[allowed][:k]


def titles_of(
    codes: np.ndarray, titles: np.ndarray, rated: np.ndarray, *, wrong_rows: bool = False
) -> list[str]:
    """Titles of movies by their code among the rated ones.

    Args:
        titles: of all movies.
        rated: row in `titles` of each code, ascending.
        wrong_rows: a published fault: codes are taken for rows, so from the first movie without a
            rating on titles are those of other movies.
    """
    return [str(title) for title in titles[codes if wrong_rows else rated[codes]]]


def for_typed_profile(ran: Ran, model: str) -> str:
    """The answer to a typed age, gender, occupation and zip code."""
    return _text(for_profile(Library.read(ran.folder), _PERSON, LENGTH, model))


def for_typed_user(ran: Ran, model: str) -> str:
    """The answer to the id of the first user in train."""
    library = Library.read(ran.folder)
    user_id = str(library.users[USER_ID][int(np.min(library.train.user_idx))])
    return _text(for_user(library, user_id, LENGTH, model))


def for_typed_title(ran: Ran, likeness: str, genre_weights: Sequence[float] = (0.5,)) -> str:
    """The answers to the most rated title, one per weight of genres against tags."""
    library = Library.read(ran.folder)
    title = str(library.items[TITLE][int(library.count.argmax())])
    answers = []
    for weight in genre_weights:
        position = f" (genres {weight:g})" if len(genre_weights) > 1 else ""
        answers.append(_text(similar(library, title, LENGTH, likeness, weight), position))
    return " ".join(answers)


def _text(answer: Answer, position: str = "") -> str:
    """Who asked, what answered, the titles, and the notes of the answer."""
    found = ", ".join(recommendation.title for recommendation in answer.recommendations)
    asked = f"{answer.asked[:1].upper()}{answer.asked[1:]}{position}"
    note = f" ({answer.note})" if answer.note else ""
    return f"{asked}, by {answer.model}: {found or 'none'}{note}."
