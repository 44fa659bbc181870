"""Movies like a movie: by what is known of them, by their text, or as a trained model sees them."""

from __future__ import annotations

import numpy as np

from reelbench.serving.answer import Answer, AskError
from reelbench.serving.library import Library
from reelbench.serving.reasons import Anchors, reasons
from reelbench.serving.recommend import listed
from reelbench.serving.similarity import director_first, same_director

#: by director, genres and tags; by sentence embeddings. Any other name is that of a model
CONTENT, TEXT = "content", "text"
#: share of genres in the likeness by content, tags have the rest
GENRE_WEIGHT = 0.5


def similar(
    library: Library,
    title: str,
    k: int = 10,
    model: str = CONTENT,
    genre_weight: float = GENRE_WEIGHT,
) -> Answer:
    """Movies like the one whose title was typed, most alike first, ties by number of ratings.

    Args:
        model: `content`: up to two movies of the same director, then by the weighted cosines of
            genres and tags; `text`: the same two, then by the cosine of sentence embeddings; a
            trained model: by the correlation of the scores that it gives to users of train. Where
            the first two know nothing of the movie, the best model answers, and the note says so.
        genre_weight: from 0, tags alone, to 1, genres alone; for `content`.

    Raises:
        AskError: the title is not known, nor the model, the weight is not in 0 … 1, or k is less
            than 1.
    """
    if k < 1:
        raise AskError(f"a list has at least 1 movie, not {k}")
    if not 0 <= genre_weight <= 1:
        raise AskError(f"the weight of genres is between 0 and 1, not {genre_weight:g}")
    item, note = library.movie(title)
    name, likeness, told = _likeness(library, item, model, genre_weight)
    order = _most_alike(library, item, likeness)
    if name in (CONTENT, TEXT):
        same = same_director(library.content.director, item)
        order = director_first(order[same[order]], order)
    found = order[:k]
    why = reasons(library, found, Anchors(np.array([item]), None))
    asked = f"movies like {library.told(item)}"
    return Answer(name, asked, "", listed(library, found, likeness[found], why)).noting(note, told)


def _likeness(
    library: Library, item: int, model: str, genre_weight: float
) -> tuple[str, np.ndarray, str]:
    """Who says how alike every movie is, float (n_items,), and a sentence if it is another."""
    if model not in (CONTENT, TEXT):
        return model, library.models.correlations(model, item), ""
    if model == CONTENT:
        own = library.content.content_similarity(item, genre_weight)
    else:
        own = library.content.text_similarity(item)
    if own.any():
        return model, own, ""
    what = "genres, tags or director" if model == CONTENT else "its text"
    for name in library.models.best_first:
        found = library.models.correlations(name, item)
        if found.any():
            return name, found, f"No movie is like it by {what}, so model {name} answers."
    raise AskError(f"nothing is known of {library.told(item)} that says what is like it")


def _most_alike(library: Library, item: int, likeness: np.ndarray) -> np.ndarray:
    """Movies with a likeness above 0, in order."""
    # rounding must not decide between movies that have the same genres
    order = np.lexsort((-library.count, -np.round(likeness, 6)))
    return order[(likeness[order] > 0) & (order != item)]
