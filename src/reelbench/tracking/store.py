"""One model's record as one MLflow run. The only module, beside `pyfunc`, that imports mlflow.

A run is written in three parts. Each leaves a mark, a tag, when it is complete; a part that has its
mark is not written again, so a mirror that was killed on the way is resumed by the next.
"""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow.parquet as pq

import reelbench
from reelbench import paths
from reelbench.data.interactions import Interactions
from reelbench.files import sha256_file
from reelbench.serving import bundle
from reelbench.tracking.record import FAULTS, TEST_GROUPS, Record

# a run is found by these and by its faults
MODEL = "reelbench.model"
MODEL_HASH = "reelbench.model_hash"
# the marks of the three parts
TRAINING = "reelbench.training"
PYFUNC = "reelbench.pyfunc"
EVALUATION = "reelbench.evaluation_hash"

_CONTEXTS = {"training": paths.TRAIN, "validation": paths.VALID, "testing": paths.TEST}
_DIGEST_LENGTH = 36  # MLflow's limit


class Store:
    """An MLflow tracking store.

    Args:
        uri: of the store; SQLite's with an absolute path.
        runs: folder for artifacts; None where the store has a place of its own (a server).
        log_model: whether runs hold the model itself.
    """

    def __init__(self, uri: str, runs: Path | None, log_model: bool) -> None:
        import mlflow

        mlflow.set_tracking_uri(uri)
        self._client = mlflow.MlflowClient()
        self._runs = runs
        self._log_model = log_model
        # any answer now: a store that is away is no model's fault, and is asked once only
        self._client.search_experiments(max_results=1)

    def mirror(self, record: Record) -> None:
        """Write those parts of the model's run that it lacks."""
        run = self._run(record)
        missing = self._missing(run.data.tags, record)
        for mark, write in missing.items():
            self._client.set_tag(run.info.run_id, mark, write(run, record))
        if missing:
            self._client.set_terminated(run.info.run_id)

    def _run(self, record: Record) -> Any:
        """The model's run, found again or new."""
        experiment = self._experiment(record.experiment)
        found = self._found(experiment, record.model, record.model_hash, record.faults)
        if found is not None:
            return found
        tags = {MODEL: record.model, MODEL_HASH: record.model_hash} | _source(record)
        if record.faults:
            tags[FAULTS] = record.faults
        return self._client.create_run(experiment, tags=tags, run_name=record.name)

    def _found(self, experiment: str, model: str, model_hash: str, faults: str) -> Any | None:
        """The run of a model with these faults: never an honest one for another, or the reverse."""
        same = {MODEL: model, MODEL_HASH: model_hash}
        condition = " and ".join(f"tags.`{tag}` = '{value}'" for tag, value in same.items())
        # MLflow cannot search for a tag that is not there
        runs = self._client.search_runs([experiment], condition)
        return next((run for run in runs if run.data.tags.get(FAULTS, "") == faults), None)

    def _experiment(self, name: str) -> str:
        found = self._client.get_experiment_by_name(name)
        if found is None:
            location = (self._runs / name).as_uri() if self._runs else None
            return self._client.create_experiment(name, artifact_location=location)
        if found.lifecycle_stage != "active":  # deleted in the UI, which keeps its name taken
            self._client.restore_experiment(found.experiment_id)
        return found.experiment_id

    def _missing(
        self, marks: Mapping[str, str], record: Record
    ) -> dict[str, Callable[[Any, Record], str]]:
        """Mark → the method that writes the part and returns the mark's value."""
        missing: dict[str, Callable[[Any, Record], str]] = {}
        if TRAINING not in marks:
            missing[TRAINING] = self._training
        if self._log_model and PYFUNC not in marks:
            missing[PYFUNC] = self._pyfunc
        if record.evaluation_hash not in (None, marks.get(EVALUATION)):
            missing[EVALUATION] = self._evaluation
        return missing

    # -- the parts

    def _training(self, run: Any, record: Record) -> str:
        from mlflow.entities import Metric, Param, RunTag

        from reelbench.reporting.charts import models as figures

        run_id, start, curves = run.info.run_id, run.info.start_time, paths.curves(record.model)
        # MLflow lets no parameter change, and an interrupted mirror may have left some
        new = sorted(record.parameters.keys() - run.data.params.keys())
        epochs = [Metric(key, value, start, epoch) for key, epoch, value in record.curves]
        # the time of a sample is its distance from the start; its number is the step
        taken = [
            Metric(key, value, start + int(1000 * seconds), round(seconds))
            for key, seconds, value in record.system
        ]
        costs = [Metric(key, value, start, 0) for key, value in record.train_metrics.items()]
        self._client.log_batch(
            run_id,
            metrics=epochs + costs + taken,
            params=[Param(key, record.parameters[key]) for key in new],
            tags=[RunTag(key, value) for key, value in record.tags.items()],
        )
        self._client.log_inputs(run_id, datasets=list(_datasets(record.experiment)))
        self._log_figures(run_id, figures.of_training(record.model, curves), curves)
        return "complete"

    def _pyfunc(self, run: Any, record: Record) -> str:
        import mlflow

        from reelbench.serving import pyfunc

        self._delete_leftovers(run)
        with TemporaryDirectory() as folder, mlflow.start_run(run.info.run_id):
            artifact = Path(folder) / pyfunc.ARTIFACT
            _write_bundle(artifact, record.model)
            logged = mlflow.pyfunc.log_model(
                name=record.model,
                python_model=pyfunc.__file__,
                artifacts={pyfunc.ARTIFACT: str(artifact)},
                code_paths=[str(Path(reelbench.__file__).parent)],
                pip_requirements=record.requirements,
                signature=pyfunc.SIGNATURE,
                params=record.parameters,
            )
        return logged.model_id

    def _delete_leftovers(self, run: Any) -> None:
        """Remove the models of a mirror that was killed before it left its mark."""
        condition = f"source_run_id = '{run.info.run_id}'"
        experiments = [run.info.experiment_id]
        for left in self._client.search_logged_models(experiments, filter_string=condition):
            self._client.delete_logged_model(left.model_id)

    def _evaluation(self, run: Any, record: Record) -> str:
        from mlflow.entities import Metric

        from reelbench.reporting.charts import models as figures

        run_id, now = run.info.run_id, int(1000 * time.time())
        model_id = self._client.get_run(run_id).data.tags.get(PYFUNC)
        # MLflow deletes no metric, and a number of an earlier evaluation must not stay
        old = [key for key in run.data.metrics if key.startswith(TEST_GROUPS)]
        values = dict.fromkeys(old, math.nan) | record.test_metrics
        metrics = [Metric(key, values[key], now, 0, model_id) for key in values]
        self._client.log_batch(run_id, metrics=metrics)
        predictions, numbers = paths.predictions(record.model), paths.metrics(record.model)
        pictures = figures.of_evaluation(record.model, predictions)
        self._log_figures(run_id, pictures, numbers)
        return str(record.evaluation_hash)

    def _log_figures(self, run_id: str, pictures: dict[str, bytes], numbers: Path) -> None:
        """Figures, and a file of the numbers behind them."""
        with TemporaryDirectory() as name:
            folder = Path(name)
            for picture, content in pictures.items():
                (folder / picture).write_bytes(content)
            if numbers.is_file():
                shutil.copy(numbers, folder / numbers.name)
            self._client.log_artifacts(run_id, name, "figures")


def _source(record: Record) -> dict[str, str]:
    """What MLflow's own columns "Source" and "Version" show."""
    tags = {"mlflow.source.type": "LOCAL", "mlflow.source.name": f"train@{record.model}"}
    if "git.commit" in record.tags:
        tags["mlflow.source.git.commit"] = record.tags["git.commit"]
    return tags


def _datasets(experiment: str) -> Iterator[Any]:
    """The parts of the ratings as MLflow inputs, identified by the content of their files."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    for context, file in _CONTEXTS.items():
        if file.is_file():
            dataset = Dataset(
                name=f"{experiment}/{file.stem}",
                digest=sha256_file(file)[:_DIGEST_LENGTH],
                source_type="local",
                source=json.dumps({"uri": file.as_posix()}),
                schema=json.dumps({"mlflow_colspec": _schema(file)}),
                profile=json.dumps({"num_rows": pq.read_metadata(file).num_rows}),
            )
            yield DatasetInput(dataset, [InputTag("mlflow.data.context", context)])


def _schema(file: Path) -> list[dict[str, Any]]:
    """Columns of a table in MLflow's words."""
    from mlflow.types import ColSpec, DataType, Schema

    kinds = {"int32": DataType.integer, "int64": DataType.long, "float": DataType.float}
    fields = pq.read_schema(file)
    return Schema(
        [ColSpec(kinds.get(str(f.type), DataType.string), f.name) for f in fields]
    ).to_dict()


def _write_bundle(folder: Path, model: str) -> None:
    seen = [Interactions.from_parquet(part) for part in (paths.TRAIN, paths.VALID)]
    bundle.write(folder, paths.model_dir(model), paths.ITEMS, paths.USERS, seen)
