"""Stage `tune@{model}`: search a model's hyperparameters on valid; off by default."""

import logging
import shutil
from collections.abc import Mapping
from typing import Any

from reelbench import params, paths
from reelbench.data.interactions import Interactions
from reelbench.evaluation import EvaluateConfig
from reelbench.features.block import Features
from reelbench.files import code_hash, read_json_if_any
from reelbench.models.base import ModelEntry
from reelbench.stages import train
from reelbench.tuning import record
from reelbench.tuning.objective import Problem, TuneConfig, objective_of
from reelbench.tuning.record import Record
from reelbench.tuning.search import Search, TuningError, searcher_of, spend
from reelbench.tuning.space import check_space, read_space

_LOG = logging.getLogger(__name__)


def run(model: str, *, force: bool = True) -> Record:
    """Search, write `paths.tuning(model)` after every trial, and mirror it in MLflow at the end.

    A search that was killed is continued where data, parameters, space, budget and the code of the
    models are the same; one that is finished is repeated with `force`. An empty valid part, or no
    trial that succeeds, is a TuningError.
    """
    content, config = params.read(), params.load("tune", TuneConfig)
    problem = _problem(model, content, config)
    source = paths.model_conf(model)
    space = read_space(model, params.select(content, "search").get(model, {}), source)
    check_space(model, space, problem.entry, source)
    searcher = searcher_of(problem.entry.model_class)
    name = searcher.name if len(space) else None
    description = record.describe(problem, space, config, name, content, code_hash(("models",)))
    found: Record = read_json_if_any(paths.tuning(model))
    same = description.items() <= found.items()
    if same and found["ended"] and not force:
        _LOG.info("%s: this very search is in %s", model, paths.tuning(model))
        return found
    if not same or found["ended"]:
        shutil.rmtree(paths.tuning_dir(model), ignore_errors=True)
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
        spend(search, searcher)
    else:
        _LOG.info("%s: nothing to tune (search.%s is empty)", model, model)
    trials = search.trials
    if trials and search.best is None:
        raise TuningError(f"{model}: every trial failed, the first with {trials[0].error}")
    found = record.write(description, search, ended=True)

    # here and not above: it imports mlflow, which takes seconds
    from reelbench.tracking import mirror_tunings

    mirror_tunings(model)
    return found


def _problem(model: str, common: Mapping[str, Any], wanted: TuneConfig) -> Problem:
    entry = params.load(f"models.{model}", ModelEntry)
    config = params.load("evaluate", EvaluateConfig)
    seed = train.seed_of(model, entry, common["seed"])
    recommender = entry.create(model, seed=seed, threads=common["threads"])
    valid = Interactions.from_parquet(paths.VALID)
    if recommender.predicts_ratings and read_json_if_any(paths.CATALOGUE).get("implicit"):
        wrong = f"{model} predicts ratings, and these data have none"
        raise TuningError(f"{wrong}: tune a ranking model")
    if not len(valid):
        raise TuningError(
            f"{model}: valid is empty in split {common['split']['name']}, so there is nothing to "
            "choose by: set split.valid, or tune on another split"
        )
    known = Interactions.from_parquet(paths.TRAIN), valid, Features.read(entry.features)
    objective = objective_of(wanted.objective, recommender.predicts_ratings, config)
    return Problem(model, entry, *known, objective, config, seed, common["threads"])
