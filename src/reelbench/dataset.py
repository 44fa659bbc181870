"""Data sets and their parts in Python: the stages download, clean, split and featurize in memory.

>>> import pandas as pd
>>> ratings = pd.DataFrame(
...     {"user_id": [1, 1, 1, 2, 2, 2], "item_id": [7, 8, 9, 7, 8, 9],
...      "rating": [5, 3, 4, 4, 2, 5], "timestamp": [10, 20, 30, 10, 20, 30]}
... )
>>> movies = pd.DataFrame({"item_id": [7, 8, 9], "title": ["Heat (1995)", "Alien (1979)", "Up"]})
>>> data = load_dataset(ratings=ratings, movies=movies)
>>> data
<Dataset own: 6 ratings (2-5) of 3 movies by 2 users>
>>> data.movies[["item_id", "title", "year"]].values.tolist()
[['7', 'Heat', 1995], ['8', 'Alien', 1979], ['9', 'Up', <NA>]]
>>> parts = split(data, "leave_one_out")
>>> len(parts.train), len(parts.valid), len(parts.test)
(2, 2, 2)
>>> parts.features("years")["years"]["known"].ravel().tolist()
[1.0, 1.0, 0.0]
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from platformdirs import user_cache_path

from reelbench import params, paths
from reelbench.columns import SOURCE_ROW, TITLE, TITLE_RAW
from reelbench.data import DataError, readers, schema
from reelbench.data.clean.ratings import observed_scale
from reelbench.data.clean.tables import canonical
from reelbench.data.engine import DuckDB, DuckDBConfig, Engine
from reelbench.data.fetch import DataSection, data_set, fetch
from reelbench.data.interactions import Ids, Interactions, Parts
from reelbench.data.opening import as_text
from reelbench.data.readers import RawTables, ReadConfig, TableConfig
from reelbench.data.readers.table import OwnTable, read_tables
from reelbench.features.block import Block, BlockEntry, Catalogue, Features
from reelbench.params import preset, validate
from reelbench.seeds import seed_for
from reelbench.splits import Protocol, SplitSummary, protocol_of, split_tables

Source = pd.DataFrame | str | Path


@dataclass(frozen=True)
class Dataset:
    """Ratings and their catalogue, validated, with dense indices of users and movies."""

    name: str  # of the registered data set, or "own"
    ids: Ids  # sizes of the catalogue and the rating scale
    tables: dict[str, pa.Table] = field(repr=False)  # interactions, items, users and tags
    counts: dict[str, Any] = field(repr=False)  # rows read, dropped and written, per table
    source_row: np.ndarray = field(repr=False)  # int64 (n,), row of each rating, from 0

    def __repr__(self) -> str:
        ids, n = self.ids, len(self)
        scale = f"{ids.rating_min:g}-{ids.rating_max:g}"
        sizes = f"{ids.n_items:,} movies by {ids.n_users:,} users"
        return f"<Dataset {self.name}: {n:,} ratings ({scale}) of {sizes}>"

    def __len__(self) -> int:
        """Number of ratings."""
        return len(self.tables["interactions"])

    @property
    def ratings(self) -> pd.DataFrame:
        """`user_idx`, `item_idx`, `rating`, `timestamp` (Unix seconds), by user and time."""
        return schema.to_pandas(self.tables["interactions"])

    @property
    def movies(self) -> pd.DataFrame:
        """A row per `item_idx`: `item_id`, `title`, `year`, `genres`, and others of the source."""
        return schema.to_pandas(self.tables["items"])

    @property
    def users(self) -> pd.DataFrame:
        """A row per `user_idx`: `user_id`, and others of the source."""
        return schema.to_pandas(self.tables["users"])

    @property
    def tags(self) -> pd.DataFrame:
        """`user_idx`, `item_idx`, `tag` and `timestamp`; no rows for data without tags."""
        return schema.to_pandas(self.tables["tags"])


@dataclass(frozen=True)
class DatasetParts(Parts):
    """Train, valid and test of a data set, with the catalogue that feature blocks are made of."""

    #: metadata, train, and the tags known before valid and test
    catalogue: Catalogue = field(kw_only=True, repr=False)
    seed: int = field(kw_only=True)  # root seed of blocks that draw
    #: sizes of the parts, cold users and items, and the leak that the protocol leaves
    summary: SplitSummary = field(kw_only=True, repr=False)
    _blocks: dict[str, Block] = field(default_factory=dict, init=False, repr=False)

    def features(self, *names: str, threads: int = 1) -> Features:
        """Feature blocks for `fit`, each built when it is first asked for.

        Args:
            names: such as "genres", "years" or "tags", with the parameters of conf/features/; an
                unknown one is a ParamsError.
            threads: number of threads of blocks that compute texts.
        """
        for name in names:
            if name not in self._blocks:
                entry = BlockEntry.model_validate(_group("features", name)[name])
                seed = seed_for(self.seed, "features", name)
                block = entry.create(name, seed=seed, threads=threads)
                self._blocks[name] = block.build(self.catalogue)
        return Features(self.catalogue.ids, {name: self._blocks[name] for name in names})


def load_dataset(
    name: str | None = None,
    *,
    ratings: Source | None = None,
    movies: Source | None = None,
    users: Source | None = None,
    tags: Source | None = None,
    columns: Mapping[str, str | int | None] | None = None,
    rating_scale: tuple[float, float] | None = None,
    root: str | Path | None = None,
    cache: str | Path | None = None,
    **options: str,
) -> Dataset:
    """Load a registered data set, or ratings of your own.

    Args:
        name: registered data set, such as "ml-100k" (`reelbench data list`). It is fetched once and
            kept in `cache`.
        ratings: your own ratings instead: a data frame, or a delimited text or Parquet file, with
            the columns `user_id`, `item_id`, `rating` and optionally `timestamp` (Unix seconds or
            an ISO date).
        movies: `item_id`, `title` and optionally `genres`, `year` and others; without it the movies
            are those of the ratings.
        users: `user_id` and optionally `age`, `gender`, `occupation`, `zip_code`.
        tags: `user_id`, `item_id`, `tag` and optionally `timestamp`.
        columns: our name of a column → its name in your tables, where they differ; None for none,
            so that without ratings every row is a click.
        rating_scale: smallest and largest possible rating; by default those of `ratings`.
        root: folder or archive with the files of a registered data set, instead of a download.
        cache: folder for downloads; by default that of the environment variable REELBENCH_CACHE, or
            `reelbench` in the user's cache folder.
        options: how to read delimited text, where it differs from conf/data/csv.yaml: `delimiter`,
            `quote`, `encoding`, `decimal`, `time_format`, `genre_separator`, `no_genre` and
            `on_bad_rows`.

    Raises:
        ParamsError: unknown data set.
        DataError: the data cannot be fetched, read or used; see the message for the place.
        TypeError: neither or both of `name` and `ratings` are given.
    """
    if (name is None) == (ratings is None):
        raise TypeError("load_dataset needs either the name of a data set or `ratings`")
    with _engine() as (engine, folder):
        if name is not None:
            data = data_set(name)
            config = ReadConfig.model_validate(data.read)
            raw = readers.read(_files(data, root, cache, folder), config, engine)
        else:
            given = {"ratings": ratings, "items": movies, "users": users, "tags": tags}
            raw, config = _own(given, columns or {}, rating_scale, options, engine)
        clean = canonical(raw, config, engine)
        schema.validate(clean.large | clean.small, engine)
        tables, rows = clean.tables, clean.source_row
    sizes = (len(tables["users"]), len(tables["items"]))
    ids = Ids(*sizes, float(config.rating_min), float(config.rating_max))
    return Dataset(name or "own", ids, tables, clean.counts, rows)


def split(
    data: Dataset, protocol: str = "temporal_user", *, seed: int = 42, **options: object
) -> DatasetParts:
    """Divide a data set into train, valid and test.

    Args:
        data: from `load_dataset`.
        protocol: "temporal_user", "temporal_global", "prequential", "leave_one_out", "random",
            "random_by_user", "random_by_item", "kfold", "held_out_users", "cold_items", "tail" or
            "predefined" (docs/protocols.md).
        seed: root seed of draws, and of features that draw.
        options: parameters of the protocol, such as `test=0.2`; by default those of conf/split/.

    Raises:
        ParamsError: unknown protocol or option, or a wrong value.
        DataError: the protocol needs timestamps that are missing, or leaves train or test empty.
    """
    section = {**_group("split", protocol), **options}
    source = Path("conf") / "split" / f"{protocol}.yaml"
    config: Protocol = validate("split", section, protocol_of(section), source)
    ratings = data.tables["interactions"].append_column(SOURCE_ROW, pa.array(data.source_row))
    with _engine() as (engine, _):
        tables = {**data.tables, "interactions": ratings}
        views = {name: engine.table(table) for name, table in tables.items()}
        result = split_tables(config, views, engine, seed)
        parts = {n: Interactions.from_table(p.read(), data.ids) for n, p in result.parts.items()}
        tags = result.tags.read()
    catalogue = Catalogue.of(data.ids, tables["items"], tables["users"], tags, parts["train"])
    return DatasetParts(
        **parts,
        moments=result.summary.get("moments"),
        items=catalogue.items,
        catalogue=catalogue,
        seed=seed,
        summary=result.summary,
    )


def _group(group: str, name: str) -> Mapping[str, Any]:
    """A preset of the current project if it has one of this name, else of the package."""
    local = paths.CONF / group / f"{name}.yaml"
    return preset(group, name, paths.CONF) if local.is_file() else preset(group, name)


@contextmanager
def _engine() -> Iterator[tuple[Engine, Path]]:
    """An engine and a folder for its temporary files, both gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="reelbench-") as folder:
        settings = {**_group("engine", "duckdb"), "threads": os.cpu_count() or 1}
        yield DuckDB(DuckDBConfig.model_validate(settings), Path(folder)), Path(folder)


def _files(
    data: DataSection, root: str | Path | None, cache: str | Path | None, scratch: Path
) -> Path:
    """Folder with the files of a registered data set, fetched if they are not in the cache."""
    if root is not None:
        fetch(data.model_copy(update={"root": str(root)}), scratch / "raw")
        return scratch / "raw"
    place = Path(cache or os.environ.get("REELBENCH_CACHE") or user_cache_path("reelbench"))
    # other sources are other files
    key = hashlib.sha256(data.source.model_dump_json().encode()).hexdigest()[:12]
    target = place / data.name / key
    if not target.is_dir():
        fetch(data, target, place)
    return target


def _own(
    given: Mapping[str, Source | None],
    columns: Mapping[str, str | int | None],
    rating_scale: tuple[float, float] | None,
    options: Mapping[str, str],
    engine: Engine,
) -> tuple[RawTables, ReadConfig]:
    """The user's own tables, and how to validate them."""
    read = data_set("csv", params.PRESETS).read
    config = ReadConfig.model_validate({**read, **options, "tables": None})
    own = {}
    for name, source in given.items():
        if source is None:
            continue
        names: dict[str, str | int | None] = dict(columns)
        if name == "items":
            names[TITLE_RAW] = columns.get(TITLE_RAW) or columns.get(TITLE, TITLE)
        content = _rows_of(name, source) if isinstance(source, pd.DataFrame) else Path(source)
        own[name] = OwnTable(content, TableConfig(file=name, columns=names), name, whole=True)
    raw = read_tables(own, config, engine)
    low, high = rating_scale or observed_scale(raw.interactions, config, engine)
    return raw, config.model_copy(update={"rating_min": low, "rating_max": high})


def _rows_of(name: str, frame: pd.DataFrame) -> pa.Table:
    """A data frame as a table; a column of values of several types as text."""
    if frame.columns.nlevels > 1:
        raise DataError(f"{name}: columns have several levels: flatten them")
    columns = []
    for place in range(frame.shape[1]):
        values = frame.iloc[:, place]
        try:
            columns.append(pa.array(values, from_pandas=True))
        except (pa.ArrowException, TypeError, OverflowError):
            texts = [None if v is None or v is pd.NA else as_text(v) for v in values]
            columns.append(pa.array(texts, pa.string()))
    return pa.table(columns, names=[str(column) for column in frame.columns])
