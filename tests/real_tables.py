"""Canonical tables of real data sets, for tests; skipped with a reason where files are absent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from places import CONF, shared

from reelbench.columns import RATING, YEAR
from reelbench.data import schema
from reelbench.data.clean.enrich import EnrichConfig, enrich
from reelbench.data.clean.tables import canonical
from reelbench.data.engine import DuckDB, DuckDBConfig
from reelbench.data.interactions import Interactions
from reelbench.data.readers import ReadConfig, read
from reelbench.features.block import Block, BlockEntry, Catalogue, Ids

Tables = dict[str, pd.DataFrame]


def tables_of(name: str, folder: Path) -> Tables:
    """Interactions, items, users and tags of the files in a folder."""
    section = yaml.safe_load((CONF / "data" / f"{name}.yaml").read_text(encoding="utf-8"))
    config = ReadConfig(**section["read"])
    engine = DuckDB(DuckDBConfig(name="duckdb", threads=1, memory_limit="1GB"))
    found = canonical(read(folder, config, engine), config, engine).tables
    return {table: schema.to_pandas(rows) for table, rows in found.items()}


def tmdb() -> Tables:
    return tables_of("tmdb-5000", shared("tmdb-5000/tmdb_5000_movies.csv").parent)


def with_directors(items: pd.DataFrame) -> pd.DataFrame:
    file = shared("imdb_top_1000.csv")
    path = CONF / "enrich" / "imdb-directors.yaml"
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    config["list"]["path"] = str(file)
    return enrich(items, EnrichConfig(**config).list).items


def blocks_of(tables: Tables, *names: str) -> tuple[dict[str, Block], Catalogue]:
    """Feature blocks over all rows: lists for a title know no split."""
    rows, items = tables["interactions"], tables["items"].astype({YEAR: "Int16"})
    train = Interactions.from_arrays(rows["user_idx"], rows["item_idx"], rows[RATING])
    sizes = Ids(len(tables["users"]), len(items), 0.0, 10.0)
    catalogue = Catalogue(sizes, items, tables["users"], tables["tags"], train)
    blocks: dict[str, Any] = {}
    for name in names:
        section = yaml.safe_load((CONF / "features" / f"{name}.yaml").read_text(encoding="utf-8"))
        entry = BlockEntry(**section[name])
        blocks[name] = entry.create(name, seed=0, threads=1).build(catalogue)
    return blocks, catalogue
