"""Schemas of the canonical tables, checked before they are written."""

from __future__ import annotations

from collections.abc import Mapping

import ibis
import ibis.expr.datatypes as dt
import numpy as np
import pandas as pd
import pandera.ibis as pai
import pandera.pandas as pa
import pyarrow
from pandera.errors import SchemaErrors

from reelbench.columns import (
    AGE,
    AKA,
    BUDGET,
    CAST,
    COMPANIES,
    GENRES,
    ITEM_ID,
    ITEM_IDX,
    KEYWORDS,
    POPULARITY,
    RATING,
    REVENUE,
    RUNTIME,
    TAG,
    TIMESTAMP,
    TITLE,
    TITLE_RAW,
    USER_ID,
    USER_IDX,
    VOTE_COUNT,
    YEAR,
)
from reelbench.data import DataError
from reelbench.data.engine import Engine
from reelbench.data.parquet import Stored

_STRINGS = pyarrow.list_(pyarrow.string())
_ARROW = {
    USER_IDX: pyarrow.int32(),
    ITEM_IDX: pyarrow.int32(),
    RATING: pyarrow.float32(),
    TIMESTAMP: pyarrow.int64(),
    AKA: _STRINGS,
    GENRES: _STRINGS,
    KEYWORDS: _STRINGS,
    CAST: _STRINGS,
    COMPANIES: _STRINGS,
    RUNTIME: pyarrow.float32(),
    BUDGET: pyarrow.int64(),
    REVENUE: pyarrow.int64(),
    POPULARITY: pyarrow.float32(),
    VOTE_COUNT: pyarrow.int64(),
    YEAR: pyarrow.int16(),
    AGE: pyarrow.int16(),
}


def _index_of_rows(name: str) -> pa.Column:
    """Dense index: the number of the row."""
    dense = pa.Check(lambda s: s == range(len(s)), name="is the number of the row")
    return pa.Column("int32", dense, name=name)


def _index(name: str) -> pa.Column:
    return pa.Column("int32", pa.Check.ge(0), name=name)


def _strings(values: object) -> bool:
    return isinstance(values, list | np.ndarray) and all(isinstance(v, str) and v for v in values)


def _list_of_strings(name: str) -> pa.Column:
    check = pa.Check(_strings, element_wise=True, name="is a list of strings")
    return pa.Column(object, check, name=name)


def _id(name: str) -> pa.Column:
    return pa.Column("str", pa.Check.str_length(min_value=1), unique=True, name=name)


def _schema(
    name: str, columns: list[pa.Column], *, closed: bool = False, unique: list[str] | None = None
) -> pa.DataFrameSchema:
    """A schema; a closed one allows no other columns and no other order."""
    by_name = {column.name: column for column in columns}
    return pa.DataFrameSchema(by_name, name=name, strict=closed, ordered=closed, unique=unique)


_TIME = pa.Column("Int64", nullable=True, name=TIMESTAMP)

SCHEMAS = {
    "interactions": _schema(
        "interactions",
        [
            _index(USER_IDX),
            _index(ITEM_IDX),
            pa.Column("float32", pa.Check(lambda s: s.abs() < float("inf")), name=RATING),
            _TIME,
        ],
        closed=True,
        unique=[USER_IDX, ITEM_IDX],
    ),
    "items": _schema(
        "items",
        [
            _index_of_rows(ITEM_IDX),
            _id(ITEM_ID),
            pa.Column("str", name=TITLE),
            pa.Column("str", name=TITLE_RAW),
            _list_of_strings(AKA),
            pa.Column("Int16", pa.Check.in_range(1800, 2100), nullable=True, name=YEAR),
            _list_of_strings(GENRES),
        ],
    ),
    "users": _schema(
        "users",
        [
            _index_of_rows(USER_IDX),
            _id(USER_ID),
            pa.Column("Int16", pa.Check.in_range(0, 130), nullable=True, required=False, name=AGE),
        ],
    ),
    "tags": _schema(
        "tags",
        [
            _index(USER_IDX),
            _index(ITEM_IDX),
            pa.Column("str", pa.Check.str_length(min_value=1), name=TAG),
            _TIME,
        ],
        closed=True,
    ),
}


_IDX = {name: pai.Column(dt.int32, pai.Check.ge(0)) for name in (USER_IDX, ITEM_IDX)}
_SECONDS = {TIMESTAMP: pai.Column(dt.int64, nullable=True)}
_FINITE = pai.Check.in_range(-1e30, 1e30)  # false for NaN and infinity
_LARGE = {
    "interactions": pai.DataFrameSchema(
        {**_IDX, RATING: pai.Column(dt.float32, _FINITE), **_SECONDS}, strict=True, ordered=True
    ),
    "tags": pai.DataFrameSchema(
        {**_IDX, TAG: pai.Column(dt.string, pai.Check.str_length(min_value=1)), **_SECONDS},
        strict=True,
        ordered=True,
    ),
}


def validate_all(tables: Mapping[str, pyarrow.Table | Stored], engine: Engine) -> None:
    """Check canonical tables by name; see `validate`."""
    for name, table in tables.items():
        validate(name, table, engine)


def validate(name: str, table: pyarrow.Table | Stored, engine: Engine) -> None:
    """Check one canonical table.

    A stored one is checked by the engine: pandera's checks become queries. Only one that fails them
    goes to pandas, to find the place.

    Raises:
        DataError: with the table, row (from 1) and column of the first violation, and their number.
    """
    # of no rows every check is null, which counts as a failure
    if not isinstance(table, Stored) or not len(table):
        validate_frame(name, to_pandas(table.read() if isinstance(table, Stored) else table))
        return
    rows = engine.parquet(table.file)
    try:
        _LARGE[name].validate(rows, lazy=True)
        fine = name != "interactions" or _pairs_differ(rows, len(table), engine)
    except SchemaErrors:
        fine = False
    if not fine:
        validate_frame(name, to_pandas(table.read()))
        raise DataError(f"table {name} fails a check that pandas cannot explain")


def _pairs_differ(rows: ibis.Table, n: int, engine: Engine) -> bool:
    """Whether no user rates a movie twice; a pair of int32 fits into one int64."""
    found = 0
    for block in engine.blocks(rows, rows):
        pair = block[USER_IDX].cast("int64") * 2**31 + block[ITEM_IDX].cast("int64")
        found += engine.number(pair.nunique())
    return found == n


def validate_frame(name: str, frame: pd.DataFrame) -> None:
    """Check one canonical table in pandas.

    Args:
        name: interactions, items, users or tags.
        frame: timestamps as Int64 and years as Int16 (see `to_pandas`).

    Raises:
        DataError: with the table, row (from 1) and column of the first violation, and their number.
    """
    try:
        SCHEMAS[name].validate(frame, lazy=True)
    except SchemaErrors as error:
        raise DataError(_explain(name, error.failure_cases)) from error


def to_arrow(frame: pd.DataFrame) -> pyarrow.Table:
    """A canonical table with the types of its columns; unknown columns are strings."""
    fields = [pyarrow.field(name, _ARROW.get(name, pyarrow.string())) for name in frame.columns]
    schema = pyarrow.schema(fields)
    return pyarrow.Table.from_pandas(frame, schema, preserve_index=False).replace_schema_metadata()


def to_pandas(table: pyarrow.Table) -> pd.DataFrame:
    """The frame that `validate_frame` expects: nullable integers stay integers."""
    nullable = {pyarrow.int64(): pd.Int64Dtype(), pyarrow.int16(): pd.Int16Dtype()}
    frame: pd.DataFrame = table.to_pandas(types_mapper=nullable.get)
    return frame


def _explain(name: str, failures: pd.DataFrame) -> str:
    first = failures.iloc[0]
    row = "" if pd.isna(first["index"]) else f", row {int(first['index']) + 1}"
    column = first["column"] if first["schema_context"] == "Column" else None
    where = f"table {name}{row}" + (f", column {column}" if column else "")
    return (
        f"{where}: '{first['failure_case']}' fails '{first['check']}' "
        f"({len(failures)} violations in all)"
    )
