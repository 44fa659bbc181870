"""`reports/tuning/MODEL.json`: every trial, written after each, and resumed where it broke off."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reelbench import models, paths
from reelbench.files import read_json, sha256_file, write_json
from reelbench.seeds import seed_for
from reelbench.tuning.config import TuneConfig
from reelbench.tuning.space import Space
from reelbench.tuning.study import Problem, Study, Trial

_LOG = logging.getLogger(__name__)

#: what the trials add to the description of a search
TRIALS, WINNER, ENDED = "trials", "winner", "ended"

_TRIAL = ("number", "parameters", "value", "error")
# what of `evaluate` a ranking metric depends on
_RANKED = {"k", "min_relevant_rating", "candidates", "rank_by"}


def describe(
    problem: Problem,
    space: Space,
    config: TuneConfig,
    searcher: str | None,
    content: Mapping[str, Any],
) -> dict[str, Any]:
    """Everything that a search depends on: where this is the same, so are its trials.

    Args:
        searcher: its name; None where there is nothing to tune.
        content: of `params.yaml`.
    """
    model = problem.model
    recommender = problem.entry.create(model, seed=problem.seed, threads=problem.threads)
    parameters = recommender.config.model_dump(mode="json")
    return {
        "model": model,
        "parameters": parameters,
        "default": {name: parameters[name] for name in space.parameters},
        "space": space.describe(),
        "searcher": searcher,
        "seed": seed_for(content["seed"], "tune", model),
        "model_seed": problem.seed,
        "threads": problem.threads,
        "budget": {"trials": config.trials, "seconds": config.seconds},
        "objective": {"metric": problem.objective.metric, "minimize": problem.objective.minimize},
        "evaluate": problem.config.model_dump(mode="json", include=_RANKED),
        "data": content["data"]["name"],
        "split": content["split"]["name"],
        "inputs": {
            "features": read_json(paths.model_inputs(model)),
            "train": sha256_file(paths.TRAIN),
            "valid": sha256_file(paths.VALID),
        },
        "models_code": _hash_of_models(),
    }


def _hash_of_models() -> str:
    """SHA-256 over the Python files of all models: other code may find other values."""
    folder = Path(models.__file__).parent
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        digest.update(f"{file.relative_to(folder).as_posix()}\0{sha256_file(file)}\n".encode())
    return digest.hexdigest()


def of_same_search(description: Mapping[str, Any]) -> dict[str, Any] | None:
    """Content of the model's file if it is of the search described, whole or broken off."""
    file = paths.tuning(description["model"])
    found: dict[str, Any] = read_json(file) if file.is_file() else {}
    return found if description.items() <= found.items() else None


def known_trials(description: Mapping[str, Any]) -> list[Trial]:
    """Trials of the search described if it was broken off; none if it came to its end."""
    found = of_same_search(description)
    if found is None or found[ENDED] is not None:
        return []
    file = paths.tune_cost(description["model"])
    seconds = read_json(file)["seconds"] if file.is_file() else {}
    _LOG.info("%s: %d trials are known", description["model"], len(found[TRIALS]))
    return [Trial(**row, seconds=seconds.get(str(row["number"]), 0.0)) for row in found[TRIALS]]


def write_trials(description: Mapping[str, Any], trials: Sequence[Trial]) -> None:
    """The trials so far."""
    _write(description, trials, winner=None, ended=None)


def write_end(description: Mapping[str, Any], study: Study) -> dict[str, Any]:
    """All trials, the number of the best and why there are no more.

    Returns:
        the content of the file.
    """
    winner = None if study.best is None else study.best.number
    return _write(description, study.trials, winner, study.ended)


def _write(
    description: Mapping[str, Any], trials: Sequence[Trial], winner: int | None, ended: str | None
) -> dict[str, Any]:
    """Seconds have a file of their own, since they differ every time; it comes first."""
    model = description["model"]
    seconds = {str(trial.number): round(trial.seconds, 3) for trial in trials}
    write_json(paths.tune_cost(model), {"seconds": seconds})
    rows = [{key: getattr(trial, key) for key in _TRIAL} for trial in trials]
    content = {**description, TRIALS: rows, WINNER: winner, ENDED: ended}
    write_json(paths.tuning(model), content)
    return content
