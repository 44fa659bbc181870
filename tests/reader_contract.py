"""What every reader of a published format must do, as one class, on a small folder of files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pytest
import yaml

from reelbench.columns import GENRES, ITEM_ID, RATING, TAG, TIMESTAMP, TITLE_RAW, USER_ID, YEAR
from reelbench.data import DataError, schema
from reelbench.data.clean.tables import Canonical, canonical
from reelbench.data.engine import DuckDB, DuckDBConfig, Engine
from reelbench.data.readers import RawTables, ReadConfig, read

CONF = Path(__file__).parents[1] / "conf" / "data"
NOT_UTF8 = b"\xe9"  # an accented letter in Latin-1


class ReaderContract:
    """Inherit as `TestX`; name the configuration, the files and the number of their rows."""

    #: file of conf/data whose section `read` is used
    data: ClassVar[str]
    #: what differs from it
    changes: ClassVar[dict[str, Any]] = {}
    #: content by name of the file
    files: ClassVar[dict[str, str]]
    #: encodings that the format fixes for some files; every sequence of bytes is valid in them
    fixed_encoding: ClassVar[dict[str, str]] = {}
    #: files that a folder may lack
    optional: ClassVar[tuple[str, ...]] = ()
    #: rows of interactions, items, users and tags
    counts: ClassVar[tuple[int, int, int, int]]
    #: a line that is no row, by name of the file
    unreadable: ClassVar[dict[str, str]]

    @pytest.fixture(scope="class")
    def engine(self, tmp_path_factory: pytest.TempPathFactory) -> Engine:
        config = DuckDBConfig(name="duckdb", threads=1, memory_limit="1GB")
        return DuckDB(config, tmp_path_factory.mktemp("engine"))

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        for name, text in self.files.items():
            (tmp_path / name).write_bytes(text.encode(self.fixed_encoding.get(name, "utf-8")))
        return tmp_path

    def config(self) -> ReadConfig:
        values = yaml.safe_load((CONF / f"{self.data}.yaml").read_text(encoding="utf-8"))["read"]
        return ReadConfig(**{**values, **self.changes})

    def raw(self, folder: Path, engine: Engine) -> RawTables:
        return read(folder, self.config(), engine)

    def tables(self, folder: Path, engine: Engine) -> Canonical:
        return canonical(self.raw(folder, engine), self.config(), engine)

    def refused(self, folder: Path, engine: Engine) -> str:
        """Message of the error, for all that is read of the folder."""
        with pytest.raises(DataError) as error:
            self.tables(folder, engine)
        return str(error.value)

    def test_raw_tables_have_our_columns_and_types(self, folder: Path, engine: Engine) -> None:
        raw = self.raw(folder, engine)
        ratings, items = engine.arrow(raw.interactions.table), raw.items.frame
        assert {USER_ID, ITEM_ID, RATING} <= {*ratings.column_names}
        for name in {USER_ID, ITEM_ID, RATING, TIMESTAMP} & {*ratings.column_names}:
            assert str(ratings.schema.field(name).type) == "string", name
        for name in (ITEM_ID, TITLE_RAW):
            assert pd.api.types.is_string_dtype(items[name]), name
        assert all(isinstance(value, list) for value in items[GENRES])
        assert all(isinstance(genre, str) for value in items[GENRES] for genre in value)
        assert YEAR not in items or items[YEAR].dtype == "Int16"
        n_users = len(raw.users.frame) if raw.users else 0
        tags = engine.arrow(raw.tags.table) if raw.tags else None
        assert tags is None or {USER_ID, ITEM_ID, TAG, TIMESTAMP} <= {*tags.column_names}
        n_tags = 0 if tags is None else len(tags)
        assert (len(ratings), len(items), n_users, n_tags) == self.counts

    def test_canonical_tables_keep_their_schema(self, folder: Path, engine: Engine) -> None:
        found = self.tables(folder, engine)
        schema.validate(found.large | found.small, engine)
        tables = found.tables
        written = (len(tables["interactions"]), len(tables["items"]), len(tables["tags"]))
        assert written == (self.counts[0], self.counts[1], self.counts[3])

    def test_reading_twice_gives_equal_tables(self, folder: Path, engine: Engine) -> None:
        first, second = self.tables(folder, engine), self.tables(folder, engine)
        assert first.counts == second.counts
        for name, table in first.tables.items():
            assert table.equals(second.tables[name]), name

    def test_a_missing_file_is_named_or_left_out(self, folder: Path, engine: Engine) -> None:
        for name, text in self.files.items():
            (folder / name).unlink()
            if name in self.optional:
                assert self.tables(folder, engine).tables["interactions"].num_rows, name
            else:
                assert str(folder) in (message := self.refused(folder, engine)), message
                assert Path(name).suffix in message, message
            (folder / name).write_bytes(text.encode(self.fixed_encoding.get(name, "utf-8")))

    def test_an_unreadable_row_is_refused_with_its_line(self, folder: Path, engine: Engine) -> None:
        for name, row in self.unreadable.items():
            whole = (folder / name).read_bytes()
            (folder / name).write_bytes(whole + row.encode() + b"\n")
            line = whole.count(b"\n") + 1
            message = self.refused(folder, engine)
            assert re.search(rf"{re.escape(name)}, line {line}\b", message), message
            (folder / name).write_bytes(whole)

    def test_a_wrong_encoding_is_refused_with_its_line(self, folder: Path, engine: Engine) -> None:
        for name in {*self.files} - {*self.fixed_encoding}:
            whole = (folder / name).read_bytes()
            line = whole.count(b"\n")  # the last one gets a letter in Latin-1
            (folder / name).write_bytes(whole.removesuffix(b"\n") + NOT_UTF8 + b"\n")
            message = self.refused(folder, engine)
            assert re.search(rf"{re.escape(name)}\b.*line {line}\b", message), message
            (folder / name).write_bytes(whole)
