"""`reelbench init`: looks at anybody's files and writes a configuration that reads them.

`layout` says how a file is written, `roles` what its columns are. Here it is asked where something
is unsure, `conf/data/NAME.yaml` is written, and checked by reading.
"""

import os
import re
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import typer
import yaml
from rich.console import Console
from rich.table import Table

from reelbench import columns as col
from reelbench import params, paths
from reelbench.compose import compose
from reelbench.data import DataError
from reelbench.data.archives import is_archive, opened
from reelbench.data.engine import DuckDB, DuckDBConfig
from reelbench.data.fetch import data_set
from reelbench.data.opening import kind, parts
from reelbench.data.readers import TableConfig
from reelbench.data.text import is_utf8
from reelbench.dataset import Dataset, load_dataset
from reelbench.init.layout import WORDS, look
from reelbench.init.roles import TABLES, Found, hinted, understand
from reelbench.params import ParamsError

_MARK = "# Written by `reelbench init`"
_USUAL = {"delimiter": ",", "quote": '"', "encoding": "utf-8", "decimal": ".", "header": True}
_READ = ("rating_min", "rating_max", "genre_separator", "no_genre", "on_bad_rows", "time_format")


@dataclass(frozen=True)
class Init:
    """One call of the command."""

    files: list[Path]
    target: Path
    given: dict[str, str]  # decisions, by the keys of --set
    yes: bool  # take the best guess
    console: Console  # that takes no markup

    def run(self) -> None:
        """Write the configuration that reads the files; a DataError or ParamsError if it fails."""
        notes: list[str] = []
        with ExitStack() as stack:
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="reelbench-")))
            files, root = self.files, self.files[0]
            if packed := root.is_file() and is_archive(root) and not _is_table(root):
                files = [stack.enter_context(opened(root, scratch, None))]
            found = [table for file in files for table in _tables_in(file)]
            if not found:
                raise DataError(f"{self.files[0]} has no files")
            if (published := _published(found)) is not None:
                base, content = published
                self.console.print(content["about"])
            else:
                base = Path(os.path.commonpath([file.absolute().parent for file in found]))
                content = self._own(found, base, scratch, notes)
        root = (root if packed else base).absolute()
        here = Path.cwd()
        root = root.relative_to(here) if root.is_relative_to(here) else root
        content |= {"name": self.target.stem, "root": root.as_posix()}
        if "on_bad_rows" in self.given:
            content["read"]["on_bad_rows"] = self.given["on_bad_rows"]
        before = self.target.read_bytes() if self.target.exists() else None
        try:
            data = self._checked(content, notes)
        except BaseException:
            self.target.unlink(missing_ok=True)
            if before is not None:
                self.target.write_bytes(before)
            raise
        self._show_data(data)

    def _own(
        self, found: list[Path], base: Path, scratch: Path, notes: list[str]
    ) -> dict[str, Any]:
        """The configuration for tables of the user's; what was guessed is added to `notes`."""
        settings = {**params.preset("engine", "duckdb"), "threads": os.cpu_count() or 1}
        engine = DuckDB(DuckDBConfig.model_validate(settings), scratch)
        if odd := [file.name for file in found if kind(file) == "netflix"]:
            raise DataError(
                f"{odd[0]} is of Netflix: with movie_titles.csv (number, year, title) beside it, "
                "it is read under the name combined_data_1.txt (or 2, 3, 4)"
            )
        hints = [hinted(file.name) or "ratings" for file in found]
        looks = [look(f, self._layout(h), engine) for f, h in zip(found, hints, strict=True)]
        told = understand(looks, self.given)
        while unsure := [key for key in told.unsure if key not in self.given]:
            self._decide(unsure[0], *told.unsure[unsure[0]])
            told = understand(looks, self.given)
        self._show(told)
        notes += told.notes
        return _content(base, told)

    def _layout(self, table: str) -> dict[str, Any]:
        """What the user says of the layout of a file that is named like a table."""
        given = {key: self.given.get(f"{table}.{key}", self.given.get(key)) for key in _USUAL}
        layout: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
        if "header" in layout:
            layout["header"] = layout["header"] in ("true", "yes", "1")
        whole = {"file": None, "columns": {}, **layout}
        own = params.validate("", whole, TableConfig, Path("--set"))
        is_utf8(own.encoding or "utf-8")  # whether there is such an encoding
        return {key: getattr(own, key) for key in layout}

    def _decide(self, key: str, what: str, guess: str) -> None:
        """Ask on a terminal; else take the guess and say so, if that is wanted."""
        if self.yes:
            self.console.print(f"{what} Taken: {guess} (--set {key}=…)")
        elif not on_terminal():
            raise ParamsError(f"{what} Answer with --set {key}='{guess}', or --yes for this guess")
        self.given[key] = guess if self.yes else str(typer.prompt(what, default=guess))

    def _checked(self, content: dict[str, Any], notes: list[str]) -> Dataset:
        """Write the configuration, compose parameters with it, and read the data by it."""
        self._write(content, notes)
        with tempfile.TemporaryDirectory(prefix="reelbench-") as scratch:
            compose(Path(scratch) / "params.yaml", [f"data={self.target.stem}"])
        try:
            data = load_dataset(self.target.stem, root=content["root"])
        except DataError as error:
            told = re.sub(r"\S*reelbench-\w+/raw", content["root"], str(error))
            if "on_bad_rows" not in told or "on_bad_rows" in self.given:
                raise DataError(told) from error
            self._decide("on_bad_rows", f"{told}. What about such rows (fail, drop)?", "drop")
            content["read"]["on_bad_rows"] = self.given["on_bad_rows"]
            return self._checked(content, notes)
        ids = data.ids
        content["size"] = {"ratings": len(data), "users": ids.n_users, "items": ids.n_items}
        for name, counts in data.counts.items():
            lost = [f"{n:,} rows of {name} left out: {why}" for why, n in counts["dropped"].items()]
            notes += lost
            for line in lost:
                self.console.print(f"- {line}")
        self._write(content, notes)
        return data

    def _write(self, content: dict[str, Any], notes: list[str]) -> None:
        order = ("name", "about", "size", "root", "source", "read")
        known = {key: content[key] for key in order if key in content}
        body = yaml.safe_dump(known, sort_keys=False, allow_unicode=True, width=110)
        head = f"{_MARK}. Edit it as you like: docs/data.md describes the keys.\n"
        head += "".join(f"# {note}\n" for note in notes)
        self.target.write_text(head + body, encoding="utf-8")

    def _show(self, told: Found) -> None:
        table = Table("file", "is", "layout", "columns", show_edge=False)
        for name, seen in told.files.items():
            layout = ", ".join(f"{k} {v!r}" for k, v in seen.layout.items() if v != _USUAL[k])
            pairs = [f"{r} ← {seen.named(p)}" for r, ps in told.columns[name].items() for p in ps]
            table.add_row(seen.path.name, name, layout or seen.kind, "\n".join(pairs))
        self.console.print(table, soft_wrap=False)
        for note in told.notes:
            self.console.print(f"- {note}")

    def _show_data(self, data: Dataset) -> None:
        """Sizes, scale, times and three ratings, as read."""
        self.console.print(repr(data)[1:-1])
        titles, users = list(data.movies[col.TITLE]), list(data.users[col.USER_ID])
        table = Table("user", "movie", "rating", "time (UTC)", show_edge=False)
        for user, item, rating, time in data.ratings.head(3).itertuples(index=False):
            when = "" if pd.isna(time) else str(pd.Timestamp(time, unit="s"))
            table.add_row(str(users[user]), str(titles[item]), f"{rating:g}", when)
        self.console.print(table, soft_wrap=False)


def on_terminal() -> bool:
    """Whether standard input is a terminal, on which the user can be asked."""
    return sys.stdin.isatty()


def settings_of(settings: list[str]) -> dict[str, str]:
    """Decisions by the keys of --set; a ParamsError if one is not KEY=VALUE, or its key unknown."""
    found = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        key = ".".join(WORDS["aliases"].get(part, part) for part in key.strip().split("."))
        table, _, last = key.rpartition(".")
        roles = [role for name in TABLES for role in TABLES[name] if table in ("", name)]
        known = sorted({*roles, *_USUAL, *_READ})
        number = not last.startswith("rating_") or re.fullmatch(r"-?\d+(\.\d+)?", value)
        if not equals or last not in known or table not in ("", *TABLES) or not number:
            raise ParamsError(
                f"--set {setting}: expected KEY=VALUE (rating_min and rating_max are numbers), "
                f"where KEY is one of {', '.join(known)}; "
                "ratings., items., users. or tags. before it is for one file"
            )
        found[key] = value
    return found


def target(files: list[Path], name: str | None, force: bool) -> Path:
    """The file to write, by default named like the folder or only file; a ParamsError if taken."""
    first = files[0].resolve()
    stem = first if first.is_dir() or len(files) == 1 else first.parent
    safe = re.sub(r"[^a-z0-9]+", "-", stem.name.partition(".")[0].casefold()).strip("-")
    name = name or (safe if safe[:1].isalpha() else f"data-{safe}")
    file = paths.CONF / "data" / f"{name}.yaml"
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name):
        raise ParamsError(f"--name {name}: letters, digits, - and _ only, beginning with a letter")
    if not file.parent.is_dir():
        raise ParamsError(f"no folder {file.parent} here: run this in the folder of the project")
    if file.exists() and not force and not file.read_text("utf-8").startswith(_MARK):
        raise ParamsError(
            f"{file} exists and is not of `reelbench init`: give a --name, or --force"
        )
    return file


def _is_table(path: Path) -> bool:
    """Whether an archive is a table itself: Excel, or a single file that is packed."""
    try:
        return bool(kind(path))
    except DataError:
        return False


def _published(found: list[Path]) -> tuple[Path, dict[str, Any]] | None:
    """Folder and configuration of published files that have a layout of their own."""
    folders = {file.name: file.absolute().parent for file in found}
    for name in WORDS["published"]:
        data = data_set(name, params.PRESETS)
        for files in data.source.sets:
            if {*files.needed} <= folders.keys():
                there = [file for file in files.files if file in folders]
                source = {"files": there, "licence": data.source.licence}
                about = f"your own data, written like {name}: {', '.join(there)}"
                return folders[there[0]], {"about": about, "source": source, "read": data.read}
    return None


def _tables_in(path: Path) -> list[Path]:
    """A file; of a folder all files, where parts of a Parquet file count as one."""
    if not path.is_dir():
        return [path]
    try:
        if len({tuple(pq.read_schema(part).names) for part in parts(path)}) == 1:
            return [path]
    except (DataError, pa.ArrowException):
        pass  # another folder, or damaged, which is said where it is read
    inner = [child for child in sorted(path.iterdir()) if child.name[0] not in "._"]
    return [table for child in inner for table in _tables_in(child)]


def _content(base: Path, told: Found) -> dict[str, Any]:
    """The configuration, like the template `csv`."""
    tables: dict[str, Any] = {}
    for table in TABLES:
        tables[table] = {"file": None, "columns": {}}
        if seen := told.files.get(table):
            roles = told.columns[table].items()
            kept = [(role, places) for role, places in roles if places or role == col.RATING]
            columns = {role: seen.named(n[0]) if n else None for role, n in kept}
            file = seen.path.absolute().relative_to(base).as_posix()
            time = {"time_format": told.times[table]} if table in told.times else {}
            tables[table] = {"file": file, "columns": columns, **seen.layout, **time}
    files = [table["file"] for table in tables.values() if table["file"]]
    source = {"files": files, "licence": "Your own data, under your own terms."}
    read = {"format": "table", "tables": tables, **told.read, "respell": {}, "on_bad_rows": "fail"}
    return {"about": f"your own data: {', '.join(files)}", "source": source, "read": read}
