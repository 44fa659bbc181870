"""Generated tables and damaged files: the right table or a clear error, soon, and no row lost.

The budget of time is fixed, and so is the order of the examples. REELBENCH_FUZZ_SECONDS=600 with
REELBENCH_FUZZ_SEED=1000 tries others, for longer.
"""

from __future__ import annotations

import bz2
import contextlib
import csv
import faulthandler
import gzip
import io
import itertools
import json
import os
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from reelbench.data import DataError
from reelbench.data.clean.tables import canonical
from reelbench.data.engine import DuckDB, DuckDBConfig
from reelbench.data.readers import ReadConfig, read
from reelbench.init.layout import look
from reelbench.init.roles import understand
from reelbench.params import ParamsError

pytestmark = pytest.mark.slow

SECONDS = float(os.environ.get("REELBENCH_FUZZ_SECONDS", "60"))
SEED = int(os.environ.get("REELBENCH_FUZZ_SEED", "0"))
HANG = 10  # seconds for one small table

CONF = Path(__file__).parents[2] / "conf" / "data" / "csv.yaml"
OURS = ("user_id", "item_id", "rating", "timestamp")
# names that a program like this one uses itself, or that trip over case, quotes and SQL
NAMES = (
    *("userId", "movie", "Note", "stars", "time", "user_id", "item_id", "rating", "timestamp"),
    *("reason", "excluded", "_known", "item_idx", "user_idx", "item_id_right", "source_row"),
    *("line", "part", "_place", "n", "count", "RATING", "Rating", "select", "a b", 'a"b', "a'b"),
    *("ä", "映画", "c0", "column0", "0", "", "index", "title", "genres", "file_row_number"),
)
IDS = st.one_of(
    st.sampled_from(["7", "007", "7.0", "NA", "null", "nan", "None", "inf", "1e5", "-1", "true"]),
    st.integers(0, 10**20).map(str),
    st.text("abzAZ09 .-_äé日'", min_size=1, max_size=8).filter(lambda text: text == text.strip()),
)
TIMES: dict[str, Callable[[int], str]] = {
    "seconds": str,
    "milliseconds": lambda second: f"{second}123",
    "iso": lambda second: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second)),
    "zone": lambda second: time.strftime("%Y-%m-%d %H:%M:%S+02:00", time.gmtime(second + 7200)),
}


def explore(seconds: float, check: Callable[..., None], *drawn: st.SearchStrategy[Any]) -> None:
    """Run a check on examples, some of one seed at a time, until the time is over."""
    chosen = settings(
        max_examples=40,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    end = time.monotonic() + seconds
    for number in itertools.count(SEED):
        seed(number)(chosen(given(*drawn)(check)))()
        if time.monotonic() > end:
            return


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """An empty current folder, and an end to what hangs."""
    before, folder = Path.cwd(), Path(tempfile.mkdtemp(prefix="fuzz-"))
    os.chdir(folder)
    faulthandler.dump_traceback_later(HANG, exit=True)
    try:
        yield folder
    finally:
        faulthandler.cancel_dump_traceback_later()
        os.chdir(before)
        shutil.rmtree(folder)


@dataclass(frozen=True)
class Example:
    """A table of ratings, and how it is written."""

    rows: list[tuple[str, str, float, int]]
    names: list[str]  # of the four columns, and of others
    order: list[int]  # places of the columns in the file
    time: str
    layout: dict[str, Any]
    container: str
    ending: str = "\n"
    extra: str = "x"

    @property
    def values(self) -> list[list[str]]:
        """Rows as strings, in the order of the file."""
        decimal = self.layout["decimal"]
        made = []
        for user, item, rating, second in self.rows:
            number = f"{rating:g}".replace(".", decimal)
            own = [user, item, number, TIMES[self.time](second)]
            full = [*own, *[self.extra] * (len(self.names) - len(own))]
            made.append([full[place] for place in self.order])
        return made

    @property
    def header(self) -> list[str]:
        return [self.names[place] for place in self.order]

    @property
    def read(self) -> dict[str, Any]:
        """The section `data.read` that describes the file."""
        values = yaml.safe_load(CONF.read_text(encoding="utf-8"))["read"]
        tables = values["tables"]
        places = {ours: self.order.index(n) + 1 for n, ours in enumerate(OURS)}
        named = dict(zip(OURS, self.names, strict=False))
        columns = named if self.layout["header"] else places
        tables["ratings"] = {"file": "ratings", "columns": columns}
        tables["items"]["file"] = None
        return {**values, **self.layout, "rating_min": 0.5, "rating_max": 5}

    def content(self) -> bytes:
        """The file."""
        if self.container == "parquet":
            return self._frame().to_parquet(index=False)
        if self.container == "json":
            rows = (dict(zip(self.header, row, strict=True)) for row in self.values)
            return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()
        if self.container == "excel":
            sink = io.BytesIO()
            self._frame().to_excel(sink, index=False)
            return sink.getvalue()
        return _packed(self._text().encode(self.layout["encoding"]), self.container)

    def _frame(self) -> pd.DataFrame:
        return pd.DataFrame(self.values, columns=self.header, dtype="str")

    def _text(self) -> str:
        rows = [self.header, *self.values] if self.layout["header"] else self.values
        delimiter = self.layout["delimiter"]
        if len(delimiter) > 1:
            return "".join(delimiter.join(row) + self.ending for row in rows)
        sink = io.StringIO()
        writer = csv.writer(
            sink,
            delimiter=delimiter,
            quotechar=self.layout["quote"],
            lineterminator=self.ending,
        )
        writer.writerows(rows)
        return sink.getvalue()


def _packed(content: bytes, container: str) -> bytes:
    if container == "gzip":
        return gzip.compress(content, mtime=0)
    if container == "bz2":
        return bz2.compress(content)
    if container == "zip":
        sink = io.BytesIO()
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("inside.csv", content)
        return sink.getvalue()
    return content


@st.composite
def examples(draw: st.DrawFn, containers: tuple[str, ...]) -> Example:
    """Tables of up to 20 ratings without repeated pairs."""
    container = draw(st.sampled_from(containers))
    pairs = draw(st.lists(st.tuples(IDS, IDS), min_size=1, max_size=20, unique=True))
    stars = st.integers(1, 10).map(lambda half: half / 2)
    seconds = st.integers(10**9, 2 * 10**9 - 1)
    rows = [(user, item, draw(stars), draw(seconds)) for user, item in pairs]
    columnar = container in ("parquet", "json", "excel")
    # two columns of one name are told apart in a text by their place alone
    names = draw(st.lists(st.sampled_from(NAMES), min_size=4, max_size=7, unique=True))
    layout = {
        "delimiter": draw(st.sampled_from([",", ";", "\t", "|", "::"])),
        "quote": draw(st.sampled_from(['"', "'"])),
        "encoding": draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])),
        "decimal": draw(st.sampled_from([".", ","])),
        "header": columnar or draw(st.booleans()),
    }
    mapped = names[:4]
    if layout["header"]:
        # a name that is empty cannot be asked for
        names = [*(name or "id" for name in mapped), *names[4:]]
    if container in ("json", "excel") or "" in names[:4]:
        names = [name or f"empty{place}" for place, name in enumerate(names)]
    order = draw(st.permutations(range(len(names))))
    ending = draw(st.sampled_from(["\n", "\r\n"]))
    extra = draw(st.sampled_from(["x", "", "a,b", "0"]))
    kind = draw(st.sampled_from(sorted(TIMES)))
    return Example(rows, names, list(order), kind, layout, container, ending, extra)


def duckdb(folder: Path) -> DuckDB:
    return DuckDB(DuckDBConfig(name="duckdb", threads=1, memory_limit="1GB"), folder)


Ratings = list[tuple[str, str, float, int]]


def cleaned(folder: Path, section: dict[str, Any]) -> tuple[Ratings, dict[str, Any]]:
    """The ratings as the stage `clean` finds them, sorted, and its account of all rows."""
    config = ReadConfig(**section)
    engine = duckdb(folder)
    result = canonical(read(folder, config, engine), config, engine)
    tables = result.tables
    users, items = (tables[n][f"{n[:-1]}_id"].to_pylist() for n in ("users", "items"))
    rows = sorted(
        (users[row["user_idx"]], items[row["item_idx"]], row["rating"], row["timestamp"])
        for row in tables["interactions"].to_pylist()
    )
    return rows, result.counts["interactions"]


CONTAINERS = ("text", "text", "text", "gzip", "bz2", "zip", "parquet", "json", "excel")


def test_a_generated_table_is_read_as_it_was_meant() -> None:
    explore(SECONDS / 3, is_read, examples(CONTAINERS))


def is_read(example: Example) -> None:
    with scratch() as folder:
        (folder / "ratings").write_bytes(example.content())
        found, _ = cleaned(folder, example.read)
    assert found == sorted(example.rows)


MUTATIONS = st.lists(
    st.tuples(
        st.sampled_from(["flip", "insert", "delete", "cut", "repeat"]),
        st.floats(0, 1),
        st.sampled_from([*b'",;\n\r\t |:\x00\xff\xfe09ez.-\\{}[]PK', 0x1F, 0x8B]),
        st.integers(1, 40),
    ),
    min_size=1,
    max_size=4,
)


def damaged(content: bytes, changes: list[tuple[str, float, int, int]]) -> bytes:
    """The content with some bytes changed, inserted, deleted, cut off or repeated."""
    data = bytearray(content)
    for kind, where, byte, length in changes:
        place = int(where * max(len(data) - 1, 0))
        if kind == "flip" and data:
            data[place] = byte
        elif kind == "insert":
            data[place:place] = bytes([byte])
        elif kind == "delete":
            del data[place : place + length]
        elif kind == "cut":
            del data[place:]
        else:
            data[place:place] = data[place : place + length]
    return bytes(data)


def test_a_damaged_file_gives_an_error_or_accounts_for_every_row() -> None:
    on_bad_rows = st.sampled_from(["fail", "drop"])
    explore(SECONDS / 2, is_accounted_for, examples(CONTAINERS), MUTATIONS, on_bad_rows)


def is_accounted_for(
    example: Example, changes: list[tuple[str, float, int, int]], on_bad_rows: str
) -> None:
    content = damaged(example.content(), changes)
    with scratch() as folder:
        (folder / "ratings").write_bytes(content)
        try:
            _, counts = cleaned(folder, example.read | {"on_bad_rows": on_bad_rows})
        except DataError as error:
            assert 10 < len(str(error)) < 2000
            assert "Traceback" not in str(error)
            return
    assert counts["read"] == counts["written"] + sum(counts["dropped"].values())
    if example.container == "text":
        assert counts["read"] == _records(content, example)


def test_init_looks_at_any_file_without_breaking_off() -> None:
    explore(SECONDS / 6, is_looked_at, examples(CONTAINERS), MUTATIONS)


def is_looked_at(example: Example, changes: list[tuple[str, float, int, int]]) -> None:
    with scratch() as folder:
        (folder / "ratings").write_bytes(damaged(example.content(), changes))
        with contextlib.suppress(DataError, ParamsError):
            engine = duckdb(folder)  # what it has looked at is gone with it
            understand([look(folder / "ratings", {}, engine)], {})


def _records(content: bytes, example: Example) -> int:
    """Number of rows that Python's reader finds, or lines where the delimiter is long."""
    text = content.decode(example.layout["encoding"])
    delimiter = example.layout["delimiter"]
    stream = io.StringIO(text.removeprefix("\ufeff"), newline="")
    if len(delimiter) > 1:
        rows = [line for line in stream.read().splitlines() if line]
    else:
        quote = example.layout["quote"]
        rows = [row for row in csv.reader(stream, delimiter=delimiter, quotechar=quote) if row]
    return len(rows) - example.layout["header"]
