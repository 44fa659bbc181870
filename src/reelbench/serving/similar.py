"""Movies similar to a movie: by metadata, by text, or as a trained model sees them."""

import numpy as np

from reelbench.serving.answer import Answer, AskError
from reelbench.serving.library import Library
from reelbench.serving.reasons import liked
from reelbench.serving.recommend import recommendations
from reelbench.serving.similarity import director_first, same_director

#: by director, genres and tags, or by sentence embeddings; any other name is that of a model
CONTENT, TEXT = "content", "text"
GENRE_WEIGHT = 0.5  # weight of genres in the similarity by content; tags have the rest


def similar(
    library: Library,
    title: str,
    k: int = 10,
    model: str = CONTENT,
    genre_weight: float = GENRE_WEIGHT,
) -> Answer:
    """Movies similar to the one whose title was typed, the most similar first.

    Equally similar movies are ordered by their number of ratings.

    Args:
        title: may contain typing errors.
        model: `content`: up to two movies by the same director, then by the weighted cosines of
            genres and tags. `text`: the same with the cosine of sentence embeddings. A trained
            model: as that sees it. Where `content` or `text` find no similar movie, the best model
            that finds one is used, with a note.
        genre_weight: for `content`, from 0, tags alone, to 1, genres alone.

    Raises:
        AskError: the title or the model is unknown, the weight is not in 0 … 1, k is less than 1,
            or no movie is similar.
    """
    if k < 1:
        raise AskError(f"a list has at least 1 movie, not {k}")
    if not 0 <= genre_weight <= 1:
        raise AskError(f"the weight of genres is between 0 and 1, not {genre_weight:g}")
    item, typing_note = library.movie(title)
    name, similarity, note = _similarity(library, item, model, genre_weight)
    # rounding must not decide between movies that have the same genres
    order = np.lexsort((-library.count, -np.round(similarity, 6)))
    order = order[(similarity[order] > 0) & (order != item)]
    if name in (CONTENT, TEXT):
        same = same_director(library.content.director, item)
        order = director_first(order[same[order]], order)
    items = order[:k]
    found = recommendations(library, items, similarity[items], liked([item]))
    answer = Answer(name, f"movies similar to {library.title(item)}", "", found)
    return answer.with_notes(typing_note, note)


def _similarity(
    library: Library, item: int, model: str, genre_weight: float
) -> tuple[str, np.ndarray, str]:
    """What is used, similarities (n_items,), and a note if it is not what was asked for."""
    if model not in (CONTENT, TEXT):
        return model, library.models.get(model).similar_items(item), ""
    if model == CONTENT:
        own = library.content.content_similarity(item, genre_weight)
    else:
        own = library.content.text_similarity(item)
    if own.any():
        return model, own, ""
    what = "genres, tags or director" if model == CONTENT else "text"
    for name in library.models.best_first:
        found = library.models.get(name).similar_items(item)
        if found.any():
            return name, found, f"No movie is similar by {what}, so model {name} is used."
    raise AskError(f"nothing is known of {library.title(item)} that would make a movie similar")
