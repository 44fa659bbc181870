"""`reelbench ui` and `reelbench serve`: MLflow's own servers, on this machine alone."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

from reelbench import params
from reelbench.data.identity import mismatch
from reelbench.environment import masked
from reelbench.params import ParamsError
from reelbench.tracking import QUIET, TrackingConfig, mirror_all, mirror_tunings
from reelbench.tracking.record import CHAMPION, experiment_of, registered_name
from reelbench.tracking.store import view_path

_SQLITE = "sqlite:///"
_SECONDS = 10  # within which a server has to answer
_PROGRAM = str(Path(sys.executable).with_name("mlflow"))


def serve(port: int) -> int:
    """Fill the mirror and show its runs until interrupted; a ParamsError if not in a file."""
    uri = params.load("tracking", TrackingConfig).store()[0] or ""
    if not uri.startswith(_SQLITE):
        where = f"at {masked(uri)}: open it there"
        off = "nowhere: tracking is off (tracking=none)"
        raise ParamsError(f"the runs are {where if uri else off}")
    database = Path(uri.removeprefix(_SQLITE))
    mirror_all()
    # hundreds of trials at the first time: they are copied while the models are shown already
    searches = Thread(target=mirror_tunings, daemon=True)
    searches.start()
    if not database.is_file():  # two processes that make its tables break each other
        searches.join()
    with_runs = (
        "select name, experiment_id from experiments where experiment_id in "
        "(select experiment_id from runs) order by name"
    )
    for name, experiment in _select(database, with_runs):
        table = f"http://127.0.0.1:{port}{view_path(str(experiment))}"
        charts = f"{table}&compareRunsMode=CHART"
        print(f"{name}: {table}\n  differences and charts: {charts}", flush=True)
    # one worker is enough, and starts in half the time
    options = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    options += ["--default-artifact-root", Path("mlruns").absolute().as_uri()]
    server = [_PROGRAM, "server", *options, "--backend-store-uri", uri]
    return subprocess.run(server, env=environment(), check=False).returncode


def answer(port: int) -> int:
    """Serve the champion of this data set and split until interrupted, or raise ParamsError."""
    uri, credentials = params.load("tracking", TrackingConfig).store()
    if uri is None:
        raise ParamsError("there is no registry: tracking is off (tracking=none)")
    if reason := mismatch():
        raise ParamsError(reason)
    content = params.read()
    named = {key: content[key]["name"] for key in ("data", "split")}
    name = registered_name(experiment_of(named))
    if not has_champion(uri, name):
        where = masked(uri)
        raise ParamsError(f"there is no champion of {name} at {where} yet: run `make repro` first")
    options = ["--host", "127.0.0.1", "--port", str(port), "--env-manager", "local"]
    serving = [_PROGRAM, "models", "serve", "--model-uri", f"models:/{name}@{CHAMPION}", *options]
    # not on the command line, which every user of the machine can read
    store = credentials | {"MLFLOW_TRACKING_URI": uri}
    return subprocess.run(serving, env=environment() | store, check=False).returncode


def has_champion(uri: str, name: str) -> bool:
    """Whether a registered model has the alias, where MLflow itself answers with a traceback."""
    if uri.startswith(_SQLITE):
        alias = "select 1 from registered_model_aliases where name = ? and alias = ?"
        return bool(_select(Path(uri.removeprefix(_SQLITE)), alias, name, CHAMPION))
    if not uri.startswith("http"):  # a database, which MLflow itself asks
        return True
    asked = urlencode({"name": name, "alias": CHAMPION})
    address = f"{uri.rstrip('/')}/api/2.0/mlflow/registered-models/alias?{asked}"
    try:
        with urlopen(address, timeout=_SECONDS):
            return True
    except HTTPError as error:  # not there; anything else, such as a password, MLflow explains
        return error.code != HTTPStatus.NOT_FOUND
    except (OSError, HTTPException, ValueError) as error:  # such as a port that is no number
        raise ParamsError(masked(f"{uri} does not answer: {error}")) from error


def environment() -> dict[str, str]:
    """Environment of the server: no jobs and no telemetry of MLflow's own."""
    no_jobs = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    # MLflow starts programs that are installed beside it, whether or not the environment is active
    search = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {**os.environ, **QUIET, **no_jobs, "PATH": search}


def _select(database: Path, query: str, *values: str) -> list[tuple[Any, ...]]:
    """Rows of a store's file, if it has any: MLflow would take seconds to import."""
    if not database.is_file():
        return []
    with closing(sqlite3.connect(database)) as connection:
        try:
            return connection.execute(query, values).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return []
            raise
