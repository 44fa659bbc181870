"""Tables as text, Parquet, Excel, JSON or in memory, with anybody's names of columns.

Only ratings are required. Without a table of items the movies are those of the ratings, and their
titles are their ids.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import ibis
import pandas as pd
import pyarrow as pa

from reelbench import columns as col
from reelbench.data import DataError
from reelbench.data.columnar import Columnar, open_table
from reelbench.data.engine import Engine
from reelbench.data.opening import opened
from reelbench.data.readers import (
    RawFrame,
    RawRows,
    RawTables,
    ReadConfig,
    TableConfig,
    no_genres,
    split_genres,
    years,
)
from reelbench.data.text import IMPLICIT, RESERVED, TextFile, places_of

# of a knowledge graph; a column of the user's may have these names
_ENTITY, _RELATION, _VALUE = "entity", "relation", "value"
_REQUIRED = {
    "ratings": (col.USER_ID, col.ITEM_ID),
    "items": (col.ITEM_ID,),
    "users": (col.USER_ID,),
    "tags": (col.USER_ID, col.ITEM_ID, col.TAG),
    "pairs": (col.USER_ID, col.ITEM_ID),
    "links": (col.ITEM_ID, _ENTITY),
    "facts": (_ENTITY, _RELATION, _VALUE),
}
_FLAG = "flag of "  # before a genre, for a column on its way


@dataclass(frozen=True)
class OwnTable:
    """A table of the user's."""

    content: Path | pa.Table
    config: TableConfig
    name: str  # what messages call a table in memory
    whole: bool = False  # whether columns with our names are ours, though `columns` lacks them


def read(folder: Path, config: ReadConfig, engine: Engine) -> RawTables:
    """Read the files that `config.tables`, or one of `config.also`, names.

    A DataError if no file of ratings is named, or a file is missing or lacks a column.
    """
    if config.tables is None:
        raise DataError("data.read.tables is missing: it names the files and their columns")
    if config.tables.ratings.file is None:
        raise DataError("data.read.tables.ratings.file is null: a file of ratings is needed")
    sets = [{n: t for n, t in tables if t} for tables in (config.tables, *config.also)]
    there = [{n: t for n, t in s.items() if t.file and (folder / t.file).exists()} for s in sets]
    most = max(range(len(sets)), key=lambda n: len(there[n]))
    named = {name: t for name, t in sets[most].items() if t.file and not t.optional} | there[most]
    tables = {name: OwnTable(folder / t.file, t, name) for name, t in named.items()}
    links = sets[most].get("links")
    if links and links.file and "links" not in tables:  # that of the publisher comes first
        own = Path(__file__).with_name(links.file)
        tables |= {"links": OwnTable(own, links, "links")} if own.is_file() else {}
    return read_tables(tables, config, engine)


def read_tables(tables: Mapping[str, OwnTable], config: ReadConfig, engine: Engine) -> RawTables:
    """Read `ratings` and, where they exist, `items`, `users` and `tags`; DataErrors as `read`."""
    found = {name: (_open(name, t, config, engine), t.config) for name, t in tables.items()}
    large = {n: _rows(n, *found[n], config, engine) for n in ("ratings", "tags") if n in found}
    small = {n: _frame(n, *found[n], config) for n in ("items", "users") if n in found}
    ratings = large["ratings"]
    items = small["items"] if "items" in small else _items_of(ratings, engine)
    if {"links", "facts"} <= found.keys():
        links, (facts, own) = found["links"][0].frame(), found["facts"]
        _add_facts(items.frame, links, facts.frame(), own.relations)
    return RawTables(ratings, items, small.get("users"), large.get("tags"))


def read_pairs(
    path: Path, columns: Mapping[str, str | int | None], delimiter: str, engine: Engine
) -> ibis.Table:
    """The strings `user_id` and `item_id` of a file; a DataError if it cannot be read."""
    config = ReadConfig.model_construct(delimiter=delimiter)
    own = TableConfig(file=path.name, columns=dict(columns))
    source = _open("pairs", OwnTable(path, own, path.name), config, engine)
    return _rows("pairs", source, own, config, engine).table


def _open(name: str, table: OwnTable, config: ReadConfig, engine: Engine) -> TextFile | Columnar:
    """The table with the places of our columns; a DataError if one is missing."""
    path, own = Path(table.name), table.config
    header = config.header if own.header is None else own.header
    content = table.content
    if isinstance(content, Path):
        path, content = content, opened(content, engine.scratch("opened").parent, header=header)
    layout = {
        "delimiter": own.delimiter or config.delimiter,
        "quote": config.quote if own.quote is None else own.quote,
        "encoding": own.encoding or config.encoding,
    }
    source = open_table(path, content, header=header, **layout)
    given = {ours: theirs for ours, theirs in own.columns.items() if theirs is not None}
    needed = list(_REQUIRED[name])
    if name == "ratings" and own.columns.get(col.RATING, col.RATING) is not None:
        needed.append(col.RATING)
    if null := [ours for ours in needed if own.columns.get(ours, ours) is None]:
        raise DataError(f"{path}: read.tables.{name}.columns.{null[0]} is null, but it is needed")
    if table.whole:
        same = {theirs: theirs for theirs in source.names if theirs in RESERVED}
        given = {ours: theirs for ours, theirs in given.items() if theirs in source.names}
        given = {**{o: t for o, t in same.items() if o not in own.columns}, **given}
    flags = {f"{_FLAG}{genre}": theirs for genre, theirs in own.genre_flags.items()}
    given = {**{ours: ours for ours in needed}, **given, **flags}
    return replace(source, places=places_of(source, given, needed if table.whole else given))


def _rows(
    name: str, source: TextFile | Columnar, own: TableConfig, config: ReadConfig, engine: Engine
) -> RawRows:
    known = (*_REQUIRED[name], *((col.RATING,) if name == "ratings" else ()), col.TIMESTAMP)
    source = replace(source, places={c: source.places[c] for c in known if c in source.places})
    time_format = own.time_format
    if isinstance(source, TextFile):
        rows = engine.text(source)
    else:
        rows = engine.columnar(source)
        time_format = "seconds" if source.has_times else time_format
    if name == "ratings" and col.RATING not in source.places:
        rows = rows.mutate(**{col.RATING: ibis.literal(IMPLICIT)})
    if config.strip_ids:
        ids = (col.USER_ID, col.ITEM_ID)
        rows = rows.mutate(**{c: rows[c].strip().nullif("") for c in ids})
    return RawRows(rows, source, own.decimal, time_format)


def _frame(
    name: str, source: TextFile | Columnar, own: TableConfig, config: ReadConfig
) -> RawFrame:
    frame, key = source.frame(), _REQUIRED[name][0]
    if config.strip_ids:
        frame[key] = frame[key].str.strip().replace("", None)
    return RawFrame(_movies(frame, own, config) if name == "items" else frame, source, own.decimal)


def _movies(items: pd.DataFrame, own: TableConfig, config: ReadConfig) -> pd.DataFrame:
    if col.TITLE_RAW not in items:
        items[col.TITLE_RAW] = pd.Series(None, index=items.index, dtype="str")
    if own.title_year and col.YEAR in items:
        bracket = " (" + items[col.YEAR] + ")"
        bracket = bracket.where(~items[col.TITLE_RAW].isin(list(config.respell)), "").fillna("")
        items[col.TITLE_RAW] = items[col.TITLE_RAW] + bracket
        items[col.YEAR] = years(items[col.YEAR])  # else its column has more than years
    if own.genre_flags:
        columns = {genre: items.pop(f"{_FLAG}{genre}") for genre in own.genre_flags}
        flags = pd.DataFrame(columns).isin(["1", "1.0", "true", "True"]).to_dict("records")
        lists = [[genre for genre, on in row.items() if on] for row in flags]
        items[col.GENRES] = pd.Series(lists, items.index, dtype=object)
    if col.GENRES in items:
        genres = split_genres(items[col.GENRES], config)
        items[col.GENRES] = pd.Series(genres, items.index, dtype=object)
    else:
        items[col.GENRES] = no_genres(items.index)
    return items


def _add_facts(
    items: pd.DataFrame, links: pd.DataFrame, facts: pd.DataFrame, relations: Mapping[str, str]
) -> None:
    """Add columns of lists: ids of what a movie is related to, in the order of the graph."""
    linked = links.drop_duplicates(col.ITEM_ID).set_index(col.ITEM_ID)[_ENTITY]
    entity = items[col.ITEM_ID].map(linked)
    for name, relation in relations.items():
        own = facts[(facts[_RELATION] == relation) & facts[_VALUE].notna()].drop_duplicates()
        known = entity.map((col.ID_MARK + own[_VALUE]).groupby(own[_ENTITY]).agg(list))
        items[name] = known.where(known.notna(), None)


def _items_of(ratings: RawRows, engine: Engine) -> RawFrame:
    """Movies of the ratings, sorted by id, with the id for a title."""
    ids = ratings.table.select(col.ITEM_ID).filter(ratings.table[col.ITEM_ID].notnull()).distinct()
    found = sorted(engine.arrow(ids)[col.ITEM_ID].to_pylist(), key=lambda i: (len(i), i))
    items = pd.DataFrame({col.ITEM_ID: found, col.TITLE_RAW: found}, dtype="str")
    items[col.GENRES] = no_genres(items.index)
    return RawFrame(items, ratings.file)
