"""A title as somebody types it → the movie that is meant, or none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from rapidfuzz import fuzz, process

from reelbench.columns import AKA, TITLE, YEAR
from reelbench.data.clean.enrich import normalised
from reelbench.data.clean.titles import parse_title

#: what somebody is told whose title is like none
NO_MOVIE = "no movie found"
#: similarity from which two titles are taken for the same, as published
CUTOFF = 0.5


@dataclass(frozen=True)
class Found:
    """The movie that is most like what was typed; similarity 0 to 1."""

    item_idx: int
    title: str
    similarity: float


class TitleLookup:
    """All titles of a catalogue, other titles too, made ready to be compared."""

    def __init__(self, items: pd.DataFrame, ratings: np.ndarray | None = None) -> None:
        """Take the table of items, whose row numbers are `item_idx`.

        Args:
            ratings: number of ratings (n_items,): of equally similar movies of the asked year, or
                none of it, the one with more comes first. None: the first of the catalogue does.
        """
        others: Iterable[object] = items[AKA] if AKA in items else [()] * len(items)
        rows = enumerate(zip(items[TITLE], others, strict=True))
        named = [(row, name) for row, (title, aka) in rows for name in (title, *_names(aka))]
        self._title = list(items[TITLE])
        self._item = [row for row, _ in named]
        self._key = [normalised(name) for _, name in named]
        self._ratings = np.zeros(len(items), dtype=np.int64) if ratings is None else ratings
        self._year = [None if pd.isna(year) else int(year) for year in items[YEAR]]

    def find(self, text: str, cutoff: float = CUTOFF) -> Found | None:
        """The movie whose title is most like the text, None if none reaches the cut-off.

        Similarity is 2 · (letters in common, in their order) / (letters of both), of titles without
        case, accents, punctuation, and with the article in front. Of equally similar ones a movie
        of the year that the text names comes first, then the one that is first in the catalogue.

        Raises:
            ValueError: the cut-off is not in 0 … 1.
        """
        if not 0 <= cutoff <= 1:
            raise ValueError(f"cutoff must be between 0 and 1, got {cutoff}")
        asked = parse_title(text)
        key = normalised(asked.title)
        if not key:
            return None
        near = process.extract(
            key, self._key, scorer=fuzz.ratio, score_cutoff=100 * cutoff, limit=None
        )
        ranked = [
            (-score, self._year[item] != asked.year, -self._ratings[item], item)
            for score, item in ((score, self._item[place]) for _, score, place in near)
        ]
        if not ranked:
            return None
        negative, *_, item = min(ranked)
        return Found(item, self._title[item], -negative / 100)

    def nearest(self, text: str, k: int) -> list[Found]:
        """The k movies that may have been meant, most alike first: what a miss suggests.

        Beside the similarity of `find` that to a part of a longer title counts, nine tenths of it.
        """
        key = normalised(parse_title(text).title)
        best: dict[int, float] = {}
        for scorer, weight, shortest in ((fuzz.ratio, 1.0, 0), (fuzz.partial_ratio, 0.9, len(key))):
            for name, score, place in process.extract(key, self._key, scorer=scorer, limit=None):
                item = self._item[place]
                counted = weight * score if len(name) >= shortest else 0.0
                best[item] = max(counted, best.get(item, 0.0))
        order = sorted(best, key=lambda item: (-best[item], -self._ratings[item], item))
        near = [item for item in order if best[item] > 0][:k]
        return [Found(item, self._title[item], best[item] / 100) for item in near]


def _names(aka: object) -> list[str]:
    return [] if aka is None else [str(name) for name in aka]  # type: ignore[attr-defined]
