"""How a file is written: its encoding, delimiter, quotes, decimal mark, header and columns."""

import csv
import re
import unicodedata
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import yaml

from reelbench.data.columnar import open_columnar
from reelbench.data.engine import Engine
from reelbench.data.opening import kind, opened
from reelbench.data.text import TextFile, open_text

WORDS: dict[str, Any] = yaml.safe_load(
    Path(__file__).with_name("spellings.yaml").read_text(encoding="utf-8")
)
_HEAD, _SCANNED = 1 << 18, 1 << 26  # bytes that show the delimiter, and the encoding
_TELLING = 1 << 16  # bytes of lines that are not ASCII
_MOST = 40  # columns whose values are looked at whatever their names


def plain(name: str) -> str:
    """A name without case, accents, punctuation, articles and the type that RecBole adds."""
    letters = unicodedata.normalize("NFKD", re.sub(r":\w+$", "", name.strip()).casefold())
    words = re.findall(r"[^\W_]+", "".join(c for c in letters if not unicodedata.combining(c)))
    return "".join([word for word in words if word not in WORDS["articles"]] or words)


def spelled(table: str, role: str) -> dict[str, int]:
    """Plain names of a column, with their rank."""
    ends = [*map(plain, WORDS["ids"])] if role.endswith("_id") else []
    words = [*map(plain, WORDS["columns"][table][role])]
    names = [name for w in words for end in (*ends, "") for name in (w + end, end + w)]
    return {name: rank for rank, name in reversed([*enumerate(names)])}


_KNOWN = {n for t, roles in WORDS["columns"].items() for role in roles for n in spelled(t, role)}


@dataclass(frozen=True)
class Look:
    """A file as it was understood."""

    path: Path
    kind: str
    layout: dict[str, Any]  # keys of `TableConfig`; empty for what is no text
    names: tuple[str, ...]  # of the columns, numbered from 1
    file: Path  # Parquet with the columns as text, called 1, 2, …

    @property
    def header(self) -> bool:
        """Whether the columns have names."""
        return bool(self.layout.get("header", True))

    def named(self, place: int) -> str | int:
        """What the configuration calls a column: its name if that is unique, else its number."""
        name = self.names[place - 1]
        alike = [n for n in self.names if n.casefold() == name.casefold()]
        return name if self.header and name and "$" not in name and len(alike) == 1 else place

    @cached_property
    def facts(self) -> dict[int, dict[str, Any]]:
        """By number of a column with values: how many of which kind; see `facts` in the words."""
        query = WORDS["facts"].format(file=self.file, decimal=self.layout.get("decimal", "."))
        asked = duckdb.execute(query)
        names = [name for name, *_ in asked.description]
        return {row[0]: dict(zip(names, row, strict=True)) for row in asked.fetchall()}


def look(path: Path, given: dict[str, Any], engine: Engine) -> Look:
    """Look at a file, or a folder of its parts, its layout partly known, or raise DataError."""
    scratch = engine.scratch("opened").parent
    scratch.mkdir(parents=True, exist_ok=True)
    found, layout = kind(path), {k: given[k] for k in ("header",) if k in given}
    content = opened(path, scratch, header=given.get("header", True))
    if isinstance(content, Path) and found in ("text", "netflix"):
        layout = _layout(content, given, scratch)
        options = {key: value for key, value in layout.items() if key != "decimal"}
        source: Any = open_text(path, plain=content, **options)
    else:
        source = open_columnar(path, content)
        if found == "excel" and "header" not in given and not _is_header(source.names):
            return look(path, {**given, "header": False}, engine)
    kept = [n for n, v in enumerate(source.names) if n < _MOST or plain(v) in _KNOWN]
    source = replace(source, places={str(place + 1): place for place in kept})
    rows = engine.text(source) if isinstance(source, TextFile) else engine.columnar(source)
    file = engine.scratch(f"look{len([*scratch.iterdir()])}.parquet")
    engine.cache(rows).to_parquet(file)
    return Look(path, found, layout, source.names, file)


def _layout(content: Path, given: dict[str, Any], scratch: Path) -> dict[str, Any]:
    with content.open("rb") as stream:
        head = stream.read(_HEAD)
    encoding = given.get("encoding") or _encoding(content, head)
    whole = head[: head.rfind(b"\n")] if len(head) == _HEAD and "16" not in encoding else head
    lines = [line for line in whole.decode(encoding, "replace").splitlines() if line.strip()]
    delimiter = given.get("delimiter") or _delimiter(lines, scratch / "sample.csv")
    values = [value for line in lines for value in line.split(delimiter)]
    odd = any(v.startswith('"') != v.endswith('"') or v == '"' for v in values)
    quote = given.get("quote", "" if len(delimiter) > 1 or (delimiter in "\t|" and odd) else '"')
    rows = [line.split(delimiter) for line in lines]
    if quote and len(delimiter) == 1:
        short = (line for line in lines if len(line) < _TELLING)  # Python's reader has a limit
        rows = [*csv.reader(short, delimiter=delimiter, quotechar=quote)]
    columns = [[v.strip() for v in column if v.strip()] for column in zip(*rows[1:], strict=False)]
    numbers = [c for c in columns if c and all(re.match(r"-?\d+([.,]\d+)?$", v) for v in c)]
    marks = {mark for column in numbers for value in column for mark in ",." if mark in value}
    return {
        "encoding": encoding,
        "delimiter": delimiter,
        "quote": quote,
        "header": given.get("header", _is_header(rows[0] if rows else [])),
        "decimal": given.get("decimal", "," if marks == {","} else "."),
    }


def _encoding(content: Path, head: bytes) -> str:
    """The encoding; only lines with other letters than those of ASCII tell them apart."""
    from charset_normalizer import from_bytes

    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or head.count(0) * 4 > len(head):
        ends = "le" if head[1::2].count(0) > head[::2].count(0) else "be"
        return "utf-16" if head[:1] in (b"\xff", b"\xfe") else f"utf-16-{ends}"
    with content.open("rb") as stream:
        lines = stream.read(_SCANNED).splitlines()
    telling = b"\n".join(line for line in lines[:-1] or lines if not line.isascii()) + b"\n"
    with suppress(UnicodeDecodeError):
        telling.decode("utf-8")
        return "utf-8"
    start = telling[: telling.rfind(b"\n", 0, _TELLING)]
    matches = from_bytes(start, cp_isolation=WORDS["encodings"])
    best = min((match.chaos for match in matches), default=0) + 0.02
    close = [match for match in matches if match.chaos <= best]
    able = {n: m.coherence for m in close for n in m.could_be_from_charset}
    order = [name for name in WORDS["encodings"] if name in able]
    return max(order, key=lambda name: round(able[name], 1), default="latin-1")


def _delimiter(lines: list[str], sample: Path) -> str:
    """The delimiter, by DuckDB unless it is one that DuckDB does not look for."""
    for delimiter in WORDS["delimiters"]["first"]:
        if lines and all(delimiter in line for line in lines):
            return str(delimiter)
    sample.write_text("\n".join(lines), encoding="utf-8")
    try:
        sniffed = f"select Delimiter, len(Columns) from sniff_csv('{sample}')"
        found, n = duckdb.execute(sniffed).fetchall()[0]
    except duckdb.Error:
        n, found = max((lines[0].count(mark), mark) for mark in "|\t;,") if lines else (0, ",")
    for other in WORDS["delimiters"]["last"] if n < 2 else ():
        if lines and len({line.strip().count(other) for line in lines} - {0}) == 1:
            return str(other)
    return str(found)


def _is_header(first: Any) -> bool:
    """Whether the first row has names: some that are known, or none with a digit."""
    known = sum(plain(value) in _KNOWN for value in first)
    return known > 1 or not any(c.isdigit() for value in first for c in value)
