"""Stage `evaluate`: the test metrics, tables and scoring costs of every trained model.

One process evaluates all models, since starting one and reading the parts takes longer than most
evaluations. DVC keeps what an earlier run wrote: a model whose inputs are the same is left as is.
"""

import logging
import shutil
import time
from collections.abc import Iterable
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from reelbench import faults, files, params, paths
from reelbench.columns import BIN_HIGH, BIN_LOW, MEAN_GIVEN, MEAN_PREDICTED, N_TEST
from reelbench.data.identity import read_identity
from reelbench.data.interactions import Ids, Parts
from reelbench.evaluation import IMPORTED, EvaluateConfig
from reelbench.evaluation.beyond_accuracy import Movies
from reelbench.evaluation.evaluate import Evaluation, Table, evaluate_on, task_of
from reelbench.evaluation.imported import ImportedRun, facts_of, runs_of
from reelbench.features.block import Features, read_block
from reelbench.models.base import Recommender

_LOG = logging.getLogger(__name__)

# what every evaluation runs beside the model's own code; dvc.yaml lists at least the same
_SHARED_CODE = (
    "data/identity.py",
    "data/interactions.py",
    "evaluation",
    "faults.py",
    "features",
    "files.py",
    "models/base.py",
    "models/shared",
    "parallel.py",
    "seeds.py",
    "stages/evaluate.py",
)


def run(*names: str) -> None:
    """Evaluate the named models, or all, whose inputs have changed, and write `paths.METRICS`."""
    everything = params.select(params.read(), "inputs")
    models = [model for model in everything if not paths.skipped(model).is_file()]
    # where test ratings are learned in turn, predictions that were made beforehand mean nothing
    if not files.read_json_if_any(paths.SPLIT_COUNTS).get("moments"):
        models += runs_of(read_identity(), everything)
    _remove_leftovers(models)
    todo = {}
    for model, key in _keys(names or models).items():
        known = files.read_json_if_any(paths.evaluation_inputs(model)).get("key")
        if key != known or not paths.evaluate_cost(model).is_file():
            todo[model] = key
    if todo:
        _evaluate(todo)
    _LOG.info("evaluate: %d of %d models, the others are up to date", len(todo), len(models))
    evaluated = [model for model in models if paths.metrics(model).is_file()]
    found = {model: files.read_json(paths.metrics(model)) for model in evaluated}
    files.write_json(paths.METRICS, found)


def _evaluate(todo: dict[str, str]) -> None:
    config = params.load("evaluate", EvaluateConfig)
    content = params.read()
    seed, switched_on = params.select(content, "seed"), faults.read()
    parts = Parts.read(paths.SPLIT)
    vectors = {config.similarity: read_block(paths.feature_block(config.similarity))}
    movies = Movies.of(pd.read_parquet(paths.ITEMS), vectors)
    task, of_data = None, read_identity()
    for model, key in todo.items():
        start = time.perf_counter()
        recommender = _recommender(model, parts)
        if task is None or task.ids != recommender.ids:
            task = task_of(parts, recommender.ids, config, movies, seed, switched_on)
        # those of the first training too: a model's folder states their hashes, so DVC knows them
        again = Features.read(content["inputs"][model]) if parts.moments else None
        result, facts = evaluate_on(task, recommender, again), None
        cost = result.cost
        if isinstance(recommender, ImportedRun):
            places = task.seen.shape[0] * task.seen.shape[1] - task.seen.nnz
            result, facts = recommender.defined(result, places), facts_of(model)
            cost = facts["cost"]
        if names := faults.active(content, model):
            result.metrics["faults"] = dict.fromkeys(names, True)
        _write(result, model, {"key": key} | of_data, facts)
        seconds = round(time.perf_counter() - start, 3)
        files.write_json(paths.evaluate_cost(model), {**cost, "evaluate_seconds": seconds})
        _LOG.info("%s: evaluated", model)


def _recommender(model: str, parts: Parts) -> Recommender:
    if not paths.imported_run(model).is_file():
        return Recommender.load(paths.model_dir(model))
    known = files.read_json(paths.CATALOGUE)
    return ImportedRun.read(model, Ids(*(known[f.name] for f in fields(Ids))), parts.train)


def _keys(models: Iterable[str]) -> dict[str, str]:
    content = params.read()
    read = {
        "parameters": {key: content[key] for key in ("evaluate", "faults", "seed", "threads")},
        "code": files.code_hash(_SHARED_CODE),
        "data": files.sha256_tree(paths.SPLIT),
        "items": files.sha256_file(paths.ITEMS),
        "similarity": files.sha256_file(paths.feature_block(content["evaluate"]["similarity"])),
    }
    keys = {}
    for model in models:
        own: dict[str, object] = {
            "model": files.sha256_tree(paths.model_dir(model)),
            "model_code": _model_code(model),
            "faults": faults.active(content, model),
        }
        if paths.imported_run(model).is_file():
            own = {"run": files.sha256_file(paths.imported_run(model))}
        keys[model] = files.sha256_json(read | own)
    return keys


def _model_code(model: str) -> list[str]:
    """SHA-256 of the module, or package, of every class in a saved model; a blend has several."""
    descriptions = sorted(paths.model_dir(model).rglob("model.json"))
    targets = {files.read_json(file)["_target_"] for file in descriptions}
    hashes = []
    for name in (target.rpartition(".")[0] for target in sorted(targets)):
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            raise params.ParamsError(f"no module {name}: run `dvc repro` to train its models again")
        file = Path(spec.origin)
        hashes.append(files.source_hash(file.parent if file.name == "__init__.py" else file))
    return hashes


def _remove_leftovers(models: list[str]) -> None:
    """Delete results of models that are neither wanted nor, for another choice, still trained."""
    for folder in paths.EVALUATION.glob("*"):
        trained = paths.model_dir(folder.name).is_dir() and not paths.skipped(folder.name).is_file()
        if folder.name not in models and not trained:
            shutil.rmtree(folder)
            paths.evaluate_cost(folder.name).unlink(missing_ok=True)


def _write(
    result: Evaluation, model: str, inputs: dict[str, object], run: dict[str, object] | None
) -> None:
    with files.atomic(paths.evaluation_dir(model)) as folder:
        folder.mkdir()
        files.write_json(folder / paths.metrics(model).name, result.metrics)
        for name in ("per_user", "predictions", "recommendations", "last_places"):
            _write_table(getattr(result, name), folder / getattr(paths, name)(model).name)
        _write_csv(result.cohorts, folder / paths.cohorts(model).name)
        # columns that nothing fills keep the file of a model that only ranks a table without rows
        columns = [BIN_LOW, BIN_HIGH, N_TEST, MEAN_PREDICTED, MEAN_GIVEN]
        calibration = pd.DataFrame(result.calibration or {}, columns=columns)
        _write_csv(calibration, folder / paths.calibration(model).name)
        files.write_json(folder / paths.evaluation_inputs(model).name, inputs)
        if run is not None:
            files.write_json(folder / paths.run_facts(model).name, {"family": IMPORTED} | run)


def _write_csv(table: pd.DataFrame, file: Path) -> None:
    table.to_csv(file, index=False, float_format="%.6f", lineterminator="\n")


def _write_table(table: Table, file: Path) -> None:
    """Parquet with nulls for NaN, and for columns that the model has no values of."""
    n_rows = next(len(column) for column in table.values() if column is not None)
    nothing = pa.nulls(n_rows, pa.float64())
    arrays = {
        name: nothing if column is None else pa.array(column, from_pandas=True)  # NaN is null
        for name, column in table.items()
    }
    pq.write_table(pa.table(arrays), file, compression="zstd")
