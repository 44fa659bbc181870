"""Schemas of the canonical tables, checked before they are written."""

from collections.abc import Mapping

import ibis
import numpy as np
import pandas as pd
import pandera.pandas as pa
import pyarrow
from pandera.errors import SchemaErrors

from reelbench import columns as col
from reelbench.data import DataError
from reelbench.data.engine import Engine
from reelbench.data.parquet import Stored

_STRINGS = pyarrow.list_(pyarrow.string())
_ARROW = {
    **dict.fromkeys((col.USER_IDX, col.ITEM_IDX), pyarrow.int32()),
    **dict.fromkeys((col.AKA, col.GENRES, col.KEYWORDS, col.CAST, col.COMPANIES), _STRINGS),
    **dict.fromkeys((col.RATING, col.RUNTIME, col.POPULARITY), pyarrow.float32()),
    **dict.fromkeys((col.TIMESTAMP, col.BUDGET, col.REVENUE, col.VOTE_COUNT), pyarrow.int64()),
    **dict.fromkeys((col.YEAR, col.AGE), pyarrow.int16()),
}


def _is_list(values: object) -> bool:
    return isinstance(values, list | np.ndarray) and all(isinstance(v, str) and v for v in values)


_FINITE = pa.Check(lambda s: s.abs() < float("inf"))
_FILLED = pa.Check.str_length(min_value=1)
_ROW = pa.Check(lambda s: s == range(len(s)), name="is the number of the row")
_LIST = pa.Check(_is_list, element_wise=True, name="is a list of strings")
_INTERACTIONS = {
    col.USER_IDX: pa.Column("int32", pa.Check.ge(0)),
    col.ITEM_IDX: pa.Column("int32", pa.Check.ge(0)),
    col.RATING: pa.Column("float32", _FINITE),
    col.TIMESTAMP: pa.Column("Int64", nullable=True),
}
_ITEMS = {
    col.ITEM_IDX: pa.Column("int32", _ROW),
    col.ITEM_ID: pa.Column("str", _FILLED, unique=True),
    col.TITLE: pa.Column("str"),
    col.TITLE_RAW: pa.Column("str"),
    col.AKA: pa.Column(object, _LIST),
    col.YEAR: pa.Column("Int16", pa.Check.in_range(1800, 2100), nullable=True),
    col.GENRES: pa.Column(object, _LIST),
}
_USERS = {
    col.USER_IDX: pa.Column("int32", _ROW),
    col.USER_ID: pa.Column("str", _FILLED, unique=True),
    col.AGE: pa.Column("Int16", pa.Check.in_range(0, 130), nullable=True, required=False),
}
_TAGS = {
    col.USER_IDX: pa.Column("int32", pa.Check.ge(0)),
    col.ITEM_IDX: pa.Column("int32", pa.Check.ge(0)),
    col.TAG: pa.Column("str", _FILLED),
    col.TIMESTAMP: pa.Column("Int64", nullable=True),
}
_PAIR = [col.USER_IDX, col.ITEM_IDX]
# a strict schema allows no other columns, an ordered one no other order
SCHEMAS = {
    "interactions": pa.DataFrameSchema(_INTERACTIONS, strict=True, ordered=True, unique=_PAIR),
    "items": pa.DataFrameSchema(_ITEMS),
    "users": pa.DataFrameSchema(_USERS),
    "tags": pa.DataFrameSchema(_TAGS, strict=True, ordered=True),
}


def validate(tables: Mapping[str, pyarrow.Table | Stored], engine: Engine) -> None:
    """Check canonical tables by name; a DataError has the first violation, and their number."""
    for name, table in tables.items():
        if not isinstance(table, Stored):
            validate_frame(name, to_pandas(table))
        elif not _passes(engine.parquet(table.file), name, len(table), engine):
            validate_frame(name, to_pandas(table.read()))
            raise DataError(f"table {name} fails a check that pandas cannot explain")


def _passes(rows: ibis.Table, name: str, n: int, engine: Engine) -> bool:
    """Whether the `n` ratings or tags are what their schema wants."""
    types = [(column, _ARROW.get(column, pyarrow.string())) for column in SCHEMAS[name].columns]
    if rows.schema().to_pyarrow() != pyarrow.schema(types):
        return False
    fine = (rows[col.USER_IDX] >= 0) & (rows[col.ITEM_IDX] >= 0)
    if name == "interactions":
        fine &= rows[col.RATING].abs() < 1e30  # false for NaN and infinity
    else:
        fine &= rows[col.TAG].length() >= 1
    if engine.number(fine.sum()) != n:  # a comparison with null is null
        return False
    if name != "interactions":
        return True
    n_pairs = 0  # no user rates a movie twice; a pair of int32 fits into one int64
    for block in engine.blocks(rows, rows):
        pair = block[col.USER_IDX].cast("int64") * 2**31 + block[col.ITEM_IDX].cast("int64")
        n_pairs += engine.number(pair.nunique())
    return n_pairs == n


def validate_frame(name: str, frame: pd.DataFrame) -> None:
    """Check a frame of `to_pandas`; a DataError has the place of the first violation."""
    try:
        SCHEMAS[name].validate(frame, lazy=True)
    except SchemaErrors as error:
        raise DataError(_explain(name, error.failure_cases)) from error


def to_arrow(frame: pd.DataFrame) -> pyarrow.Table:
    """A canonical table with the types of its columns; unknown columns and text are strings."""
    is_text = {name: isinstance(dtype, pd.StringDtype) for name, dtype in frame.dtypes.items()}
    types = {n: pyarrow.string() if text else _ARROW.get(n) for n, text in is_text.items()}
    schema = pyarrow.schema([(name, kind or pyarrow.string()) for name, kind in types.items()])
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
    wrong = f"'{first['failure_case']}' fails '{first['check']}'"
    return f"{where}: {wrong} ({len(failures)} violations in all)"
