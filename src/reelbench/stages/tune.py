"""Stage `tune@{model}`: search a model's hyperparameters on valid; off by default."""

from __future__ import annotations

import logging

from reelbench import params, paths
from reelbench.data.interactions import Interactions
from reelbench.evaluation import EvaluateConfig
from reelbench.features.block import Features
from reelbench.files import code_hash
from reelbench.models.base import ModelEntry
from reelbench.seeds import seed_for
from reelbench.tuning import record, searchers
from reelbench.tuning.objective import Problem, TuneConfig, objective_of
from reelbench.tuning.record import Record
from reelbench.tuning.search import Search, TuningError
from reelbench.tuning.space import Space, check_space, read_space

_LOG = logging.getLogger(__name__)


def run(model: str, *, force: bool = True) -> Record:
    """Search, write `paths.tuning(model)` after every trial, and mirror it in MLflow at the end.

    A search that was killed is continued where data, parameters, space, budget and the code of the
    models are the same.

    Args:
        force: repeat a search that is finished and would be the same.

    Returns:
        the file's content.

    Raises:
        TuningError: valid is empty, or every trial failed.
        ParamsError: space, objective or model are not valid.
    """
    problem, space = _problem(model), _space(model)
    config = params.load("tune", TuneConfig)
    searcher = searchers.searcher_of(problem.entry.model_class)
    name = searcher.name if len(space) else None
    code = code_hash(("models",))
    description = record.describe(problem, space, config, name, params.read(), code)
    found = record.of_same_search(description)
    if found and found["ended"] and not force:
        _LOG.info("%s: this very search is in %s", model, paths.tuning(model))
        return found
    if found is None or found["ended"]:
        record.clear(model)
    search = Search(
        model,
        space,
        description["default"],
        problem.objective,
        n_trials=config.trials,
        seconds=config.seconds,
        seed=description["seed"],
        value=problem.value,
        journal=paths.tune_journal(model),
        on_trial=lambda search: record.write(description, search),
    )
    record.write(description, search)
    if len(space):
        searchers.run(search, searcher)
    else:
        _LOG.info("%s: nothing to tune (search.%s is empty)", model, model)
    return _finish(description, search)


def _finish(description: Record, search: Search) -> Record:
    trials = search.trials
    if trials and search.best is None:
        raise TuningError(f"{search.model}: every trial failed, the first with {trials[0].error}")
    content = record.write(description, search, ended=True)

    # here and not above: it imports mlflow, which takes seconds
    from reelbench.tracking import mirror_tuning

    mirror_tuning(search.model)
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
