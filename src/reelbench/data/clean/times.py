"""Times of every notation as Unix seconds. A column has one notation; other values in it are bad.

Numbers are told apart by their size: 1500000000 are seconds, 1500000000000 milliseconds, and
20170714 is a date.
"""

from collections import Counter

import ibis
from ibis.expr.types import FloatingValue, IntegerValue, StringValue

from reelbench import columns as col
from reelbench.data import DataError
from reelbench.data.engine import Engine
from reelbench.data.readers import RawRows, ReadConfig

_PER_SECOND = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
# kinds of values; a running number is small, and some of the larger ones look like days or dates
_ZERO, _SMALL, _DAYS = "zero", "small", "excel_days"
_DATE, _TEXT = "dates like 20170714", "ISO dates"
_DATE_PATTERN = r"^(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$"
_SIZES = {_SMALL: 1e8, "seconds": 1e11, "milliseconds": 1e14, "microseconds": 1e17}
_EXCEL_EPOCH = 25_569  # 1 January 1970, in days
_SOME_EXCEL_DAYS = (20_000, 73_050)  # years 1954 to 2099
# Unix seconds of the years 1900 to 2100, and 1 to 9999
_LIKELY, _POSSIBLE = (-2_208_988_800, 4_133_980_799), (-62_135_596_800, 253_402_300_799)

OUTSIDE = "time is outside 1900-2100; if it is right, declare its notation in read.time_format"
_NO_YEAR = "time is outside the years 1 to 9999"

Reasons = list[tuple[ibis.ir.BooleanValue, str]]


def times(raw: RawRows, config: ReadConfig, engine: Engine) -> tuple[IntegerValue, Reasons]:
    """The column `timestamp`, int64 Unix seconds, null where missing; and why a value is unusable.

    The first of several reasons counts. Times without a zone are UTC. A notation that must be
    declared is a DataError.
    """
    if col.TIMESTAMP not in raw.table.columns:
        return ibis.null("int64"), []
    text, declared = raw.table[col.TIMESTAMP].strip(), raw.time_format or config.time_format
    number = as_number(text, raw.decimal or config.decimal, engine)
    notation, reasons = declared, Reasons()
    wanted = f"not {'a date like' if '%' in declared else 'in'} {declared}"
    if declared == "auto":
        wanted = "neither a Unix time nor an ISO date"
        kind = _kind(text, number, engine)
        notation, others = _notation(raw, kind, engine)
        if others:
            reasons = [(kind.isin(others), f"timestamp is not in {notation}, as most of them are")]
    # a reader that knows types says "seconds" without being told to
    plain = config.time_format == "auto" and declared in ("auto", "seconds")
    bounds, beyond = (_LIKELY, OUTSIDE) if plain else (_POSSIBLE, _NO_YEAR)
    seconds = _seconds(text, number, notation, engine)
    reasons += [(text.notnull() & seconds.isnull(), f"timestamp is {wanted}")]
    return seconds, [*reasons, (~seconds.between(*bounds), beyond)]


def as_number(text: StringValue, decimal: str, engine: Engine) -> FloatingValue:
    """The number that a text is, null where it is none."""
    return engine.float(text if decimal == "." else text.replace(decimal, "."))


def _kind(text: StringValue, number: FloatingValue, engine: Engine) -> StringValue:
    """Kind of each value, null for one that cannot be read."""
    size, unknown = number.abs(), ibis.null("string")
    return ibis.cases(
        (number.isnull(), ibis.ifelse(_iso(text, engine).notnull(), _TEXT, unknown)),
        ((text.length() == 8) & text.re_search(_DATE_PATTERN), _DATE),
        (number.between(*_SOME_EXCEL_DAYS), _DAYS),
        (number == 0, _ZERO),
        *((size < limit, kind) for kind, limit in _SIZES.items()),
        (size < 1e20, "nanoseconds"),  # false for infinity and NaN
        else_=unknown,
    )


def _notation(raw: RawRows, kind: StringValue, engine: Engine) -> tuple[str, list[str]]:
    """The notation of most values of the column, and the kinds of values that have another."""
    found = engine.arrow(raw.table.group_by(kind=kind).agg(n=raw.table.count())).to_pylist()
    counts = Counter({row["kind"]: row["n"] for row in found if row["kind"]})
    of = {_SMALL: "seconds"}
    if not counts["seconds"]:  # in a running number, too, some look like dates or days
        alike = {_DATE: 1, _DAYS: 9}
        of |= {kind: "seconds" for kind, n in alike.items() if n * counts[_SMALL] >= counts[kind]}
    total: Counter[str] = Counter()
    for name, n in counts.items():
        total[of.get(name, name)] += n * (name != _ZERO)
    notation = min(+total, key=lambda name: (-total[name], name), default="seconds")
    if notation == _DAYS:
        days = engine.arrow(raw.table.filter(kind == _DAYS).select(col.TIMESTAMP).limit(1000))
        where, (value,) = raw.file.locate({(v,) for v in days[0].to_pylist()}, [col.TIMESTAMP])
        raise DataError(
            f"{where}, column {raw.file.label(col.TIMESTAMP)}: '{value}' looks like a day as Excel "
            "counts them, and so do the others: set read.time_format to excel_days, or to seconds "
            "if they are Unix seconds"
        )
    of[_ZERO] = notation if notation in _PER_SECOND else _ZERO  # the same in every unit
    return notation, sorted(name for name in counts if of.get(name, name) != notation)


def _seconds(
    text: StringValue, number: FloatingValue, notation: str, engine: Engine
) -> IntegerValue:
    if notation == "seconds":
        return engine.whole(number)
    if notation in _PER_SECOND:  # Ibis makes an integer of what it rounds down
        fitting = ibis.ifelse(number.abs() < 1e20, number, ibis.null("float64"))
        return engine.whole((fitting / _PER_SECOND[notation]).floor())
    if notation == _DAYS:
        return engine.whole((number - _EXCEL_EPOCH) * 86_400)
    if notation == _DATE:
        return engine.seconds(text[0:4] + "-" + text[4:6] + "-" + text[6:8])
    return _iso(text, engine) if notation == _TEXT else engine.seconds(text, notation)


def _iso(text: StringValue, engine: Engine) -> IntegerValue:
    """Unix seconds of an ISO date, as it is and with a space before the offset, z or a comma."""
    return engine.seconds(
        text.upper().replace(" +", "+").replace(" -", "-").replace(" Z", "Z").replace(",", ".")
    )
