"""One movie and one user: predicted stars, what every model thinks, and why it is not higher.

The engine of lists with filters is that of the app, `Questions`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from reelbench.columns import ITEM_ID
from reelbench.serving import Answer, AskError
from reelbench.serving.library import Library
from reelbench.serving.questions import Questions, Wanted, rank_of
from reelbench.serving.reasons import rated_high, reasons
from reelbench.serving.recommend import recommendations


def filtered(library: Library, wanted: Wanted) -> Answer:
    """The app's list as an answer; movies have predicted stars instead of a score."""
    found: Mapping[str, Any] = Questions(library).answer(wanted)
    places = {item_id: item for item, item_id in enumerate(library.items[ITEM_ID])}
    cards = found["movies"]
    items = np.array([places[card["item"]] for card in cards], dtype=np.int64)
    movies = recommendations(library, items, np.zeros(len(items)), {})
    shown = tuple(
        replace(movie, score=None, reasons=tuple(card["reasons"]), stars=_stars(card["stars"]))
        for movie, card in zip(movies, cards, strict=True)
    )
    return Answer(found["model"], found["heading"], " ".join(found["notes"]), shown)


def _stars(people: Sequence[Mapping[str, float]]) -> tuple[float, float, float] | None:
    return (people[0]["mean"], people[0]["low"], people[0]["high"]) if people else None


def predict(library: Library, user_id: str, title: str, networks: bool = False) -> dict[str, Any]:
    """Predicted stars of a movie for a user of the data set, and the opinion of every model.

    Keys are `user`, `title`, `note`, `given` (the user's rating in train, or None), `stars` (with
    `mean`, `low`, `high` and the model, `by`; None without a model for it), and `models`: by name
    `stars`, or None, and `rank` among the movies that the user has not rated.

    Args:
        library: the run.
        user_id: as in the source; an AskError if unknown.
        title: may contain typing errors; an AskError if it is nothing like one.
        networks: also ask the networks, whose library takes seconds to load.
    """
    user, (item, note) = _user(library, user_id), library.movie(title)
    items, ratings = library.rated(user)
    given = dict(zip(items.tolist(), ratings.tolist(), strict=True)).get(item)
    allowed = ~library.seen[[user]].toarray()[0]
    allowed[item] = True
    models = {}
    for name in library.models.best_first:
        if library.models.is_network(name) and not networks:
            continue
        model = library.models.get(name)
        scores, rated = model.score([user])[0], None
        if model.predicts_ratings:
            rated = float(model.predict(np.array([user]), np.array([item]))[0])
        models[name] = {"stars": rated, "rank": rank_of(item, scores, allowed)}
    stars = None
    if library.stars is not None:
        mean, low, high = library.stars.predict(np.array([item]), items, ratings, user)[0]
        stars = {"mean": mean, "low": low, "high": high, "by": library.stars.name}
    known = {"user": user_id, "title": library.title(item), "note": note, "given": given}
    return known | {"stars": stars, "of": int(allowed.sum()), "models": models}


def explain(library: Library, title: str, wanted: Wanted) -> dict[str, Any]:
    """Why a movie is, or is not, on a user's list, and what would lift it.

    Keys are `user`, `title`, `note`, `model`, `k`, `rank` and `of`, `listed`, `refused` (reasons
    that keep it out), `popular` and `adventurous` (ranks at the ends of that slider), `lifts`
    (movies whose rating with the highest stars would lift it, each with the `rank` then) and
    `reasons` (facts that speak for it).
    """
    user, (item, note) = _user(library, wanted.you.user), library.movie(title)
    item_id, questions = str(library.items[ITEM_ID].iloc[item]), Questions(library)
    listed: Mapping[str, Any] = questions.answer(wanted)
    found: Mapping[str, Any] = questions.answer(wanted.model_copy(update={"why": item_id}))
    items, ratings = library.rated(user)
    others = items != item
    anchors = rated_high(items[others], ratings[others]) if others.any() else {}
    lifts = [{key: one[key] for key in ("title", "year", "rank")} for one in found["lifts"]]
    kept = ("model", "rank", "of", "refused", "popular", "adventurous")
    return {
        "user": wanted.you.user,
        "title": library.title(item),
        "note": note,
        "k": wanted.k,
        "listed": item_id in {movie["item"] for movie in listed["movies"]},
        **{key: found[key] for key in kept},
        "lifts": lifts,
        "reasons": list(reasons(library, np.array([item]), anchors)[0]),
    }


def _user(library: Library, user_id: str) -> int:
    user = library.user(user_id)
    if user < 0:
        raise AskError(f"user '{user_id}' is not in the data set")
    return user
