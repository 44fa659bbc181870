"""Why a movie is in a list: facts of the catalogue and of train that speak for it.

They hold for every model and do not claim to explain its score.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import sparse

from reelbench.columns import ID_MARK
from reelbench.serving.library import Library
from reelbench.serving.similarity import products

#: the movies of a request, which reasons refer to: `item_idx` → the user's rating, NaN without one
Anchors = Mapping[int, float]

# movies, tags or actors that one reason names at most
_MOVIES_NAMED = 2
_TAGS_NAMED = 3
_ACTORS_NAMED = 2


def liked(items: Sequence[int]) -> Anchors:
    """Movies without ratings."""
    return dict.fromkeys(items, np.nan)


def rated_high(items: np.ndarray, ratings: np.ndarray) -> Anchors:
    """Of one or more rated movies (m,) those not below their mean, the highest first."""
    order = np.argsort(-ratings, kind="stable")
    rated = zip(items[order].tolist(), ratings[order].tolist(), strict=True)
    mean = ratings.mean()
    return {item: rating for item, rating in rated if rating >= mean}


def anchors_of(library: Library, items: np.ndarray, ratings: np.ndarray) -> Anchors:
    """Of rated movies (m,) those rated high; all of them where the data have no ratings."""
    return liked(items.tolist()) if library.implicit else rated_high(items, ratings)


def reasons(library: Library, items: np.ndarray, anchors: Anchors) -> list[tuple[str, ...]]:
    """Sentences per movie (n,): who also likes it, director, actors, tags and genres, ratings."""
    known = np.array(list(anchors), dtype=np.int64)
    titles = [
        library.title(item, *([] if np.isnan(rating) else [f"rated {rating:g}"]))
        for item, rating in anchors.items()
    ]
    together = library.liked_together.between(items, known)
    content = library.content
    actors = products(items, known, content.actors)
    shared = products(items, known, content.genres, content.tags)
    directors = content.director[known]
    found = []
    for row, item in enumerate(items.tolist()):
        sentences = [
            _also_liked(titles, together[row]),
            _director(library, item, directors, titles),
            _actors(library, item, known, titles, actors[row]),
            _shared(library, item, known, titles, shared[row]),
            _ratings(library, item),
        ]
        found.append(tuple(filter(None, sentences)))
    return found


def _common(matrix: sparse.csr_array, item: int, other: int) -> list[int]:
    """Columns that two rows have in common, those with the largest products first."""
    entries = (slice(*matrix.indptr[row : row + 2]) for row in (item, other))
    columns = ((matrix.indices[own].tolist(), matrix.data[own].tolist()) for own in entries)
    near, far = (dict(zip(*own, strict=True)) for own in columns)
    return sorted(near.keys() & far.keys(), key=lambda place: (-near[place] * far[place], place))


def _also_liked(titles: Sequence[str], similarity: np.ndarray) -> str:
    order = np.argsort(-similarity, kind="stable")[:_MOVIES_NAMED]
    near = [titles[place] for place in order if similarity[place] > 0]
    return f"People who liked {' or '.join(near)} also liked it" if near else ""


def _director(library: Library, item: int, known: np.ndarray, titles: Sequence[str]) -> str:
    """Of the movie, and the first of others (m,) with the same director."""
    director, name = library.content.director[item], library.directors[item]
    if not director:
        return ""
    same = np.flatnonzero(known == director)
    if not name:
        return f"Shares the director with {titles[same[0]]}" if len(same) else ""
    like = f", like {titles[same[0]]}" if len(same) else ""
    return f"Directed by {name}{like}"


def _actors(
    library: Library, item: int, known: np.ndarray, titles: Sequence[str], shared: np.ndarray
) -> str:
    """Actors in common with the known movie that has most of them; others than named by number."""
    if not shared.any():
        return ""
    place = int(np.argmax(shared))
    both = sorted(_common(library.content.actors, item, int(known[place])))
    actors = [library.actors[column] for column in both]
    named = [actor for actor in actors if not actor.startswith(ID_MARK)][:_ACTORS_NAMED]
    if more := len(actors) - len(named):
        named.append(f"{more} {'other ' * bool(named)}actor{'s' * (more > 1)}")
    return f"Shares {_and(named)} with {titles[place]}"


def _and(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def _shared(
    library: Library, item: int, known: np.ndarray, titles: Sequence[str], similarity: np.ndarray
) -> str:
    """Tags and genres in common with that known movie which is most similar by both."""
    if not len(known):
        return ""
    place = int(np.argmax(similarity))
    other = int(known[place])
    strongest = _common(library.content.tags, item, other)[:_TAGS_NAMED]
    common = [str(library.blocks["tags"]["terms"][column]) for column in strongest]
    common += [genre for genre in library.genres[item] if genre in library.genres[other]]
    return f"Shares {_and(common)} with {titles[place]}" if common else ""


def _ratings(library: Library, item: int) -> str:
    count = int(library.count[item])
    if not count:
        return "No ratings yet"
    if library.implicit:
        return f"{count:,} user{'s' * (count > 1)}"
    return f"{count:,} rating{'s' * (count > 1)}, mean {library.mean[item]:.2f}"
