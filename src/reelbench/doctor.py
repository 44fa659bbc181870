"""`reelbench doctor`: what a checkout lacks, and the command that mends it.

Everything is looked at, and nothing changed; a part that cannot be looked at is a finding itself.
"""

import json
import platform
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal
from urllib.request import urlopen

from reelbench import params, paths
from reelbench.data.identity import mismatch
from reelbench.environment import masked
from reelbench.machine import memory_bytes

LOCK = Path("requirements.lock")
_OLDEST_PYTHON = (3, 11)
_SPACE = 5e9  # bytes that a run of the default models may take, and the least to begin with
_LEAST_SPACE = 1e9
_NAMED = 3  # names that one line lists at most
_SECONDS = 5  # that a tracking server may take to answer
State = Literal["ok", "note", "missing"]
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class Finding:
    """One part of a checkout."""

    part: str
    #: `missing` keeps the pipeline from running; `note` limits what can be done
    state: State
    found: str
    remedy: str = ""  # what to do; empty where all is well


def look() -> list[Finding]:
    """Look at every part, in the order in which to mend them."""
    return [finding for part in _PARTS for finding in _safely(part)]


def _safely(part: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from part()
    except Exception as error:
        reason = params.told(error) or f"{type(error).__name__}: {error}"
        name = part.__name__.strip("_").replace("_", " ")
        yield Finding(name, "missing", masked(reason).splitlines()[0])


def _python() -> Iterator[Finding]:
    found = f"{platform.python_version()} in {sys.prefix}"
    if sys.version_info >= _OLDEST_PYTHON:
        yield Finding("python", "ok", found)
    else:
        yield Finding("python", "missing", found, "make setup PYTHON=python3.11")


def _packages() -> Iterator[Finding]:
    lines = LOCK.read_text(encoding="utf-8").splitlines() if LOCK.is_file() else []
    locked = dict(line.split("==") for line in lines if "==" in line and line[0] != "#")
    # "+cpu" and the like name a build of the same version
    installed = [found for found in metadata.distributions() if found.metadata["Name"]]
    have = {d.name.lower().replace("_", "-"): d.version.partition("+")[0] for d in installed}
    by_key = {name: have.get(name.lower().replace("_", "-")) for name in locked}
    absent = [name for name, version in by_key.items() if version is None]
    other = [f"{n} {v}, not {locked[n]}" for n, v in by_key.items() if v not in (None, locked[n])]
    if not locked:
        yield Finding("packages", "note", f"no {LOCK} here, so versions are not compared")
    elif absent:
        yield Finding("packages", "missing", f"{LOCK}: {_some(absent)} not installed", "make setup")
    elif other:
        yield Finding("packages", "note", f"{LOCK}: {_some(other)}", "make setup")
    else:
        yield Finding("packages", "ok", f"{len(locked)} as in {LOCK}")


def _programs() -> Iterator[Finding]:
    java, browser = shutil.which("java"), next(filter(None, map(shutil.which, _CHROMIUM)), None)
    wanted = {
        "java": (java, "engine=spark cannot run", "install Java 17, then make spark"),
        "chromium": (browser, "tests in a browser are skipped", "install chromium"),
        "git": (shutil.which("git"), "runs are not labelled with a commit", "install git"),
    }
    for name, (program, without, remedy) in wanted.items():
        if program:
            yield Finding(name, "ok", program)
        else:
            yield Finding(name, "note", f"not found: {without}", remedy)


def _machine() -> Iterator[Finding]:
    free = shutil.disk_usage(Path.cwd()).free
    state: State = "ok" if free >= _SPACE else "note" if free >= _LEAST_SPACE else "missing"
    remedy = "" if free >= _SPACE else f"free some space: a full run takes {_SPACE / 1e9:.0f} GB"
    yield Finding("disk", state, f"{free / 1e9:.1f} GB free in {Path.cwd()}", remedy)
    yield Finding("memory", "ok", f"{memory_bytes() / 1e9:.1f} GB; `reelbench plan` says who fits")


def _parameters() -> Iterator[Finding]:
    from reelbench.compose import compose

    current = params.flat(params.read())
    with TemporaryDirectory() as folder:
        composed = params.flat(compose(Path(folder) / "params.yaml"))
    changed = [k for k in sorted({*current, *composed}) if current.get(k) != composed.get(k)]
    if len(changed) > _NAMED:  # of many the sections
        changed = sorted({key.partition(".")[0] for key in changed})
    if changed:
        found = f"{paths.PARAMS} differs from conf/ in {_some(changed)}"
        yield Finding("parameters", "note", found, "reelbench params, if that is not on purpose")
    else:
        yield Finding("parameters", "ok", f"{paths.PARAMS} is what conf/ says")


def _data() -> Iterator[Finding]:
    if not paths.TRAIN.is_file():
        found = f"{paths.TRAIN} does not exist: nothing has run"
        yield Finding("data", "note", found, "make repro")
    elif reason := mismatch():
        yield Finding("data", "note", reason.partition(": run")[0], "dvc repro")
    else:
        yield Finding("data", "ok", f"{params.read()['data']['name']} is split")


def _stages() -> Iterator[Finding]:
    """Of DVC; some seconds for hundreds of files."""
    command = [sys.executable, "-m", "dvc", "status", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = done.stderr.strip().removeprefix("ERROR: ").partition("\n")[0]
        yield Finding("stages", "missing", reason or "dvc status failed", "dvc status --verbose")
    elif stale := list(json.loads(done.stdout or "{}")):
        yield Finding("stages", "note", f"{_some(stale)} out of date", "dvc repro")
    else:
        yield Finding("stages", "ok", "all up to date")


def _runs() -> Iterator[Finding]:
    from reelbench.tracking import TrackingConfig

    uri = params.load("tracking", TrackingConfig).store()[0]
    file = Path((uri or "").removeprefix("sqlite:///"))
    if uri is None:
        yield Finding("runs", "note", "tracking is off (tracking=none)")
    elif uri.startswith("http"):
        with urlopen(f"{uri.rstrip('/')}/health", timeout=_SECONDS):
            yield Finding("runs", "ok", f"{masked(uri)} answers")
    elif not uri.startswith("sqlite:///"):
        yield Finding("runs", "note", f"{masked(uri)}: a database, which is not looked at")
    elif not file.is_file():
        yield Finding("runs", "note", f"{file} does not exist yet", "reelbench track")
    else:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as store:
            count = store.execute("select count(*) from runs").fetchone()[0]
        yield Finding("runs", "ok", f"{count} in {file}")


def _some(names: list[str]) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


_PARTS = (_python, _packages, _programs, _machine, _parameters, _data, _stages, _runs)
