"""Why a movie is in a list: facts of the catalogue and of train that speak for it.

They hold for every model and do not claim to explain its score.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import sparse

from reelbench.columns import CAST, ID_MARK
from reelbench.serving.library import Library

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


def reasons(library: Library, items: np.ndarray, anchors: Anchors) -> list[tuple[str, ...]]:
    """Sentences per movie (n,): who also likes it, director, actors, tags and genres, ratings.

    A person of whom only an id is known is counted, not named.
    """
    known = np.array(list(anchors), dtype=np.int64)
    titles = [
        library.title(item, *([] if np.isnan(rating) else [f"rated {rating:g}"]))
        for item, rating in anchors.items()
    ]
    together = library.liked_together.between(items, known)
    content = library.content
    actors = _products(items, known, content.actors)
    shared = _products(items, known, content.genres, content.tags)
    found = []
    for row, item in enumerate(items.tolist()):
        sentences = [
            _also_liked(titles, together[row]),
            _director(library, item, known, titles),
            _actors(library, item, known, titles, actors[row]),
            _shared(library, item, known, titles, shared[row]),
            _ratings(library, item),
        ]
        found.append(tuple(filter(None, sentences)))
    return found


def _products(items: np.ndarray, known: np.ndarray, *matrices: sparse.csr_array) -> np.ndarray:
    """Of rows of movies (n,) with those of known ones (m,), summed over matrices: (n, m)."""
    found = np.zeros((len(items), len(known)))
    for matrix in matrices:
        if len(known) and matrix.nnz:
            found += (matrix[items] @ matrix[known].T).toarray()
    return found


def _common(matrix: sparse.csr_array, item: int, other: int) -> np.ndarray:
    """Columns that two rows have in common, those with the largest products first."""
    (a, x), (b, y) = (
        (matrix.indices[start:end], matrix.data[start:end])
        for start, end in (matrix.indptr[row : row + 2] for row in (item, other))
    )
    both, left, right = np.intersect1d(a, b, assume_unique=True, return_indices=True)
    return both[np.argsort(-(x[left] * y[right]), kind="stable")]


def _also_liked(titles: Sequence[str], similarity: np.ndarray) -> str:
    order = np.argsort(-similarity, kind="stable")[:_MOVIES_NAMED]
    near = [titles[place] for place in order if similarity[place] > 0]
    return f"People who liked {' or '.join(near)} also liked it" if near else ""


def _director(library: Library, item: int, known: np.ndarray, titles: Sequence[str]) -> str:
    director = library.content.director
    if not director[item]:
        return ""
    name = str(library.blocks["directors"]["names"][director[item]])
    same = np.flatnonzero(director[known] == director[item])
    if name.startswith(ID_MARK):
        return f"Shares the director with {titles[same[0]]}" if len(same) else ""
    like = f", like {titles[same[0]]}" if len(same) else ""
    return f"Directed by {name}{like}"


def _actors(
    library: Library, item: int, known: np.ndarray, titles: Sequence[str], shared: np.ndarray
) -> str:
    """Actors in common with the known movie that has most of them; others than named by number."""
    if not shared.any():
        return ""
    place, block = int(np.argmax(shared)), library.blocks[CAST]
    both = np.sort(_common(library.content.actors, item, int(known[place])))
    actors = block["terms"][block["roles"] == CAST][both].tolist()
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
