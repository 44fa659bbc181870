"""Stage `evaluate@MODEL`: the test metrics, tables and scoring costs of one trained model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from reelbench import faults, params, paths
from reelbench.columns import BIN_HIGH, BIN_LOW, MEAN_GIVEN, MEAN_PREDICTED, N_TEST
from reelbench.data.interactions import Interactions
from reelbench.evaluation import EvaluateConfig
from reelbench.evaluation.beyond_accuracy import Movies
from reelbench.evaluation.evaluate import Parts, Table, evaluate
from reelbench.features.block import read_block
from reelbench.files import atomic, write_json
from reelbench.models.base import Recommender

CALIBRATION = [BIN_LOW, BIN_HIGH, N_TEST, MEAN_PREDICTED, MEAN_GIVEN]


def run(model: str) -> None:
    """Write the files of `paths` that evaluation makes; the report mirrors them to MLflow."""
    config = params.load("evaluate", EvaluateConfig)
    seed = params.select(params.read(), "seed")
    parts = Parts(*map(Interactions.from_parquet, (paths.TRAIN, paths.VALID, paths.TEST)))
    recommender = Recommender.load(paths.model_dir(model))
    result = evaluate(recommender, parts, config, _movies(config), seed, faults.read())
    write_json(paths.metrics(model), result.metrics)
    _write_table(result.per_user, paths.per_user(model))
    _write_table(result.predictions, paths.predictions(model))
    _write_table(result.recommendations, paths.recommendations(model))
    _write_table(result.last_places, paths.last_places(model))
    write_json(paths.evaluate_cost(model), result.cost)
    _write_csv(result.cohorts, paths.cohorts(model))
    # columns that nothing fills keep the file of a model that only ranks a table without rows
    _write_csv(
        pd.DataFrame(result.calibration or {}, columns=CALIBRATION), paths.calibration(model)
    )


def _movies(config: EvaluateConfig) -> Movies:
    block = read_block(paths.feature_block(config.similarity))
    return Movies.of(pd.read_parquet(paths.ITEMS), {config.similarity: block})


def _write_csv(table: pd.DataFrame, file: Path) -> None:
    with atomic(file) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6f", lineterminator="\n")


def _write_table(table: Table, file: Path) -> None:
    """Parquet with nulls for NaN, and for columns that the model has no values of."""
    n_rows = next(len(column) for column in table.values() if column is not None)
    arrays = {name: _array(column, n_rows) for name, column in table.items()}
    with atomic(file) as temporary:
        pq.write_table(pa.table(arrays), temporary, compression="zstd")


def _array(column: np.ndarray | None, n_rows: int) -> pa.Array:
    if column is None:
        return pa.nulls(n_rows, pa.float64())
    return pa.array(column, from_pandas=True)  # turns NaN into null
