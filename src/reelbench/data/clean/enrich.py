"""Directors and overviews from a list of movies, joined by normalised title and year.

A movie matches an entry with the same title (or other title) and year. Entries without an exact
match may match a similar title, above a cutoff; such matches are reported. No row is added or
merged: two movies with the same title and year both get the entry.
"""

import logging
import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import Field, NonNegativeInt
from rapidfuzz import fuzz

from reelbench.columns import AKA, DIRECTOR, ITEM_ID, OVERVIEW, SCORE, TITLE, TITLE_RAW, YEAR
from reelbench.data import DataError, schema
from reelbench.data.clean.tables import Canonical
from reelbench.data.clean.titles import parse_title
from reelbench.data.text import open_text, rename
from reelbench.params import Section
from reelbench.paths import in_checkout

_LOG = logging.getLogger(__name__)

COLUMNS = (DIRECTOR, OVERVIEW)


class ListConfig(Section):
    """A CSV file with titles, years, and the columns to join."""

    path: str | None
    columns: dict[str, str]  # our name of a column → its name in the file
    cutoff: Annotated[float, Field(ge=0, le=100)]  # smallest similarity of a match, 0 to 100
    year_tolerance: NonNegativeInt  # largest difference in years of a similar title


class EnrichConfig(Section):
    """Section `enrich`."""

    name: str
    list: ListConfig | None


@dataclass(frozen=True)
class Entry:
    """A row of the list; `key` is its normalised title."""

    key: str
    title: str
    year: int
    values: tuple[str | None, ...]


@dataclass(frozen=True)
class Enriched:
    """Items with `director` and `overview`, counts of matches, and the fuzzy matches."""

    items: pd.DataFrame
    counts: dict[str, Any]
    fuzzy: pd.DataFrame


def enriched(full: Canonical, config: EnrichConfig) -> tuple[Canonical, pd.DataFrame]:
    """The tables with directors and overviews, and the list of fuzzy matches.

    Args:
        full: canonical tables.
        config: its list is None for nothing to add; then the list of matches is empty.

    Raises:
        DataError: the file is missing, or lacks a column.
    """
    if config.list is None:
        return full, pd.DataFrame()
    found = enrich(schema.to_pandas(full.small["items"]), config.list)
    _LOG.info("%s: %s", config.name, found.counts)
    items = {**full.counts["items"], config.name: found.counts}
    small = {**full.small, "items": schema.to_arrow(found.items)}
    return replace(full, small=small, counts={**full.counts, "items": items}), found.fuzzy


def enrich(items: pd.DataFrame, config: ListConfig) -> Enriched:
    """Join the list to the canonical items; existing values stay.

    Raises:
        DataError: the file is missing, or lacks a column.
    """
    rows, entries = _read(config)
    matched = _exact(items, entries)
    used = {id(entry) for entry in matched.values()}
    fuzzy = _fuzzy(items, [e for e in entries if id(e) not in used], set(matched), config)
    matched |= {place: entry for place, (entry, _) in fuzzy.items()}
    joined = items.copy()
    for i, column in enumerate(COLUMNS):
        found = [matched[p].values[i] if p in matched else None for p in range(len(items))]
        own = joined[column] if column in joined else pd.Series(None, joined.index, dtype="str")
        joined[column] = own.where(own.notna(), pd.Series(found, joined.index, dtype="str"))
    counts = {
        "list_rows": rows,
        "list_rows_usable": len(entries),
        "list_rows_matched": len({id(entry) for entry in matched.values()}),
        "items_exact": len(matched) - len(fuzzy),
        "items_fuzzy": len(fuzzy),
        "items_unmatched": len(items) - len(matched),
        "match_rate": round(len(matched) / len(items), 6) if len(items) else 0.0,
    }
    listed = [
        {
            ITEM_ID: items[ITEM_ID].iloc[place],
            TITLE: items[TITLE].iloc[place],
            YEAR: int(items[YEAR].iloc[place]),
            "list_title": entry.title,
            "list_year": entry.year,
            SCORE: round(score, 2),
        }
        for place, (entry, score) in sorted(fuzzy.items())
    ]
    return Enriched(joined, counts, pd.DataFrame(listed))


def normalised(title: str) -> str:
    """Lower case, without accents and punctuation, "and" for "&"; its words in their order."""
    plain = unicodedata.normalize("NFKD", title.replace("&", " and ")).casefold()
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return " ".join(re.findall(r"\w+", plain.replace("'", "").replace("\u2019", "")))


def _read(config: ListConfig) -> tuple[int, list[Entry]]:
    """Number of rows, and the entries whose title and year are unique."""
    if config.path is None:
        raise DataError("enrich: name the file with the list: enrich.list.path=FILE")
    path = in_checkout(Path(config.path))
    file = rename(open_text(path), config.columns, [TITLE_RAW, YEAR, *COLUMNS])
    frame = file.frame()
    found: dict[tuple[str, int], list[Entry]] = defaultdict(list)
    for raw, year, *values in zip(*(frame[c] for c in (TITLE_RAW, YEAR, *COLUMNS)), strict=True):
        title = parse_title(raw if isinstance(raw, str) else "").title
        key = normalised(title)
        if key and isinstance(year, str) and re.fullmatch(r"\d{4}", year):
            known = tuple(value if isinstance(value, str) else None for value in values)
            found[key, int(year)].append(Entry(key, title, int(year), known))
    # two rows with the same title and year are ambiguous: neither is used
    return len(frame), [same[0] for same in found.values() if len(same) == 1]


def _names(items: pd.DataFrame) -> list[tuple[list[str], int | None]]:
    """Normalised titles, the main one first, and year of every item."""
    rows = zip(items[TITLE], items[AKA], items[YEAR], strict=True)
    return [
        ([normalised(t) for t in (title, *aka)], None if pd.isna(year) else int(year))
        for title, aka, year in rows
    ]


def _exact(items: pd.DataFrame, entries: list[Entry]) -> dict[int, Entry]:
    by_name = {(entry.key, entry.year): entry for entry in entries}
    matched: dict[int, Entry] = {}
    for place, (names, year) in enumerate(_names(items)):
        for name in names:
            if year is not None and (name, year) in by_name:
                matched.setdefault(place, by_name[name, year])
    return matched


def _fuzzy(
    items: pd.DataFrame, entries: list[Entry], done: set[int], config: ListConfig
) -> dict[int, tuple[Entry, float]]:
    """The most similar entry of about the same year; each entry matches one item only."""
    by_year: dict[int, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_year[entry.year].append(entry)
    pairs = []
    for place, (names, year) in enumerate(_names(items)):
        if place in done or year is None:
            continue
        for near in range(year - config.year_tolerance, year + config.year_tolerance + 1):
            for entry in by_year[near]:
                score = max(fuzz.ratio(name, entry.key) for name in names)
                if score >= config.cutoff:
                    pairs.append((-score, abs(near - year), place, entry.key, entry))
    best: dict[int, tuple[Entry, float]] = {}
    taken: set[int] = set()
    for negative, _, place, _, entry in sorted(pairs, key=lambda pair: pair[:4]):
        if place not in best and id(entry) not in taken:
            best[place] = (entry, -negative)
            taken.add(id(entry))
    return best
