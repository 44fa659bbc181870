"""Records as MLflow runs. The only module, beside `pyfunc`, that imports MLflow.

Every run is found again by the hash of its content, and what is complete is left as it is: a second
mirroring changes nothing, and one that was killed is resumed by the next. The registry has one
registered model per data set and split, with a version for every logged model and the alias
`champion` for the best: `models:/ml-100k.temporal_user@champion`.
"""

from __future__ import annotations

import base64
import json
import math
import shutil
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import quote

import pandas as pd
import pyarrow.parquet as pq

import reelbench
from reelbench import paths
from reelbench.data.interactions import Interactions
from reelbench.evaluation.metrics import find
from reelbench.files import sha256_file
from reelbench.serving import bundle
from reelbench.tracking import record as records

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput, Metric, Run

# marks, tags that say what is complete: the three parts of a model's run; a run of the pipeline
TRAINING, PYFUNC = "reelbench.training", "reelbench.pyfunc"
EVALUATION, STATE = "reelbench.evaluation_hash", "reelbench.state"
_TABLES = "mlflow.loggedArtifacts"  # MLflow's own list of tables
PARENT = "mlflow.parentRunId"  # MLflow's own mark of a nested run

_FINISHED, _FAILED = "FINISHED", "FAILED"
_CONTEXTS = {"training": paths.TRAIN, "validation": paths.VALID, "testing": paths.TEST}

# MLflow's UI shows no metrics by itself. A view that a user shares is a tag of the experiment
_VIEW = "leaderboard"
# a card above the view's charts, since the page that *Compare* opens shows equal parameters too
_DIFFERENCES = {
    "type": "DIFFERENCE",
    "uuid": "differences",
    "metricSectionId": "differences",
    "chartName": "Parameters that differ",
    "compareGroups": ["Parameters"],
    "showDifferencesOnly": True,
    "showChangeFromBaseline": False,
}
_SECTION = {"uuid": "differences", "name": "Differences", "display": True, "columns": 1}
# tags, since the UI rounds metrics to three digits
_COLUMNS = (
    "nDCG at 10",
    "recall at 10",
    "RMSE",
    "MAE",
    *(name for name, _ in records.SHOWN_COSTS.values()),
)


class Store:
    """An MLflow tracking store.

    Without a folder for artifacts (`runs`) the store has a place of its own, a server. `log_model`
    says whether runs hold the model itself.
    """

    def __init__(self, uri: str, runs: Path | None, log_model: bool) -> None:
        import mlflow

        mlflow.set_tracking_uri(uri)
        self._client = mlflow.MlflowClient()
        self._runs = runs
        self._log_model = log_model
        # a store that is away fails here, once, and not with every model
        self._client.search_experiments(max_results=1)

    def mirror(self, record: records.ModelRecord) -> None:
        """Write those parts of the model's run that it lacks."""
        run = self._run(self._experiment(record.experiment), record)
        marks = run.data.tags
        # mark → the method that writes the part and returns the mark's value
        missing: dict[str, Callable[[Run, records.ModelRecord], str]] = {}
        if TRAINING not in marks:
            missing[TRAINING] = self._training
        if self._log_model and record.requirements and PYFUNC not in marks:
            missing[PYFUNC] = self._pyfunc
        if record.evaluation_hash not in (None, marks.get(EVALUATION)):
            missing[EVALUATION] = self._evaluation
        for mark, write in missing.items():
            self._client.set_tag(run.info.run_id, mark, write(run, record))
        if missing:
            self._client.set_terminated(run.info.run_id)

    def mirror_search(self, search: records.SearchRecord) -> None:
        """Write those runs of a search that do not exist yet: a parent, and one per trial."""
        experiment = self._experiment(search.experiment)
        parent = self._run(experiment, search)
        if parent.info.status == _FINISHED:
            return
        below = {PARENT: parent.info.run_id}
        known = {run.data.tags.get(records.TRIAL): run for run in self._search(experiment, below)}
        for trial in search.trials:
            run = known.get(trial.name) or self._new(experiment, trial, below)
            if run.info.status not in (_FINISHED, _FAILED):
                self._log(run, trial)
                status = _FAILED if "error" in trial.tags else _FINISHED
                self._client.set_terminated(run.info.run_id, status)
        self._log(parent, search)
        self._client.set_terminated(parent.info.run_id, _FINISHED)

    def mirror_pipeline(self, record: records.PipelineRecord) -> None:
        """Write the parent if there is none, put the models' runs below it, register the models.

        A model that two states share has one run, below the state that was mirrored last; the
        leaderboard of the other one stays with its own parent. A state with faults shares none
        with an honest one, and registers nothing.
        """
        experiment = self._experiment(record.experiment)
        parent = self._run(experiment, record)
        for key, value in _view_tags(record.metric, parent.info.run_id).items():
            self._client.set_experiment_tag(experiment, key, value)
        if STATE not in parent.data.tags:
            self._log(parent, record)
            for file in record.files:
                self._client.log_artifact(parent.info.run_id, str(file))
            self._log_tables(parent.info.run_id, paths.LEADERBOARD_CSV, paths.COMPARISONS_CSV)
            self._client.set_tag(parent.info.run_id, STATE, "complete")
            self._client.set_terminated(parent.info.run_id)
        found = {model.model: self._found(experiment, model) for model in record.models}
        runs = {model: run for model, run in found.items() if run}
        for run in runs.values():
            if run.data.tags.get(PARENT) != parent.info.run_id:
                self._client.set_tag(run.info.run_id, PARENT, parent.info.run_id)
        logged = {model: run for model, run in runs.items() if PYFUNC in run.data.tags}
        if logged and records.FAULTS not in record.tags:
            self._register(record, logged)

    # -- finding runs

    def _experiment(self, name: str) -> str:
        found = self._client.get_experiment_by_name(name)
        if found is None:
            location = (self._runs / name).as_uri() if self._runs else None
            return str(self._client.create_experiment(name, artifact_location=location))
        if found.lifecycle_stage != "active":  # deleted in the UI, which keeps its name taken
            self._client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)

    def _run(self, experiment: str, record: records.Record) -> Run:
        faults = {tag: value for tag, value in record.tags.items() if tag == records.FAULTS}
        return self._found(experiment, record) or self._new(experiment, record, faults)

    def _found(self, experiment: str, record: records.Record) -> Run | None:
        """The run of a record: never an honest one for one with faults, or the reverse."""
        runs, faults = self._search(experiment, record.same), record.tags.get(records.FAULTS)
        # MLflow cannot search for the absence of a tag
        return next((run for run in runs if run.data.tags.get(records.FAULTS) == faults), None)

    def _search(self, experiment: str, tags: Mapping[str, str]) -> list[Run]:
        condition = " and ".join(f"tags.`{tag}` = '{value}'" for tag, value in tags.items())
        return list(self._client.search_runs([experiment], condition, max_results=1000))

    def _new(self, experiment: str, record: records.Record, tags: Mapping[str, str]) -> Run:
        known = record.same | dict(tags)
        return self._client.create_run(experiment, tags=known, run_name=record.name)

    # -- the parts of a model's run

    def _training(self, run: Run, record: records.ModelRecord) -> str:
        from mlflow.entities import Metric

        from reelbench.reporting.charts.models import of_training

        start, curves = run.info.start_time, paths.curves(record.model)
        epochs = [Metric(key, value, start, int(epoch)) for key, epoch, value in record.curves]
        # the time of a sample is its distance from the start; its number is the step
        load = [Metric(key, v, start + int(1000 * s), round(s)) for key, s, v in record.system]
        self._log(run, record, epochs + load)
        self._client.log_inputs(run.info.run_id, datasets=list(_datasets(record.experiment)))
        self._log_figures(run.info.run_id, of_training(record.model, curves), curves)
        return "complete"

    def _pyfunc(self, run: Run, record: records.ModelRecord) -> str:
        import mlflow

        from reelbench.serving import pyfunc

        # models of a mirror that was killed before it left its mark
        condition, experiments = f"source_run_id = '{run.info.run_id}'", [run.info.experiment_id]
        for left in self._client.search_logged_models(experiments, filter_string=condition):
            self._client.delete_logged_model(left.model_id)
        with TemporaryDirectory() as folder, mlflow.start_run(run.info.run_id):
            artifact = Path(folder) / pyfunc.ARTIFACT
            seen = [Interactions.from_parquet(part) for part in (paths.TRAIN, paths.VALID)]
            bundle.write(artifact, paths.model_dir(record.model), paths.ITEMS, paths.USERS, seen)
            logged = mlflow.pyfunc.log_model(
                name=record.model,
                python_model=pyfunc.__file__,
                artifacts={pyfunc.ARTIFACT: str(artifact)},
                code_paths=[str(Path(reelbench.__file__).parent)],
                pip_requirements=list(record.requirements),
                signature=pyfunc.SIGNATURE,
                params=record.parameters,
            )
        return str(logged.model_id)

    def _evaluation(self, run: Run, record: records.ModelRecord) -> str:
        from mlflow.entities import Metric, RunTag

        from reelbench.reporting.charts.models import of_evaluation

        run_id, now = run.info.run_id, int(1000 * time.time())
        model_id = self._client.get_run(run_id).data.tags.get(PYFUNC)
        # MLflow deletes no metric, and a number of an earlier evaluation must not stay
        old = [key for key in run.data.metrics if key.startswith(records.TEST_GROUPS)]
        values = dict.fromkeys(old, math.nan) | record.test_metrics
        metrics = [Metric(key, value, now, 0, model_id) for key, value in values.items()]
        tags = [RunTag(key, text) for key, text in record.shown.items()]
        self._client.log_batch(run_id, metrics=metrics, tags=tags)
        self._log_tables(run_id, paths.cohorts(record.model), paths.calibration(record.model))
        pictures = of_evaluation(record.model, paths.predictions(record.model))
        self._log_figures(run_id, pictures, paths.metrics(record.model))
        return str(record.evaluation_hash)

    def _log_figures(self, run_id: str, pictures: Mapping[str, bytes], numbers: Path) -> None:
        with TemporaryDirectory() as name:
            folder = Path(name)
            for picture, content in pictures.items():
                (folder / picture).write_bytes(content)
            if numbers.is_file():
                shutil.copy(numbers, folder / numbers.name)
            self._client.log_artifacts(run_id, name, "figures")

    def _log_tables(self, run_id: str, *files: Path) -> None:
        """Tables for the UI, in the form of `mlflow.log_table`, which would append to old ones."""
        for file in filter(Path.is_file, files):
            text = pd.read_csv(file).to_json(orient="split", index=False)
            self._client.log_text(run_id, text, name := f"tables/{file.stem}.json")
            known = json.loads(self._client.get_run(run_id).data.tags.get(_TABLES, "[]"))
            if (entry := {"path": name, "type": "table"}) not in known:
                self._client.set_tag(run_id, _TABLES, json.dumps([*known, entry]))

    # -- parts of every run, and the registry

    def _log(self, run: Run, record: records.Record, series: Sequence[Metric] = ()) -> None:
        from mlflow.entities import Metric, Param, RunTag

        start = run.info.start_time  # a resumed mirror writes the same values again, not more
        # MLflow lets no parameter change, and an interrupted mirror may have left some
        new = sorted(record.parameters.keys() - run.data.params.keys())
        self._client.log_batch(
            run.info.run_id,
            metrics=[*(Metric(k, value, start, 0) for k, value in record.metrics.items()), *series],
            params=[Param(key, record.parameters[key]) for key in new],
            tags=[RunTag(key, value) for key, value in record.tags.items()],
        )

    def _register(self, record: records.PipelineRecord, logged: Mapping[str, Run]) -> None:
        """Make the versions that do not exist yet, and point the alias to the best."""
        name = records.registered_name(record.experiment)
        if not self._client.search_registered_models(f"name='{name}'"):
            about = "A version for every trained model."
            self._client.create_registered_model(name, description=about)
        self._client.set_registered_model_tag(name, "reelbench.champion_metric", record.metric)
        found = {v.run_id: v for v in self._client.search_model_versions(f"name='{name}'")}
        cards = {run.info.run_id: record.cards.get(m, m) for m, run in logged.items()}
        for run_id, version in found.items():
            if run_id not in cards and (version.description or "").startswith("**Champion**"):
                cards[run_id] = f"`{version.tags[records.MODEL]}`, of an earlier state"
        for model, run in logged.items():
            if run.info.run_id not in found:
                model_id = run.data.tags[PYFUNC]
                found[run.info.run_id] = self._client.create_model_version(
                    name,
                    source=f"models:/{model_id}",
                    run_id=run.info.run_id,
                    tags={records.MODEL: model},
                    model_id=model_id,
                )
        for run_id, card in cards.items():
            if (found[run_id].description or "") != card:
                self._client.update_model_version(name, str(found[run_id].version), card)
        if (champion := logged.get(record.champion or "")) is not None:
            best = str(found[champion.info.run_id].version)
            known = self._client.get_registered_model(name).aliases
            if str(known.get(records.CHAMPION)) != best:
                self._client.set_registered_model_alias(name, records.CHAMPION, best)


def view_path(experiment_id: str) -> str:
    """Address of the experiment's leaderboard in MLflow's UI, after that of the server."""
    return f"/#/experiments/{quote(experiment_id)}/runs?viewStateShareKey={_VIEW}"


def _view_tags(metric: str, parent: str) -> dict[str, str]:
    """Tags of an experiment: its view, the models below a run ordered by a metric; and its kind."""
    state = {
        "searchFilter": f"tags.`{PARENT}` = '{parent}'",
        "orderByKey": f"metrics.`test/{metric}`",
        "orderByAsc": find(metric).better == "lower",
        "selectedColumns": [f"tags.`{name}`" for name in _COLUMNS],
        "compareRunCharts": [_DIFFERENCES],
        "compareRunSections": [_SECTION],
        "isAccordionReordered": True,  # else sections are sorted by name
    }
    packed = base64.b64encode(zlib.compress(json.dumps(state).encode())).decode()
    return {
        f"mlflow.sharedViewState.{_VIEW}": f"deflate;{packed}",
        "mlflow.experimentKind": "custom_model_development",
    }


def _datasets(experiment: str) -> Iterator[DatasetInput]:
    """The parts of the ratings as MLflow inputs, identified by the content of their files."""
    from mlflow.entities import Dataset, DatasetInput, InputTag
    from mlflow.types import ColSpec, DataType, Schema

    kinds = {"int32": DataType.integer, "int64": DataType.long, "float": DataType.float}
    for context, file in _CONTEXTS.items():
        if file.is_file():
            columns = pq.read_schema(file)
            types = [kinds.get(str(column.type), DataType.string) for column in columns]
            schema = Schema(list(map(ColSpec, types, columns.names)))
            dataset = Dataset(
                name=f"{experiment}/{file.stem}",
                digest=sha256_file(file)[:36],  # MLflow's limit
                source_type="local",
                source=json.dumps({"uri": file.as_posix()}),
                schema=json.dumps({"mlflow_colspec": schema.to_dict()}),
                profile=json.dumps({"num_rows": pq.read_metadata(file).num_rows}),
            )
            yield DatasetInput(dataset, [InputTag("mlflow.data.context", context)])
