"""Why a movie is in a list: facts of the catalogue and of train that speak for it.

They are true whichever model answers, and do not claim to be how it came to its score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reelbench.columns import GENRES
from reelbench.features.matrices import sparse_of
from reelbench.serving.library import Library

# movies or tags named in one reason
_NAMED = 2
_TAGS_NAMED = 3


@dataclass(frozen=True)
class Anchors:
    """Movies that the one who asked has spoken of.

    Attributes:
        items: movies (m,) that were rated high, liked or asked for.
        ratings: their ratings (m,), NaN for what is liked without a rating; None for a movie that
            was asked for, which is "it".
    """

    items: np.ndarray
    ratings: np.ndarray | None

    @classmethod
    def of_ratings(cls, items: np.ndarray, ratings: np.ndarray) -> Anchors:
        """Those that have at least the user's mean rating, highest first."""
        high = np.flatnonzero(ratings >= ratings.mean()) if len(ratings) else np.array([], int)
        order = high[np.argsort(-ratings[high], kind="stable")]
        return cls(items[order], ratings[order])

    def told(self, library: Library, place: int) -> str:
        """One of them in words."""
        if self.ratings is None:
            return "it"
        rating = self.ratings[place]
        more = () if np.isnan(rating) else (f"rated {rating:g}",)
        return library.told(int(self.items[place]), *more)


def reasons(library: Library, items: np.ndarray, anchors: Anchors) -> list[tuple[str, ...]]:
    """Per movie: who else likes it, the director, tags, genres, number and mean of its ratings."""
    found = []
    alike = library.liked_alike.between(items, anchors.items)
    for row, item in enumerate(items.tolist()):
        told = [
            _liked_by_the_same(library, anchors, alike[row]),
            _director(library, item, anchors),
            _shared(library, item, anchors),
            _ratings(library, item),
        ]
        found.append(tuple(text for text in told if text))
    return found


def _liked_by_the_same(library: Library, anchors: Anchors, alike: np.ndarray) -> str:
    near = [place for place in np.argsort(-alike, kind="stable")[:_NAMED] if alike[place] > 0]
    named = " and ".join(anchors.told(library, place) for place in near)
    return f"liked by those who like {named}" if named else ""


def _director(library: Library, item: int, anchors: Anchors) -> str:
    director = library.content.director
    if not director[item]:
        return ""
    name = library.blocks["directors"]["names"][director[item]]
    same = np.flatnonzero(director[anchors.items] == director[item])
    return f"by {name}" + (f", like {anchors.told(library, int(same[0]))}" if len(same) else "")


def _shared(library: Library, item: int, anchors: Anchors) -> str:
    """Tags and genres in common with the movie that is most like it by both."""
    if not len(anchors.items):
        return ""
    lists = library.content
    likeness = lists.genres[anchors.items] @ lists.genres[[item]].T
    likeness = likeness + lists.tags[anchors.items] @ lists.tags[[item]].T
    place = int(np.argmax(likeness.toarray()[:, 0]))
    other = int(anchors.items[place])
    common = [*_tags(library, item, other), *_genres(library, item, other)]
    return f"{', '.join(common)}, like {anchors.told(library, place)}" if common else ""


def _tags(library: Library, item: int, other: int) -> list[str]:
    matrix = library.content.tags
    if not matrix.shape[1] or sparse_of(library.blocks["tags"]) is None:
        return []
    both = matrix[[item]].multiply(matrix[[other]]).tocsr()
    order = np.argsort(-both.data, kind="stable")[:_TAGS_NAMED]
    return [str(library.blocks["tags"]["terms"][column]) for column in both.indices[order]]


def _genres(library: Library, item: int, other: int) -> list[str]:
    lists = library.items[GENRES]
    return [genre for genre in lists.iloc[item] if genre in set(lists.iloc[other])]


def _ratings(library: Library, item: int) -> str:
    count = int(library.count[item])
    if not count:
        return "no rating yet"
    return f"{count:,} rating{'s' * (count > 1)}, mean {library.mean[item]:.2f}"
