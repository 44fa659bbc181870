"""What a list of movies knows (people, texts, genres), joined by normalised title and year.

A movie matches an entry with the same title (or other title) and year. Entries without an exact
match may match a similar title, above a cutoff; such matches are reported. No row is added or
merged: two movies with the same title and year both get the entry. What the data set has itself
stays, but for people of whom it has an id alone (`columns.ID_MARK`): they get the list's names.
"""

import logging
import re
import tempfile
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field, NonNegativeInt
from rapidfuzz import fuzz

from reelbench.columns import AKA, CAST, DIRECTOR, ID_MARK, ITEM_ID, SCORE, TITLE, TITLE_RAW, YEAR
from reelbench.data import DataError, schema
from reelbench.data.clean.items import LISTS, NUMBERS
from reelbench.data.clean.tables import Canonical
from reelbench.data.clean.titles import parse_title
from reelbench.data.columnar import open_table
from reelbench.data.opening import opened
from reelbench.data.readers import ReadConfig, split_genres, years
from reelbench.data.text import places_of
from reelbench.params import Section
from reelbench.paths import in_checkout

_LOG = logging.getLogger(__name__)

_PEOPLE = (DIRECTOR, CAST)


class ListConfig(Section):
    """A file with titles, years, and the columns to join: text, Parquet, Excel or JSON."""

    path: str | None
    #: our name of a column → its name in the file, or the names of several that are put together.
    #: A year may be a date, or be in the title; null for a column that the file does not have
    columns: dict[str, str | tuple[str, ...] | None]
    separator: str = ","  # of names in a text that is no JSON list
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
    values: tuple[Any, ...]  # of the columns to join, in their order; None where missing


@dataclass(frozen=True)
class Enriched:
    """Items with the columns of the list, counts of matches, and the fuzzy matches."""

    items: pd.DataFrame
    counts: dict[str, Any]
    fuzzy: pd.DataFrame


def enriched(full: Canonical, config: EnrichConfig) -> tuple[Canonical, pd.DataFrame]:
    """Canonical tables with what the list, if there is one, adds; and the fuzzy matches.

    A file that is missing or lacks a column is a DataError.
    """
    if config.list is None:
        return full, pd.DataFrame()
    found = enrich(schema.to_pandas(full.small["items"]), config.list)
    _LOG.info("%s: %s", config.name, found.counts)
    items = {**full.counts["items"], config.name: found.counts}
    small = {**full.small, "items": schema.to_arrow(found.items)}
    return replace(full, small=small, counts={**full.counts, "items": items}), found.fuzzy


def enrich(items: pd.DataFrame, config: ListConfig) -> Enriched:
    """Join the list to the canonical items; existing values stay. Errors as for `enriched`."""
    rows, entries, columns = _read(config)
    matched = _exact(items, entries)
    used = {id(entry) for entry in matched.values()}
    fuzzy = _fuzzy(items, [e for e in entries if id(e) not in used], set(matched), config)
    matched |= {place: entry for place, (entry, _) in fuzzy.items()}
    kinds = {name: kind for name, (kind, *_) in NUMBERS[ITEM_ID].items()}
    kinds |= dict.fromkeys(LISTS[ITEM_ID], object)
    joined, filled = items.copy(), {}
    for i, column in enumerate(columns):
        listed = [matched[p].values[i] if p in matched else None for p in range(len(items))]
        before = [*items[column]] if column in items else [None] * len(items)
        if column in _PEOPLE:
            people = _with_names([_people(own) for own in before], [_people(n) for n in listed])
            before = [_in_form(own, column) for own in people]
        values = [own if _known(own) else new for own, new in zip(before, listed, strict=True)]
        if column in LISTS[ITEM_ID]:
            values = [v if _known(v) else [] for v in values]
        kind = items[column].dtype if column in items else kinds.get(column, "str")
        joined[column] = pd.Series(values, joined.index, dtype=kind)
        pairs = zip([*items[column]] if column in items else before, values, strict=True)
        filled[column] = sum(not _known(old) and _known(new) for old, new in pairs)
    counts = {
        "list_rows": rows,
        "list_rows_usable": len(entries),
        "list_rows_matched": len({id(entry) for entry in matched.values()}),
        "items_exact": len(matched) - len(fuzzy),
        "items_fuzzy": len(fuzzy),
        "items_unmatched": len(items) - len(matched),
        "filled": filled,
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


def _read(config: ListConfig) -> tuple[int, list[Entry], list[str]]:
    """Number of rows, the entries whose title and year are unique, and the columns to join."""
    if config.path is None:
        raise DataError("enrich: name the file with the list: enrich.list.path=FILE")
    given = {TITLE_RAW: TITLE_RAW, YEAR: YEAR, **config.columns}
    names = {c: (n,) if isinstance(n, str) else n for c, n in given.items() if n is not None}
    if TITLE_RAW not in names:
        raise DataError("enrich.list.columns.title_raw is null, but the title is needed")
    frame = _frame(in_checkout(Path(config.path)), names)
    columns = [column for column in names if column not in (TITLE_RAW, YEAR)]
    found: dict[tuple[str, int], list[Entry]] = defaultdict(list)
    values = [_values(frame, c, names[c], config) for c in columns]
    own = years(frame[f"{YEAR} 0"].astype("str")) if YEAR in names else [None] * len(frame)
    for raw, known, *joined in zip(frame[f"{TITLE_RAW} 0"], own, *values, strict=True):
        title = parse_title(raw if isinstance(raw, str) else "")
        key, year = normalised(title.title), known if YEAR in names else title.year
        if key and not pd.isna(year):
            found[key, int(year)].append(Entry(key, title.title, int(year), tuple(joined)))
    # two rows with the same title and year are ambiguous: neither is used
    return len(frame), [same[0] for same in found.values() if len(same) == 1], columns


def _frame(path: Path, names: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """The columns of the file as `OURS NUMBER`; lists of text where there are lists, else text."""
    with tempfile.TemporaryDirectory(prefix="reelbench-") as scratch:
        if not path.exists():
            raise DataError(f"{path} is missing")
        source = open_table(path, opened(path, Path(scratch)))
        theirs = {f"{ours} {n}": name for ours, own in names.items() for n, name in enumerate(own)}
        found = replace(source, places=places_of(source, theirs, theirs)).frame()
        return found.reset_index(drop=True)


def _values(
    frame: pd.DataFrame, column: str, names: Sequence[str], config: ListConfig
) -> list[Any]:
    """A column of ours: lists of names, numbers, or text; None where missing."""
    parts = [frame[f"{column} {number}"] for number in range(len(names))]
    if column in (*LISTS[ITEM_ID], *_PEOPLE):
        read = ReadConfig.model_construct(genre_separator=config.separator, no_genre="")
        lists = zip(*(split_genres(part, read) for part in parts), strict=True)
        found = [list(dict.fromkeys(name for own in row for name in own)) for row in lists]
        return [_in_form(own, column) for own in found]
    texts = [" ".join(v for v in row if isinstance(v, str)) for row in zip(*parts, strict=True)]
    if column not in NUMBERS[ITEM_ID]:
        return [text or None for text in texts]
    digits = (re.search(r"\d+(?:\.\d+)?", text.replace(",", "")) for text in texts)
    return [float(number[0]) if number else None for number in digits]


def _known(value: Any) -> bool:
    return len(value) > 0 if isinstance(value, list | np.ndarray | str) else not pd.isna(value)


def _people(value: Any) -> list[str]:
    if not _known(value):
        return []
    return [v.strip() for v in value.split(",")] if isinstance(value, str) else list(value)


def _in_form(people: list[str], column: str) -> Any:
    """People as the column has them: the directors are a text."""
    return people if column != DIRECTOR else ", ".join(people) or None


def _with_names(own: list[list[str]], listed: list[list[str]]) -> list[list[str]]:
    """People with names for ids, wherever they are: a name's id is the one in all of its movies.

    An id stays where none or several fit, so that nobody is in a movie twice.
    """
    ids = [[person for person in people if person.startswith(ID_MARK)] for people in own]
    candidates: dict[str, set[str]] = {}
    for names, have in zip(listed, ids, strict=True):
        for name in names if have else ():
            candidates[name] = candidates.get(name, {*have}) & {*have}
    single = {name: next(iter(found)) for name, found in candidates.items() if len(found) == 1}
    claims = Counter(single.values())
    name_of = {person: name for name, person in single.items() if claims[person] == 1}
    return [[name_of.get(person, person) for person in people] for people in own]


def _names(items: pd.DataFrame) -> list[tuple[list[str], int | None]]:
    """Normalised titles, the main one first, and year of every item."""
    return [
        ([normalised(t) for t in (title, *aka)], None if pd.isna(year) else int(year))
        for title, aka, year in zip(items[TITLE], items[AKA], items[YEAR], strict=True)
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
