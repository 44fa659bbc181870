"""What the files say about a whole run of the pipeline: the content of the run above its models'.

Nothing here knows MLflow.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reelbench import faults, params, paths
from reelbench.evaluation.metrics import find
from reelbench.files import read_json, sha256_file
from reelbench.tracking import record
from reelbench.tracking.record import FAULTS, Record

#: what was reported of this state, as far as it is there
_FILES = (
    paths.PARAMS,
    Path("dvc.lock"),
    paths.LEADERBOARD_CSV,
    paths.LEADERBOARD_MD,
    paths.COMPARISONS_CSV,
    paths.INDEX_HTML,
)


@dataclass(frozen=True)
class State:
    """The models that were trained and evaluated together.

    Attributes:
        experiment: data set and split.
        state_hash: SHA-256 of what all its models and evaluations are.
        name: such as `28 models at a66ed72`, or `28 models with score_train_rows at a66ed72`.
        faults: as of a `Record`.
        hashes: model folder's SHA-256 by model.
        scores: value of the champion's metric, by model that has one.
        champion: the best of them, the first of equals by name; None without any.
        parameters, metrics, tags: of the run.
        files: to be kept with it.
    """

    experiment: str
    state_hash: str
    name: str
    faults: str
    hashes: dict[str, str]
    scores: dict[str, float]
    champion: str | None
    parameters: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]
    files: tuple[Path, ...]


def read(models: Iterable[str], metric: str) -> State:
    """Collect everything about the models of a run that have been evaluated.

    Args:
        metric: key of the metric by which a champion is chosen, such as `ndcg_at_10`.

    Raises:
        ParamsError, StaleError: as `record.read`.
    """
    content = params.read()
    records = [record.read(model) for model in models]
    scores = _scores(records, metric)
    git, switched_on = record.git(), faults.named(content)
    return State(
        experiment=f"{content['data']['name']}/{content['split']['name']}",
        state_hash=_hash(records),
        name=_name(len(records), switched_on, git),
        faults=switched_on,
        hashes={found.model: found.model_hash for found in records},
        scores=scores,
        champion=find(metric).best(scores),
        parameters=_parameters(content),
        metrics=_best(scores, metric),
        tags=git | _tags(content, metric, switched_on),
        files=tuple(file for file in _FILES if file.is_file()),
    )


def _hash(records: Iterable[Record]) -> str:
    told = sorted(f"{r.name} {r.model_hash} {r.evaluation_hash}" for r in records)
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def _name(models: int, switched_on: str, git: dict[str, str]) -> str:
    wrong = f" with {switched_on}" if switched_on else ""
    commit = f" at {git['git.commit'][:7]}" if git else ""
    changed = " with changes" if git.get("git.dirty") == "true" else ""
    return f"{models} model{'' if models == 1 else 's'}{wrong}{commit}{changed}"


def _scores(records: Iterable[Record], metric: str) -> dict[str, float]:
    key = f"test/{metric}"
    return {r.model: r.test_metrics[key] for r in records if key in r.test_metrics}


def _best(scores: dict[str, float], metric: str) -> dict[str, float]:
    """The champion's value; empty where no model has one."""
    return {f"best/{metric}": find(metric).extreme(scores.values())} if scores else {}


def _parameters(content: dict[str, Any]) -> dict[str, str]:
    common = {key: content[key]["name"] for key in ("data", "split")}
    flat = common | {key: content[key] for key in ("seed", "threads")}
    return {key: record.text(value) for key, value in flat.items()}


def _tags(content: dict[str, Any], metric: str, switched_on: str) -> dict[str, str]:
    """On which inputs: hashes of the parts, and of everything that DVC has locked."""
    lock = Path("dvc.lock")
    parts = {part.stem: sha256_file(part) for part in (paths.TRAIN, paths.VALID, paths.TEST)}
    catalogue = read_json(paths.CATALOGUE) if paths.CATALOGUE.is_file() else {}
    tags = {
        "input": parts | ({"dvc.lock": sha256_file(lock)} if lock.is_file() else {}),
        "catalogue": catalogue,
        "champion.metric": metric,
        **({FAULTS: switched_on} if switched_on else {}),
    }
    return {key: record.text(value) for key, value in record.flat(tags)}
