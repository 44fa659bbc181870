"""The promises of `schema.py` for tables of the size of the ratings, checked where the engine is.

pandera's checks become queries; only a table that fails them is taken to pandas, to say where.
"""

from __future__ import annotations

import ibis
import ibis.expr.datatypes as dt
import pandera.ibis as pa
import pyarrow
from pandera.errors import SchemaErrors

from reelbench.columns import ITEM_IDX, RATING, TAG, TIMESTAMP, USER_IDX
from reelbench.data import schema
from reelbench.data.engine import Engine
from reelbench.data.errors import DataError

_IDX = {name: pa.Column(dt.int32, pa.Check.ge(0)) for name in (USER_IDX, ITEM_IDX)}
_TIME = {TIMESTAMP: pa.Column(dt.int64, nullable=True)}
_FINITE = pa.Check.in_range(-1e30, 1e30)  # false for NaN and infinity
_SCHEMAS = {
    "interactions": pa.DataFrameSchema(
        {**_IDX, RATING: pa.Column(dt.float32, _FINITE), **_TIME}, strict=True, ordered=True
    ),
    "tags": pa.DataFrameSchema(
        {**_IDX, TAG: pa.Column(dt.string, pa.Check.str_length(min_value=1)), **_TIME},
        strict=True,
        ordered=True,
    ),
}
TABLES = tuple(_SCHEMAS)


def validate(name: str, table: pyarrow.Table, engine: Engine) -> None:
    """Check `interactions` or `tags`.

    Raises:
        DataError: with the table, row (from 1) and column of the first violation, and their number.
    """
    if not len(table):  # of no rows every check is null, which counts as a failure
        schema.validate(name, schema.to_pandas(table))
        return
    rows = engine.table(table)
    try:
        _SCHEMAS[name].validate(rows, lazy=True)
        fine = name != "interactions" or _pairs_differ(rows, len(table), engine)
    except SchemaErrors:
        fine = False
    if not fine:
        schema.validate(name, schema.to_pandas(table))
        raise DataError(f"table {name} fails a check that pandas cannot explain")


def _pairs_differ(rows: ibis.Table, n: int, engine: Engine) -> bool:
    """Whether no user rates a movie twice; a pair of int32 fits into one int64."""
    pair = rows[USER_IDX].cast("int64") * 2**31 + rows[ITEM_IDX].cast("int64")
    return engine.arrow(pair.nunique().name("n").as_table())["n"][0].as_py() == n
