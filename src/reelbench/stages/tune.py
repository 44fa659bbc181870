"""Stage `tune@{model}`: search a model's parameters on valid; off by default."""

from __future__ import annotations

import logging
from typing import Any

from reelbench import params, paths
from reelbench.data.interactions import Interactions
from reelbench.evaluation import EvaluateConfig
from reelbench.features.block import Features
from reelbench.models.base import ModelEntry
from reelbench.seeds import seed_for
from reelbench.tuning import record
from reelbench.tuning.config import TuneConfig
from reelbench.tuning.objective import objective_of
from reelbench.tuning.searchers import Searcher, searcher_of
from reelbench.tuning.space import Space, check_space, read_space
from reelbench.tuning.study import Problem, Study, TuningError

_LOG = logging.getLogger(__name__)


def run(model: str, *, again: bool = True) -> dict[str, Any]:
    """Search, write `paths.tuning(model)` after every trial, and mirror it at the end.

    Args:
        again: whether to repeat a search that is finished and would be the same.

    Returns:
        the file's content.

    Raises:
        TuningError: valid is empty, or every trial failed.
        ParamsError: the space, the objective or the model is not as it must be.
    """
    problem, space = _problem(model), _space(model)
    config = params.load("tune", TuneConfig)
    searcher = searcher_of(problem.entry.target, space, config.trials)
    name = searcher.name if len(space) else None
    description = record.describe(problem, space, config, name, params.read())
    found = record.of_same_search(description)
    if found and found[record.ENDED] and not again:
        _LOG.info("%s: %s has this very search", model, paths.tuning(model))
        return found
    return _search(problem, space, config, searcher, description)


def _search(
    problem: Problem,
    space: Space,
    config: TuneConfig,
    searcher: Searcher,
    description: dict[str, Any],
) -> dict[str, Any]:
    model = problem.model
    study = Study(
        model,
        space,
        description["default"],
        problem.objective,
        trials=config.trials,
        seconds=config.seconds,
        seed=description["seed"],
        value=problem.value,
        keep=lambda trials: record.write_trials(description, trials),
        known=record.known_trials(description),
    )
    if len(space):
        searcher.search(study)
        if study.best is None:
            raise TuningError(
                f"{model}: every trial failed, the first with {study.trials[0].error}"
            )
    else:
        _LOG.info("%s: nothing to tune (search.%s is empty)", model, model)
    content = record.write_end(description, study)

    # here and not above: it imports mlflow, which takes seconds
    from reelbench.tracking import mirror_tuning

    mirror_tuning(model)
    return content


def _problem(model: str) -> Problem:
    common = params.read()
    entry = params.load(f"models.{model}", ModelEntry)
    config = params.load("evaluate", EvaluateConfig)
    wanted = params.load("tune", TuneConfig).objective
    seed = seed_for(common["seed"], "models", model) if entry.seed is None else entry.seed
    recommender = entry.create(model, seed=seed, threads=common["threads"])
    valid = Interactions.from_parquet(paths.VALID)
    if not len(valid):
        raise TuningError(
            f"{model}: valid is empty in split {common['split']['name']}, so there is nothing to "
            "choose by: set split.valid, or tune on another split"
        )
    return Problem(
        model,
        entry,
        Interactions.from_parquet(paths.TRAIN),
        valid,
        Features.read(entry.features),
        objective_of(wanted, recommender.predicts_ratings, config),
        config,
        seed,
        common["threads"],
    )


def _space(model: str) -> Space:
    source = paths.CONF / "models" / f"{model}.yaml"
    section = params.select(params.read(), "search").get(model, {})
    space = read_space(model, section, source)
    check_space(model, space, params.load(f"models.{model}", ModelEntry), source)
    return space
