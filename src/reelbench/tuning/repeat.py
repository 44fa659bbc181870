"""One model trained again and again: over seeds, for the spread of training; over folds.

Not a stage of the pipeline, which would have to train every model several times: `reelbench seeds`
and `reelbench folds` call it after a run, on the data that the run left.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from reelbench import faults, params, paths
from reelbench.data.engine import connect
from reelbench.data.interactions import Interactions
from reelbench.evaluation import EvaluateConfig
from reelbench.evaluation.beyond_accuracy import Movies
from reelbench.evaluation.evaluate import Parts, evaluate
from reelbench.faults import Fault
from reelbench.features.block import Block, BlockEntry, Catalogue, Features, read_block
from reelbench.files import write_json
from reelbench.models.base import ModelEntry
from reelbench.seeds import generator, seed_for
from reelbench.splits import KFold, SplitInput, divide, protocol_of

_LOG = logging.getLogger(__name__)

Headline = dict[str, float | None]


def seeds(model: str, n: int) -> dict[str, Any]:
    """Metrics of `n` trainings on the current split, written too; the first has the usual seed."""
    root = params.read()["seed"]
    entry = params.load(f"models.{model}", ModelEntry)
    features = Features.read(entry.features)
    parts = Parts.read(paths.SPLIT)
    names = [("models", model), *(("models", model, str(number)) for number in range(1, n))]
    found = [
        _run(model, entry, parts, features, seed_for(root, *name), f"seed {number + 1} of {n}")
        for number, name in enumerate(names)
    ]
    return _written(model, "seeds", found)


def folds(model: str, catalogue: Catalogue) -> dict[str, Any]:
    """Metrics of one training per fold of the split `kfold`, written too.

    Feature blocks look at the catalogue, whose train part is replaced by each fold's.

    Raises:
        ParamsError: the split is another one.
    """
    content = params.read()
    config: Any = params.load("split", protocol_of(params.select(content, "split")))
    if not isinstance(config, KFold):
        raise params.ParamsError(f"folds need split=kfold, params.yaml has split {config.name}")
    root, n = content["seed"], config.folds
    entry = params.load(f"models.{model}", ModelEntry)
    seed = seed_for(root, "models", model)
    found = []
    engine = connect()
    ratings = engine.parquet(paths.INTERACTIONS)
    for fold in range(1, n + 1):
        given = SplitInput(ratings, engine, generator(root, "split", config.method))
        divided = divide(config.model_copy(update={"fold": fold}), given)
        parts = Parts(*(Interactions.from_table(part.read()) for part in divided.values()))
        if Fault.ENCODER_ON_ALL_ROWS not in faults.read():
            catalogue = replace(catalogue, train=parts.train)
        blocks = {name: _build(name, catalogue) for name in entry.features}
        features = Features(catalogue.ids, blocks)
        found.append(_run(model, entry, parts, features, seed, f"fold {fold} of {n}"))
    return _written(model, "folds", found)


def _build(name: str, catalogue: Catalogue) -> Block:
    common = params.read()
    entry = params.load(f"features.{name}", BlockEntry)
    seed = seed_for(common["seed"], "features", name)
    return entry.create(name, seed=seed, threads=common["threads"]).build(catalogue)


def _run(
    model: str, entry: ModelEntry, parts: Parts, features: Features, seed: int, which: str
) -> Headline:
    """Train and evaluate once: every metric that is one number."""
    common = params.read()
    config = params.load("evaluate", EvaluateConfig)
    block = {config.similarity: read_block(paths.feature_block(config.similarity))}
    movies = Movies.of(pd.read_parquet(paths.ITEMS), block)
    recommender = entry.create(model, seed=seed, threads=common["threads"])
    recommender.fit(parts.train, parts.valid, features)
    # no interval of a single run is asked for, and they take most of the time
    config = config.model_copy(update={"bootstrap_samples": 1})
    found = evaluate(recommender, parts, config, movies, common["seed"], faults.read())
    _LOG.info("%s: %s done", model, which)
    return {key: value for key, value in found.metrics.items() if not isinstance(value, dict)}


def _written(model: str, kind: str, found: Sequence[Headline]) -> dict[str, Any]:
    """Write values of every run, their mean, and standard deviation (n - 1; None for one run)."""
    values = {key: [run[key] for run in found] for key in found[0]}
    known = {key: np.array(runs, float) for key, runs in values.items() if None not in runs}
    content = {
        "runs": len(found),
        "values": values,
        "mean": {key: float(runs.mean()) for key, runs in known.items()},
        "deviation": {
            key: float(runs.std(ddof=1)) if len(runs) > 1 else None for key, runs in known.items()
        },
    }
    write_json(paths.repeats(model, kind), content)
    return content
