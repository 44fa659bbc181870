"""A title as somebody typed it → a movie of the library, or a sentence with the nearest ones."""

from __future__ import annotations

from reelbench.serving.answer import AskError
from reelbench.serving.library import Library

#: similarity of titles from which the nearest is taken: two typing errors in ten letters
CUTOFF = 0.8
_SUGGESTED = 5


def movie(library: Library, text: str) -> tuple[int, str]:
    """The movie that is meant, and a sentence if it is not called quite that.

    "The" may be left out, and so may the year.

    Raises:
        AskError: no title is alike enough; the message names the nearest.
    """
    tried = [library.titles.find(name, CUTOFF) for name in (text, f"The {text}")]
    found = max(filter(None, tried), key=lambda one: one.similarity, default=None)
    if found is None:
        near = [library.told(other.item_idx) for other in library.titles.nearest(text, _SUGGESTED)]
        hint = f"; the nearest are: {'; '.join(near)}" if near else ""
        raise AskError(f"no movie is called '{text}'{hint}")
    exact = found.similarity == 1
    return found.item_idx, "" if exact else f"'{text}' is taken for {library.told(found.item_idx)}."
