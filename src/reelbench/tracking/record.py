"""What the files on disk state about a model, a search or a run of the pipeline.

A record is the content of one MLflow run, as flat names and values. Nothing here imports MLflow.
A file that does not exist (yet) leaves its part empty.
"""

from __future__ import annotations

import csv
import hashlib
import json
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reelbench import faults, params, paths, provenance
from reelbench.evaluation.metrics import find
from reelbench.files import read_json, read_json_if_any, sha256_file, sha256_json, sha256_tree
from reelbench.models.base import ModelEntry
from reelbench.reporting.tuning import finished_searches
from reelbench.tracking.requirements import requirements

#: beginnings of the names of `test_metrics`
TEST_GROUPS = ("test/", "cohort/", "cost_evaluate/")
#: tag of a run with faults, and of no other
FAULTS = "faults"
#: alias of the best model in the registry
CHAMPION = "champion"

_SERVING = "reelbench.serving.pyfunc"
_LOCK = Path("dvc.lock")
# of a run of the pipeline, as far as they exist
_FILES = (
    paths.PARAMS,
    _LOCK,
    paths.LEADERBOARD_CSV,
    paths.LEADERBOARD_MD,
    paths.COMPARISONS_CSV,
    paths.INDEX_HTML,
)


class StaleError(ValueError):
    """Files on disk that do not belong together; the message says what to run."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """What every run has: flat names and values."""

    parameters: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class ModelRecord(Record):
    """One model on disk: its parameters, data, split, seed and threads; its `cost_train/…`."""

    model: str  # its name
    experiment: str  # data set and split, `ml-100k/temporal_user`
    model_hash: str  # SHA-256 of the model folder; training writes its inputs' hashes there as well
    faults: str  # names of those that are switched on, such as `a, b`; empty for an honest run
    #: SHA-256 of the evaluation's results; None before the evaluation with these faults
    evaluation_hash: str | None
    curves: list[tuple[str, int, float]]  # (`curve/train_loss`, epoch, value)
    system: list[tuple[str, float, float]]  # (`system/cpu_percent`, seconds of training, value)
    test_metrics: dict[str, float]  # `test/…`, `cohort/…` and `cost_evaluate/…`
    requirements: list[str]  # `name==version` of the packages that the model needs to answer

    @property
    def name(self) -> str:
        """Name of the run: the model's, with the faults."""
        return f"{self.model} with {self.faults}" if self.faults else self.model


@dataclass(frozen=True, kw_only=True)
class TrialRecord(Record):
    """One training of a search; a failed one has no metric but its seconds."""

    number: int


@dataclass(frozen=True, kw_only=True)
class SearchRecord(Record):
    """All trainings of a search: its budget, space, objective, searcher and seed.

    Its metrics are `valid/…` of the best, `default/…` of the parameters of `conf/`, `importance/…`
    of each parameter, and `cost_tune/…`.
    """

    model: str  # whose parameters were searched
    experiment: str  # data set and split
    search_hash: str  # SHA-256 of its results; times of another run are not in it
    trials: list[TrialRecord]  # in their order


@dataclass(frozen=True, kw_only=True)
class PipelineRecord(Record):
    """The models that were trained and evaluated together: data, split, seed and threads.

    Its metric is `best/…`, the champion's value; its tags have hashes of all that DVC has locked.
    """

    experiment: str  # data set and split
    state_hash: str  # SHA-256 of all its models and evaluations
    name: str  # such as `28 models at a66ed72`, or `28 models with score_train_rows at a66ed72`
    faults: str  # as in a `ModelRecord`
    hashes: dict[str, str]  # SHA-256 of the model folder, by model
    champion: str | None  # the best model by the champion's metric; None where no model has it
    metric: str  # key of that metric
    files: tuple[Path, ...]  # to be kept with the run


ReadModel = Callable[[str], ModelRecord]


def registered_name(experiment: str) -> str:
    """Registered model of an experiment `data/split`; MLflow allows no slash there.

    >>> registered_name("ml-100k/temporal_user")
    'ml-100k.temporal_user'
    """
    return experiment.replace("/", ".")


def read_model(model: str) -> ModelRecord:
    """The record of a trained model.

    Raises:
        ParamsError: `params.yaml` has no such model.
        StaleError: the model is not trained, or with other parameters or ratings.
    """
    content = params.read()
    entry = params.load(f"models.{model}", ModelEntry)
    _check(model, entry, content)
    switched_on = faults.named(content)
    evaluated = evaluated_with(model) == switched_on
    cost = read_json_if_any(paths.train_cost(model))
    needed = requirements(_SERVING, entry.target.rpartition(".")[0])
    tags = {
        "data": content["data"]["name"],
        "split": content["split"]["name"],
        **_fault_tag(switched_on),
        "machine": {"host": platform.node()} | cost.get("machine", {}),
        "input": _inputs(model),
        "package": dict(name.split("==") for name in needed),
    }
    return ModelRecord(
        model=model,
        experiment=_experiment(content),
        model_hash=sha256_tree(paths.model_dir(model)),
        faults=switched_on,
        evaluation_hash=_evaluation_hash(model) if evaluated else None,
        parameters=_flat(_common(content) | content["models"][model]),
        tags=_git() | _flat(tags),
        curves=list(_curves(paths.curves(model))),
        system=list(_system(cost)),
        metrics=_numbers(cost, "cost_train"),
        test_metrics=_test_metrics(model) if evaluated else {},
        requirements=needed,
    )


def read_search(model: str) -> SearchRecord:
    """The record of a finished search.

    Nothing of it is taken from `params.yaml`: the search may be of another data set or of other
    parameters than those that are set now.

    Raises:
        StaleError: there is none, or it has not finished.
    """
    content = finished_searches().get(model)
    if content is None:
        raise StaleError(f"{model} has no finished search: run `reelbench tune {model}`")
    seconds: dict[str, float] = {}
    # a committed search is of another machine, and the seconds of this one are of another search
    if read_json_if_any(paths.tuning(model)) == content:
        seconds = read_json_if_any(paths.tune_cost(model))["seconds"]
    kept = ("searcher", "seed", "threads", "budget", "objective", "space", "default", "ended")
    return SearchRecord(
        model=model,
        experiment=f"{content['data']}/{content['split']}",
        search_hash=sha256_json(content),
        parameters=_flat({key: content[key] for key in ("model", *kept)}),
        metrics=_search_metrics(content, seconds),
        tags=_git()
        | _flat({key: content[key] for key in ("data", "split")})
        # what was found differs from what is set, where there is a name for both
        | _flat({"input": content["inputs"], "winner": content["winner"]}),
        trials=[_trial(row, content, seconds) for row in content["trials"]],
    )


def read_pipeline(
    models: Iterable[str], metric: str, read: ReadModel = read_model
) -> PipelineRecord:
    """The record of the last run of the pipeline.

    Args:
        models: those that have been evaluated.
        metric: key of the metric that decides the champion, such as `ndcg_at_10`.
        read: `read_model`, or one that remembers what it has read.

    Raises:
        ParamsError, StaleError: as `read_model`.
        UnknownMetricError: no metric has this key, or it has no better end.
    """
    content = params.read()
    records = [read(model) for model in models]
    key = f"test/{metric}"
    scores = {r.model: r.test_metrics[key] for r in records if key in r.test_metrics}
    champion = find(metric).best(scores)
    git, switched_on = _git(), faults.named(content)
    states = sorted(f"{r.name} {r.model_hash} {r.evaluation_hash}" for r in records)
    parts = (paths.TRAIN, paths.VALID, paths.TEST, _LOCK)
    tags = {
        "input": {file.stem: sha256_file(file) for file in parts if file.is_file()},
        "catalogue": read_json_if_any(paths.CATALOGUE),
        "champion.metric": metric,
        **_fault_tag(switched_on),
    }
    return PipelineRecord(
        experiment=_experiment(content),
        state_hash=hashlib.sha256("\n".join(states).encode()).hexdigest(),
        name=_pipeline_name(len(records), switched_on, git),
        faults=switched_on,
        hashes={r.model: r.model_hash for r in records},
        champion=champion,
        metric=metric,
        parameters=_flat(_common(content)),
        metrics={} if champion is None else {f"best/{metric}": scores[champion]},
        tags=git | _flat(tags),
        files=tuple(file for file in _FILES if file.is_file()),
    )


def evaluated_models() -> list[str]:
    """Models of `params.yaml` that have been evaluated.

    Raises:
        StaleError: with other faults, so that honest and other figures would mix.
    """
    content = params.read()
    names: list[str] = params.select(content, "models")
    known = [m for m in names if paths.model_dir(m).is_dir() and paths.metrics(m).is_file()]
    switched_on = faults.named(content)
    for model in known:
        if (found := evaluated_with(model)) != switched_on:
            raise StaleError(
                f"{paths.metrics(model)} was made with faults: {found or 'none'}, and "
                f"{paths.PARAMS} has {switched_on or 'none'}: run `dvc repro`"
            )
    return known


def evaluated_with(model: str) -> str:
    """Names of the faults of the evaluation on disk, such as `a, b`; empty for none."""
    return ", ".join(sorted(read_json_if_any(paths.metrics(model)).get("faults", ())))


def _check(model: str, entry: ModelEntry, content: Mapping[str, Any]) -> None:
    """Refuse to label a model with parameters and data that it was not trained with."""
    folder = paths.model_dir(model)
    if not folder.is_dir():
        raise StaleError(f"{folder} is missing: run `dvc repro train@{model}`")
    trained = read_json(folder / "model.json")
    declared = entry.create(model, seed=0, threads=content["threads"])
    same = {
        "parameters": trained["config"] == declared.config.model_dump(mode="json"),
        "threads": trained["threads"] == declared.threads,
        "split": read_json_if_any(paths.SPLIT_COUNTS).get("name")
        in (None, content["split"]["name"]),
        "ratings": _inputs(model).get("train") in (None, sha256_file(paths.TRAIN)),
    }
    other = ", ".join(name for name, agrees in same.items() if not agrees)
    if other:
        raise StaleError(f"{folder} was made with other {other} than the current: run `dvc repro`")


def _inputs(model: str) -> dict[str, Any]:
    """Hashes of what the model was trained with."""
    return read_json_if_any(paths.model_dir(model) / "inputs.json")


def _evaluation_hash(model: str) -> str | None:
    """Hash of an evaluation's results.

    Its cost is left out, since it differs every time, and so is the hash of its inputs: a comment
    in the code gives no new result.
    """
    if not paths.metrics(model).is_file():
        return None
    return sha256_tree(paths.evaluation_dir(model), paths.evaluation_inputs(model))


def _experiment(content: Mapping[str, Any]) -> str:
    return f"{content['data']['name']}/{content['split']['name']}"


def _common(content: Mapping[str, Any]) -> dict[str, Any]:
    named = {key: content[key]["name"] for key in ("data", "split")}
    return named | {key: content[key] for key in ("seed", "threads")}


def _fault_tag(switched_on: str) -> dict[str, str]:
    """An honest run has no such tag."""
    return {FAULTS: switched_on} if switched_on else {}


def _git() -> dict[str, str]:
    """Commit and whether the tree differs from it; empty outside a checkout."""
    found = provenance.revision()
    return {"git.commit": found.commit, "git.dirty": _text(found.dirty)} if found else {}


def _pipeline_name(models: int, switched_on: str, git: Mapping[str, str]) -> str:
    wrong = f" with {switched_on}" if switched_on else ""
    commit = f" at {git['git.commit'][:7]}" if git else ""
    changed = " with changes" if git.get("git.dirty") == "true" else ""
    return f"{models} model{'' if models == 1 else 's'}{wrong}{commit}{changed}"


def _curves(file: Path) -> Iterator[tuple[str, int, float]]:
    if not file.is_file():
        return
    with file.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            epoch = int(row.pop("epoch"))
            values = ((key, value) for key, value in row.items() if value)
            yield from ((f"curve/{key}", epoch, float(value)) for key, value in values)


def _system(cost: Mapping[str, Any]) -> Iterator[tuple[str, float, float]]:
    """Load of the machine during training; MLflow shows names with this beginning separately."""
    for sample in cost.get("system", ()):
        seconds = sample["seconds"]
        yield from ((f"system/{k}", seconds, v) for k, v in sample.items() if k != "seconds")


def _test_metrics(model: str) -> dict[str, float]:
    content = read_json_if_any(paths.metrics(model))
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
    return (
        _numbers(content | intervals, "test")
        | _numbers(cohorts, "cohort")
        | _numbers(read_json_if_any(paths.evaluate_cost(model)), "cost_evaluate")
    )


def _search_metrics(content: Mapping[str, Any], seconds: Mapping[str, float]) -> dict[str, float]:
    values = {row["number"]: row["value"] for row in content["trials"]}
    metric = content["objective"]["metric"]
    found = {f"valid/{metric}": values.get(content["winner"]), f"default/{metric}": values.get(1)}
    found |= {"cost_tune/trials": len(values), "cost_tune/seconds": sum(seconds.values())}
    found |= {f"importance/{name}": v for name, v in content.get("importances", {}).items()}
    found["cost_tune/failed"] = sum(value is None for value in values.values())
    return {name: float(value) for name, value in found.items() if value is not None}


def _trial(
    row: Mapping[str, Any], content: Mapping[str, Any], seconds: Mapping[str, float]
) -> TrialRecord:
    number = row["number"]
    metrics = {f"valid/{content['objective']['metric']}": row["value"]}
    metrics["cost_tune/seconds"] = seconds.get(str(number))
    error = {"error": row["error"]} if row["error"] else {}
    return TrialRecord(
        number=number,
        parameters=_flat(content["parameters"] | row["parameters"]),
        metrics={name: value for name, value in metrics.items() if value is not None},
        tags={"winner": _text(number == content["winner"])} | error,
    )


def _numbers(content: Mapping[str, object], group: str) -> dict[str, float]:
    """The numbers among the values; what is null or nested is skipped."""
    return {
        f"{group}/{key}": float(value)
        for key, value in content.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def _flat(content: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    """Leaves of nested mappings as text, under dotted names."""
    found: dict[str, str] = {}
    for key, value in content.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = _text(value)
    return found


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_text(element) for element in value)
    return value if isinstance(value, str) else json.dumps(value)
