"""`python -m reelbench.tracking NAME…`: the process in which MLflow works.

A name is that of a trained model, `tune MODEL` for the search for its parameters, or `PIPELINE` for
the run above all models.
"""

import fcntl
import json
import logging
import os
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, redirect_stdout
from functools import cache
from pathlib import Path

from altair.utils.schemapi import debug_mode

from reelbench import params, paths
from reelbench.tracking import PATIENCE, PIPELINE, TUNING, TrackingConfig, reason, record
from reelbench.tracking.store import Store

_LOG = logging.getLogger(__name__)


def main(models: Sequence[str]) -> None:
    """Mirror models; write JSON lines [model, why it failed], and ["", why there are no more]."""
    results = sys.stdout
    with redirect_stdout(sys.stderr):  # MLflow prints addresses
        try:
            config, read = params.load("tracking", TrackingConfig), cache(record.read_model)
            # Altair need not check every part of a chart when it is made
            with debug_mode(False), _store(config) as store:
                for model in models:
                    outcome = json.dumps([model, _mirror(store, model, config, read)])
                    print(outcome, file=results, flush=True)
        except Exception as error:
            _LOG.exception("the store")
            print(json.dumps(["", reason(error)]), file=results, flush=True)


def _mirror(store: Store, model: str, config: TrackingConfig, read: record.ReadModel) -> str:
    try:
        if model == PIPELINE:
            if not sys.stdin.read(1):  # comes when the files of the report are written
                return "the report was not written"
            models = record.evaluated_models()
            store.mirror_pipeline(record.read_pipeline(models, config.champion, read))
        elif model.startswith(TUNING):
            store.mirror_search(record.read_search(model.removeprefix(TUNING)))
        else:
            store.mirror(read(model))
    except Exception as error:  # the next model may succeed
        _LOG.exception("%s", model)
        return reason(error)
    return ""


@contextmanager
def _store(config: TrackingConfig) -> Iterator[Store]:
    """The store, locked: two processes that make its tables, or a run, break each other."""
    uri, credentials = config.store()
    os.environ.update(credentials)
    database = _database(str(uri))
    if database:
        handle = os.open(f"{database}.lock", os.O_RDWR | os.O_CREAT, 0o666)
    else:
        handle = os.open(os.curdir, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if database is None:
            yield Store(str(uri), None, config.log_model)
            return
        if database.exists():
            seconds = PATIENCE * config.timeout  # MLflow itself tries for minutes
            with closing(sqlite3.connect(database, timeout=seconds)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.rollback()
        # MLflow reads "?", "%" and quotes in an absolute path; the variable is one of its own
        runs = database.parent / "mlruns"
        os.environ["_MLFLOW_SERVER_ARTIFACT_ROOT"] = runs.as_uri()
        yield Store(f"sqlite:///{os.path.relpath(database)}", runs, config.log_model)
    finally:
        os.close(handle)


def _database(uri: str) -> Path | None:
    """Absolute path of an SQLite store's file; None for a server."""
    file = uri.removeprefix("sqlite:///")
    return None if file == uri else paths.in_checkout(Path(file))


if __name__ == "__main__":
    main(sys.argv[1:])
