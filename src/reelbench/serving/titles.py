"""Look up the movie that a typed title means."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from rapidfuzz import fuzz, process

from reelbench.columns import AKA, TITLE, YEAR
from reelbench.data.clean.enrich import normalised
from reelbench.data.clean.titles import parse_title

#: lowest similarity at which a title is taken for another, as published
CUTOFF = 0.5


@dataclass(frozen=True)
class Found:
    """A movie whose title is close to what was typed; similarity from 0 to 1."""

    item_idx: int
    title: str
    similarity: float


class TitleLookup:
    """The titles of a catalogue, alternative titles included, prepared for comparison.

    >>> items = pd.DataFrame({"title": ["Heat", "Alien", "Aliens"], "year": [1995, 1979, 1986]})
    >>> lookup = TitleLookup(items)
    >>> lookup.find("alein")
    Found(item_idx=1, title='Alien', similarity=0.8)
    >>> lookup.find("zzzz") is None
    True
    >>> [found.title for found in lookup.nearest("alien", 2)]
    ['Alien', 'Aliens']
    """

    def __init__(self, items: pd.DataFrame, ratings: np.ndarray | None = None) -> None:
        """Prepare a table of items whose row numbers are `item_idx`.

        Args:
            items: columns `title`, `year` and, optionally, `aka` (lists of alternative titles).
            ratings: number of ratings (n_items,), by which equally similar movies are ordered.
                By default they stay in the order of the catalogue.
        """
        self._title = list(items[TITLE])
        others: Iterable[Iterable[str] | None] = items[AKA] if AKA in items else [()] * len(items)
        self._item: list[int] = []
        self._key: list[str] = []
        for row, (title, aka) in enumerate(zip(self._title, others, strict=True)):
            names = [title, *(() if aka is None else aka)]
            self._item += [row] * len(names)
            self._key += [normalised(str(name)) for name in names]
        self._ratings = np.zeros(len(items), dtype=np.int64) if ratings is None else ratings
        self._year = [None if pd.isna(year) else int(year) for year in items[YEAR]]

    def find(self, text: str, cutoff: float = CUTOFF) -> Found | None:
        """The movie whose title is most similar to the text; None if none reaches the cut-off.

        Similarity is 2 · (letters in common, in order) / (letters of both titles), ignoring case,
        accents and punctuation, with the article in front. Of equally similar movies one of the
        year named in the text comes first, then one with more ratings, then the catalogue's order.

        Raises:
            ValueError: the cut-off is not in 0 … 1.
        """
        if not 0 <= cutoff <= 1:
            raise ValueError(f"cutoff must be between 0 and 1, got {cutoff}")
        asked = parse_title(text)
        key = normalised(asked.title)
        if not key:
            return None
        least = 100 * cutoff
        near = process.extract(key, self._key, scorer=fuzz.ratio, score_cutoff=least, limit=None)
        ranked = [
            (-score, self._year[item] != asked.year, -self._ratings[item], item)
            for score, item in ((score, self._item[place]) for _, score, place in near)
        ]
        if not ranked:
            return None
        negative, *_, item = min(ranked)
        return Found(item, self._title[item], -negative / 100)

    def nearest(self, text: str, k: int) -> list[Found]:
        """The k most similar movies, to suggest after a miss.

        The similarity to a part of a longer title counts too, at nine tenths.
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
