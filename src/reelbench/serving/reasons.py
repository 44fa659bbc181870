"""Why a movie is in a list: facts of the catalogue and of train that speak for it.

They hold for every model and do not claim to explain its score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reelbench.columns import GENRES
from reelbench.serving.library import Library

# movies, or tags, that one reason names at most
_MOVIES_NAMED = 2
_TAGS_NAMED = 3


@dataclass(frozen=True)
class Anchors:
    """The movies of a request, which reasons refer to."""

    #: `item_idx` (m,) of movies that the user rated high or likes, or that were asked for
    items: np.ndarray
    ratings: np.ndarray  # their ratings (m,), NaN where there is none

    @classmethod
    def none(cls) -> Anchors:
        """Of a request that names no movie."""
        return cls.liked(np.array([], dtype=np.int64))

    @classmethod
    def liked(cls, items: np.ndarray) -> Anchors:
        """Movies without ratings."""
        return cls(items, np.full(len(items), np.nan))

    @classmethod
    def rated(cls, items: np.ndarray, ratings: np.ndarray) -> Anchors:
        """Of rated movies those with at least the user's mean rating, the highest first."""
        high = np.flatnonzero(ratings >= ratings.mean()) if len(ratings) else np.array([], int)
        order = high[np.argsort(-ratings[high], kind="stable")]
        return cls(items[order], ratings[order])

    def title(self, library: Library, place: int) -> str:
        """Title, year and rating of the movie at a place."""
        rating = self.ratings[place]
        details = () if np.isnan(rating) else (f"rated {rating:g}",)
        return library.title(int(self.items[place]), *details)


def reasons(library: Library, items: np.ndarray, anchors: Anchors) -> list[tuple[str, ...]]:
    """Sentences per movie: who also likes it, its director, shared tags and genres, its ratings.

    Args:
        items: `item_idx` (n,).
    """
    together = library.liked_together.between(items, anchors.items)
    found = []
    for row, item in enumerate(items.tolist()):
        sentences = [
            _also_liked(library, anchors, together[row]),
            _director(library, item, anchors),
            _shared(library, item, anchors),
            _ratings(library, item),
        ]
        found.append(tuple(filter(None, sentences)))
    return found


def _also_liked(library: Library, anchors: Anchors, similarity: np.ndarray) -> str:
    order = np.argsort(-similarity, kind="stable")[:_MOVIES_NAMED]
    near = [anchors.title(library, place) for place in order if similarity[place] > 0]
    return f"People who liked {' or '.join(near)} also liked it" if near else ""


def _director(library: Library, item: int, anchors: Anchors) -> str:
    director = library.content.director
    if not director[item]:
        return ""
    name = library.blocks["directors"]["names"][director[item]]
    same = np.flatnonzero(director[anchors.items] == director[item])
    like = f", like {anchors.title(library, int(same[0]))}" if len(same) else ""
    return f"Directed by {name}{like}"


def _shared(library: Library, item: int, anchors: Anchors) -> str:
    """Tags and genres in common with that anchor which is most similar by both."""
    if not len(anchors.items):
        return ""
    similarity = sum(
        matrix[anchors.items] @ matrix[[item]].T
        for matrix in (library.content.genres, library.content.tags)
    )
    place = int(np.argmax(similarity.toarray()[:, 0]))
    other = int(anchors.items[place])
    common = [*_common_tags(library, item, other), *_common_genres(library, item, other)]
    return f"Shares {_list(common)} with {anchors.title(library, place)}" if common else ""


def _common_tags(library: Library, item: int, other: int) -> list[str]:
    matrix = library.content.tags
    if not matrix.nnz:
        return []
    both = matrix[[item]].multiply(matrix[[other]]).tocsr()
    order = np.argsort(-both.data, kind="stable")[:_TAGS_NAMED]
    return [str(library.blocks["tags"]["terms"][column]) for column in both.indices[order]]


def _common_genres(library: Library, item: int, other: int) -> list[str]:
    genres = library.items[GENRES]
    return [genre for genre in genres.iloc[item] if genre in set(genres.iloc[other])]


def _ratings(library: Library, item: int) -> str:
    count = int(library.count[item])
    if not count:
        return "No ratings yet"
    return f"{count:,} rating{'s' * (count > 1)}, mean {library.mean[item]:.2f}"


def _list(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
