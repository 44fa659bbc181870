"""An idempotent mirror of the files on disk in MLflow: a run per model, found by its content hash.

A run is a copy, never the source. So MLflow works in a process of its own (`python -m
reelbench.tracking MODEL…`) with a time limit: a store that is slow, locked or unreachable costs a
warning, and `reelbench track` fills the gap later.
"""

import json
import logging
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from string import whitespace
from tempfile import TemporaryFile

from pydantic import PositiveFloat

import reelbench
from reelbench import environment, params
from reelbench.evaluation.metrics import ComparableKey
from reelbench.params import ParamsError, Section
from reelbench.reporting.tuning import finished_searches
from reelbench.tracking.record import evaluated_models

_LOG = logging.getLogger(__name__)

PATIENCE = 0.25  # share of the time limit that a locked database or a silent server may use up
TUNING = "tune "  # begins the name of a search, where a bare name is that of a trained model
PIPELINE = "the pipeline"  # the name of the run above all models of the last pipeline run
#: settings of a process in which MLflow sends no statistics
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
_STORES = ("sqlite:///", "postgresql", "mysql", "mssql")  # how addresses of databases begin
# settings of a caller's own MLflow session, which would redirect our runs
_FOREIGN = ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME")


class TrackingConfig(Section):
    """Section `tracking` of the parameters."""

    name: str
    #: sqlite:///file, relative to the checkout, or a server's http:// address; null: no tracking;
    #: environment: what MLFLOW_TRACKING_URI says
    uri: str | None
    timeout: PositiveFloat  # seconds that MLflow may take per model
    log_model: bool  # whether a run also holds the model itself
    champion: ComparableKey  # of the metric whose best model is the registry's `champion`

    def store(self) -> tuple[str | None, dict[str, str]]:
        """Address of the store, and variables for user and password; else a ParamsError."""
        if self.uri != "environment":
            return self.uri, {}
        found = os.environ.get("MLFLOW_TRACKING_URI", "")
        address, credentials = environment.without_password(found)
        web = found.startswith(("http://", "https://")) and not set(address) & set("?#@")
        # MLflow would print any other, password included
        if not (web or found.startswith(_STORES)) or set(found) & set(whitespace):
            told = "holds no address of a store" if found else "is not set"
            raise ParamsError(f"tracking=environment: MLFLOW_TRACKING_URI {told}")
        return address, credentials


def mirror_all() -> list[str]:
    """Copy every evaluated model to MLflow; the names of those it now holds, or a warning."""
    with mirroring() as done:
        pass
    return done


@contextmanager
def mirroring() -> Iterator[list[str]]:
    """`mirror_all` beside the context, whose files the parent run gets; yields its later result."""
    done: list[str] = []

    def everything() -> list[str]:
        return [*models, PIPELINE] if (models := evaluated_models()) else []

    gate, opened = os.pipe()
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(_guarded, everything, gate)
        try:
            yield done
            os.write(opened, b"\n")
        finally:
            os.close(opened)
    os.close(gate)
    done += [name for name in found.result() if name != PIPELINE]


def mirror_tunings(*models: str) -> list[str]:
    """Copy searches of models, by default all that are finished, as `mirror_all` does models."""
    return _guarded(lambda: [TUNING + model for model in models or sorted(finished_searches())])


def reason(error: Exception) -> str:
    """The first line of an error: the rest of a database's is the statement that failed."""
    text = environment.masked(str(error)).strip().partition("\n")[0]
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__


def _guarded(choose: Callable[[], list[str]], gate: int = subprocess.DEVNULL) -> list[str]:
    """Mirror in another process; the models for which that succeeded."""
    try:
        config = params.load("tracking", TrackingConfig)
        if config.store()[0] is None:
            _LOG.info("tracking is off (tracking.uri is null)")
            return []
        models = choose()
        outcome = _outcome(models, config.timeout, gate) if models else {}
    except Exception as error:  # whatever it is: the results on disk stand without MLflow
        models, outcome = ["the models"], {"": reason(error)}
    general = outcome.get("", "its process broke off")
    failed = {model: why for model in models if (why := outcome.get(model, general))}
    for why in sorted(set(failed.values())):
        names = ", ".join(model for model in failed if failed[model] == why)
        _LOG.warning("MLflow lacks %s: %s; `reelbench track` fills it later", names, why)
    return [model for model in models if model not in failed]


def _outcome(models: list[str], timeout: float, gate: int) -> dict[str, str]:
    """Model → reason of failure, empty for none; under the name "" a reason for those not named."""
    limit = timeout * len(models)
    # files and not pipes: a pipe's reader waits as long as any grandchild holds the other end
    text = partial(TemporaryFile, "w+", encoding="utf-8", errors="replace")
    with text() as output, text() as errors:
        late = {}
        try:
            subprocess.run(
                [sys.executable, "-m", __name__, *models],
                env=_environment(timeout),
                stdin=gate,
                stdout=output,
                stderr=errors,
                timeout=limit,
                check=False,
            )
        except subprocess.TimeoutExpired:
            late = {"": f"no answer within {limit:g} s"}
        for stream in (output, errors):
            stream.seek(0)
        _LOG.debug("%s", environment.masked(errors.read()))
        return dict(json.loads(line) for line in output if line.endswith("\n")) | late


def _environment(timeout: float) -> dict[str, str]:
    """Bounded, quiet, and with the very code that runs here."""
    source = str(Path(reelbench.__file__).parents[1])
    return {
        "MLFLOW_HTTP_REQUEST_TIMEOUT": str(math.ceil(PATIENCE * timeout)),
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        **{name: value for name, value in os.environ.items() if name not in _FOREIGN},
        **QUIET,
        "PYTHONPATH": os.pathsep.join(filter(None, (source, os.environ.get("PYTHONPATH")))),
    }
