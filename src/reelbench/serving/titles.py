"""Look up the movie that a typed title means."""

import re
from collections import defaultdict
from collections.abc import Container, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from rapidfuzz import fuzz, process

from reelbench.columns import AKA, TITLE, YEAR
from reelbench.data.clean.enrich import normalised
from reelbench.data.clean.titles import parse_title

CUTOFF = 0.5  # lowest similarity at which a title is taken for another, as published
_TYPED = 72.0  # similarity in percent from which a title completes what was typed
# what stands for a number as the last word
_ROMAN, _WORDS = map(
    str.split,
    (
        "ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi xvii xviii xix xx",
        "two three four five six seven eight nine ten eleven twelve thirteen",
    ),
)
_DIGITS = {word: str(n) for words in (_ROMAN, _WORDS) for n, word in enumerate(words, start=2)}


@dataclass(frozen=True)
class Found:
    """A movie whose title is close to what was typed; similarity from 0 to 1."""

    item_idx: int
    title: str
    similarity: float


class TitleLookup:
    """The titles of a catalogue, alternative titles included, prepared for comparison."""

    def __init__(self, items: pd.DataFrame, ratings: np.ndarray | None = None) -> None:
        """Prepare a table of items: `title`, `year`, maybe `aka`, lists; row number = `item_idx`.

        Equally similar movies are ordered by their number of ratings (n_items,), or by default stay
        in the order of the catalogue.
        """
        self._title = list(items[TITLE])
        others: Iterable[Iterable[str] | None] = items[AKA] if AKA in items else [()] * len(items)
        self._item: list[int] = []
        self._key: list[str] = []
        self._name: list[str] = []
        self._places: dict[str, list[int]] = defaultdict(list)  # of a name without case, and a key
        for row, (title, aka) in enumerate(zip(self._title, others, strict=True)):
            names = [str(name) for name in (title, *(() if aka is None else aka))]
            self._name += names
            self._item += [row] * len(names)
            self._key += [normalised(name) for name in names]
        for place, (name, key) in enumerate(zip(self._name, self._key, strict=True)):
            for same in {name.casefold(), _in_digits(key)} - {""}:
                self._places[same].append(place)
        self._ratings = np.zeros(len(items), dtype=np.int64) if ratings is None else ratings
        self._year = [None if pd.isna(year) else int(year) for year in items[YEAR]]

    def find(self, text: str, cutoff: float = CUTOFF) -> Found | None:
        """The movie whose title is most similar to the text; None if none reaches the cut-off.

        Similarity is 2 · (letters in common, in order) / (letters of both titles), ignoring case,
        accents and punctuation, with the article in front. Of equally similar movies one of the
        year named in the text comes first, then the one whose title is typed exactly, or but for
        case, then one with more ratings, then the catalogue's order. A title with another number is
        another title: "Rocky 3" is "Rocky III", and neither "Rocky V" nor "Rocky".

        Raises:
            ValueError: the cut-off is not in 0 … 1.
        """
        if not 0 <= cutoff <= 1:
            raise ValueError(f"cutoff must be between 0 and 1, got {cutoff}")
        asked = parse_title(text)
        key, least = normalised(asked.title), 100 * cutoff
        near = process.extract(key, self._key, scorer=fuzz.ratio, score_cutoff=least, limit=None)
        scores = {place: score for _, score, place in near if key and self._fits(key, place)}
        for same in (asked.title.casefold(), _in_digits(key)):
            scores |= dict.fromkeys(self._places.get(same, ()), 100.0)
        ranked = []
        for place, score in scores.items():
            item, name, year = self._item[place], self._name[place], self._year[self._item[place]]
            other = asked.year is not None and year != asked.year
            changed = name != asked.title, name.casefold() != asked.title.casefold()
            typed = sum((*changed, self._key[place] != key))
            ranked.append((-score, other, typed, year != asked.year, -self._ratings[item], item))
        if not ranked:
            return None
        negative, *_, item = min(ranked)
        return Found(item, self._title[item], -negative / 100)

    def _fits(self, key: str, place: int) -> bool:
        """Whether two titles do not differ in a number; the movie's year may follow."""
        known, year = self._key[place], str(self._year[self._item[place]])
        ends = [word for word in (key.split()[-1], *known.split()[-1:]) if word in _WORDS]
        asked, numbers = (re.findall(r"\b\d+", _in_digits(k, _ROMAN)) for k in (key, known))
        return len(set(ends)) < 2 and asked in (numbers, [*numbers, year])

    def complete(self, text: str, k: int) -> list[Found]:
        """The k movies whose titles may be meant by what has been typed so far.

        Titles in which a word begins with the text come first, by number of ratings, then those
        with typing errors, the most similar first.
        """
        key = normalised(text)
        if not key:
            return []
        begins = f" {key}"
        best = {self._item[p]: 1.0 for p, name in enumerate(self._key) if begins in f" {name}"}
        if len(best) < k:
            near = process.extract(
                key, self._key, scorer=fuzz.partial_ratio, score_cutoff=_TYPED, limit=10 * k
            )
            for name, score, place in near:
                if len(name) >= len(key) - 1:
                    best.setdefault(self._item[place], score / 101)
        order = sorted(best, key=lambda item: (-best[item], -self._ratings[item], item))[:k]
        return [Found(item, self._title[item], best[item]) for item in order]

    def nearest(self, text: str, k: int) -> list[Found]:
        """The k most similar movies, to suggest after a miss; parts of longer titles count 0.9."""
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


def _in_digits(key: str, words: Container[str] = _DIGITS) -> str:
    """A normalised title whose last word of several, if it stands for a number, is that number."""
    rest, _, last = key.rpartition(" ")
    return f"{rest} {_DIGITS[last]}" if rest and last in words else key
