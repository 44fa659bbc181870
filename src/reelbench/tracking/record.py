"""What the files on disk say about one model, in flat names and values: the content of its run.

Nothing here knows MLflow. A file that does not exist (yet) leaves its part empty.
"""

from __future__ import annotations

import csv
import hashlib
import json
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reelbench import faults, params, paths, provenance
from reelbench.files import read_json, sha256_file, sha256_tree
from reelbench.models.base import ModelEntry
from reelbench.tracking.requirements import requirements

#: beginnings of the names of `test_metrics`
TEST_GROUPS = ("test/", "cohort/", "cost_evaluate/")

#: tag of a run with faults, and of no other
FAULTS = "faults"

_SERVING = "reelbench.serving.pyfunc"


class StaleError(ValueError):
    """Files on disk that do not belong together; the message says what to run."""


@dataclass(frozen=True)
class Record:
    """One model as it lies on disk.

    Attributes:
        experiment: data set and split, `ml-100k/temporal_user`.
        model_hash: SHA-256 of the model folder; training writes its inputs' hashes there as well.
        faults: names of those that are switched on, such as `a, b`; empty for an honest run.
        evaluation_hash: SHA-256 of the evaluation's results; None before the evaluation with these
            faults.
        parameters: the model's own keys, and data, split, seed and threads.
        tags: code, machine, package versions and input hashes.
        curves: (`curve/train_loss`, epoch, value).
        system: (`system/cpu_percent`, seconds of training, value).
        train_metrics: `cost_train/…`.
        test_metrics: `test/…`, `cohort/…` and `cost_evaluate/…`.
        requirements: `name==version` of the packages that the model needs to answer.
    """

    model: str
    experiment: str
    model_hash: str
    faults: str
    evaluation_hash: str | None
    parameters: dict[str, str]
    tags: dict[str, str]
    curves: list[tuple[str, int, float]]
    system: list[tuple[str, float, float]]
    train_metrics: dict[str, float]
    test_metrics: dict[str, float]
    requirements: list[str]

    @property
    def name(self) -> str:
        """Of the run: the model's, and with which faults."""
        return f"{self.model} with {self.faults}" if self.faults else self.model


def read(model: str) -> Record:
    """Collect everything about a trained model.

    Raises:
        ParamsError: `params.yaml` does not know the model.
        StaleError: the model is not trained, or with other parameters or ratings.
    """
    content = params.read()
    entry = params.load(f"models.{model}", ModelEntry)
    _check(model, entry, content)
    switched_on = faults.named(content)
    evaluated = evaluated_with(model) == switched_on
    cost = _read(paths.train_cost(model))
    needed = requirements(_SERVING, entry.target.rpartition(".")[0])
    return Record(
        model=model,
        experiment=f"{content['data']['name']}/{content['split']['name']}",
        model_hash=sha256_tree(paths.model_dir(model)),
        faults=switched_on,
        evaluation_hash=_evaluation_hash(model) if evaluated else None,
        parameters=_parameters(content, model),
        tags=_tags(model, content, cost, needed, switched_on),
        curves=list(_curves(paths.curves(model))),
        system=list(_system(cost)),
        train_metrics=_numbers(cost, "cost_train"),
        test_metrics=_test_metrics(model) if evaluated else {},
        requirements=needed,
    )


def _check(model: str, entry: ModelEntry, content: Mapping[str, Any]) -> None:
    """Refuse to call a model by parameters and data that it was not trained with."""
    folder = paths.model_dir(model)
    if not folder.is_dir():
        raise StaleError(f"{folder} is missing: run `dvc repro train@{model}`")
    trained = read_json(folder / "model.json")
    declared = entry.create(model, seed=0, threads=content["threads"])
    same = {
        "parameters": trained["config"] == declared.config.model_dump(mode="json"),
        "threads": trained["threads"] == declared.threads,
        "split": _read(paths.SPLIT_COUNTS).get("name") in (None, content["split"]["name"]),
        "ratings": _inputs(model).get("train") in (None, sha256_file(paths.TRAIN)),
    }
    other = ", ".join(name for name, agrees in same.items() if not agrees)
    if other:
        raise StaleError(f"{folder} was made with other {other} than there are: run `dvc repro`")


def _inputs(model: str) -> dict[str, Any]:
    """Hashes of what the model was trained with."""
    return _read(paths.model_dir(model) / "inputs.json")


def _read(file: Path) -> dict[str, Any]:
    return read_json(file) if file.is_file() else {}


def evaluated_with(model: str) -> str:
    """Names of the faults of the evaluation on disk, such as `a, b`; empty for none."""
    return ", ".join(sorted(_read(paths.metrics(model)).get("faults", ())))


def _evaluation_hash(model: str) -> str | None:
    """Hash of what an evaluation found; its cost is left out, since it differs every time."""
    metrics = paths.metrics(model)
    if not metrics.is_file():
        return None
    tables = sha256_tree(paths.predictions(model).parent)
    return hashlib.sha256(f"{sha256_file(metrics)}{tables}".encode()).hexdigest()


def _parameters(content: Mapping[str, Any], model: str) -> dict[str, str]:
    common = {
        "data": content["data"]["name"],
        "split": content["split"]["name"],
        "seed": content["seed"],
        "threads": content["threads"],
    }
    return {key: text(value) for key, value in flat(common | content["models"][model])}


def _tags(
    model: str,
    content: Mapping[str, Any],
    cost: Mapping[str, Any],
    needed: list[str],
    switched_on: str,
) -> dict[str, str]:
    tags = {
        "data": content["data"]["name"],
        "split": content["split"]["name"],
        # an honest run has no such tag
        **({FAULTS: switched_on} if switched_on else {}),
        "machine": {"host": platform.node()} | cost.get("machine", {}),
        "input": _inputs(model),
        "package": dict(name.split("==") for name in needed),
    }
    return git() | {key: text(value) for key, value in flat(tags)}


def git() -> dict[str, str]:
    """Commit and whether the tree differs from it; empty outside a checkout."""
    found = provenance.revision()
    return {"git.commit": found.commit, "git.dirty": text(found.dirty)} if found else {}


def _curves(file: Path) -> Iterator[tuple[str, int, float]]:
    if not file.is_file():
        return
    with file.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            epoch = int(row.pop("epoch"))
            values = ((key, value) for key, value in row.items() if value)
            yield from ((f"curve/{key}", epoch, float(value)) for key, value in values)


def _system(cost: Mapping[str, Any]) -> Iterator[tuple[str, float, float]]:
    """What training took of the machine over time; MLflow shows names with this beginning apart."""
    for sample in cost.get("system", ()):
        seconds = sample["seconds"]
        yield from ((f"system/{k}", seconds, v) for k, v in sample.items() if k != "seconds")


def _test_metrics(model: str) -> dict[str, float]:
    content = _read(paths.metrics(model))
    intervals = {
        f"{key}_{end}": value
        for key, bounds in content.pop("intervals", {}).items()
        for end, value in zip(("low", "high"), bounds, strict=True)
    }
    cohorts = {
        f"{cohort}_{key}": value
        for cohort, found in content.pop("cohorts", {}).items()
        for key, value in found.items()
    }
    cost = _read(paths.evaluate_cost(model))
    return (
        _numbers(content | intervals, "test")
        | _numbers(cohorts, "cohort")
        | _numbers(cost, "cost_evaluate")
    )


def _numbers(content: Mapping[str, Any], group: str) -> dict[str, float]:
    """The numbers among the values; what is null or nested is skipped."""
    return {
        f"{group}/{key}": float(value)
        for key, value in content.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def flat(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves of nested mappings under dotted names."""
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(text(element) for element in value)
    return value if isinstance(value, str) else json.dumps(value)
