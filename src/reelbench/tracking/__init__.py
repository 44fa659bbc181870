"""An idempotent mirror of the files on disk in MLflow: a run per model, found by its content hash.

A run is a copy, never the source. So MLflow works in a process of its own (`python -m
reelbench.tracking MODEL…`) that is given a limited time: a store that is slow, locked or away costs
a warning, and `reelbench track` fills the gap later.
"""

from __future__ import annotations

import json
import logging
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from pydantic import PositiveFloat

import reelbench
from reelbench import faults, params, paths
from reelbench.evaluation.metrics import ComparableKey
from reelbench.params import Section
from reelbench.reporting.tuning import finished_searches
from reelbench.tracking.record import StaleError, evaluated_with

_LOG = logging.getLogger(__name__)

#: a locked database or a silent server may use up this part of the time before it counts as away
PATIENCE = 0.25

#: begins the name of a search, where a bare name is that of a trained model
TUNING = "tune "

#: the name of the run above all models of the last pipeline run
STATE = "the pipeline"

# settings of a caller's own MLflow session, which would redirect our runs
_FOREIGN = ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME")


class TrackingConfig(Section):
    """Section `tracking` of the parameters."""

    name: str
    #: sqlite:///file, relative to the checkout, or a server's http:// address; null: no tracking
    uri: str | None
    #: seconds that MLflow may take per model
    timeout: PositiveFloat
    #: whether a run also holds the model itself
    log_model: bool
    #: key of the metric by which the best model has the alias `champion` in the registry
    champion: ComparableKey


def mirror(model: str) -> None:
    """Copy what the files say about one trained model to MLflow; a failure is only a warning."""
    _guarded(lambda: [model])


def mirror_all() -> list[str]:
    """Copy every trained and evaluated model to MLflow; a failure is only a warning.

    A parent run holds them together, and the registry has them all.

    Returns:
        The models of which MLflow now holds what the files say.
    """
    done = _guarded(lambda: [*models, STATE] if (models := evaluated()) else [])
    return [name for name in done if name != STATE]


def mirror_tuning(model: str) -> None:
    """Copy the search for a model's parameters to MLflow; a failure is only a warning."""
    _guarded(lambda: [TUNING + model])


def mirror_tunings() -> list[str]:
    """Copy every search that came to its end to MLflow; a failure is only a warning.

    Returns:
        The searches of which MLflow now holds what the files say.
    """
    return _guarded(lambda: [TUNING + model for model in sorted(finished_searches())])


def evaluated() -> list[str]:
    """Models of `params.yaml` that have metrics.

    Raises:
        StaleError: of a protocol with other faults, so that honest and other figures would mix.
    """
    content = params.read()
    names = params.select(content, "models")
    known = [m for m in names if paths.model_dir(m).is_dir() and paths.metrics(m).is_file()]
    switched_on = faults.named(content)
    for model in known:
        if (found := evaluated_with(model)) != switched_on:
            raise StaleError(
                f"{paths.metrics(model)} was made with faults: {found or 'none'}, and "
                f"{paths.PARAMS} has {switched_on or 'none'}: run `dvc repro`"
            )
    return known


def _guarded(choose: Callable[[], list[str]]) -> list[str]:
    try:
        config = params.load("tracking", TrackingConfig)
        if config.uri is None:
            _LOG.info("tracking is off (tracking.uri is null)")
            return []
        models = choose()
        return _apart(models, config.timeout) if models else []
    except Exception as error:  # whatever it is: the results on disk stand without MLflow
        _warn("the models", reason(error))
        return []


def _apart(models: list[str], timeout: float) -> list[str]:
    """Mirror in a process of its own; the models that it did."""
    outcome = _call(models, timeout)
    general = outcome.get("", "its process broke off")
    failed = {model: why for model in models if (why := outcome.get(model, general))}
    for why in sorted(set(failed.values())):
        _warn(", ".join(model for model in failed if failed[model] == why), why)
    return [model for model in models if model not in failed]


def _call(models: list[str], timeout: float) -> dict[str, str]:
    """Model → reason of failure, empty for none; under the name "" a reason for those not named."""
    limit = timeout * len(models)
    command = [sys.executable, "-m", __name__, *models]
    # files and not pipes: a pipe's reader waits as long as any grandchild holds the other end
    with TemporaryFile("w+") as output, TemporaryFile("w+") as errors:
        late = {}
        try:
            _run(command, _environment(timeout), limit, output, errors)
        except subprocess.TimeoutExpired:
            late = {"": f"no answer within {limit:g} s"}
        for stream in (output, errors):
            stream.seek(0)
        _LOG.debug("%s", errors.read())
        return dict(json.loads(line) for line in output if line.endswith("\n")) | late


def _run(
    command: list[str], environment: dict[str, str], limit: float, output: IO[str], errors: IO[str]
) -> None:
    """Run to the end or kill at the limit; what it writes goes to files."""
    subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors,
        timeout=limit,
        check=False,
    )


def _environment(timeout: float) -> dict[str, str]:
    """Bounded, quiet, and with the very code that runs here."""
    source = str(Path(reelbench.__file__).parents[1])
    search = os.pathsep.join(filter(None, (source, os.environ.get("PYTHONPATH"))))
    bounds = {
        "MLFLOW_HTTP_REQUEST_TIMEOUT": str(math.ceil(PATIENCE * timeout)),
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    }
    own = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    return bounds | own | quiet | {"PYTHONPATH": search}


def _warn(what: str, why: str) -> None:
    _LOG.warning("MLflow lacks %s: %s; `reelbench track` fills it later", what, why)


def reason(error: Exception) -> str:
    """The first line of an error: the rest of a database's is the statement that failed."""
    text = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__
