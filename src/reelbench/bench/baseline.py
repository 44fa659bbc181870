"""The committed base of comparisons: metrics, costs, and as much per user as the gate needs."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

import pyarrow.parquet as pq

from reelbench import paths
from reelbench.bench.source import BenchError
from reelbench.columns import ABSOLUTE_ERROR, N_TEST, SQUARED_ERROR, USER_IDX
from reelbench.files import atomic

_ALWAYS = (USER_IDX, N_TEST, SQUARED_ERROR, ABSOLUTE_ERROR)


def save(models: Iterable[str], gated: Iterable[str], folder: Path) -> None:
    """Copy the results of the last run into `folder`, whole or not at all.

    Raises:
        BenchError: a model is not evaluated yet.
    """
    with atomic(folder) as target:
        for model in models:
            for file in (paths.metrics(model), paths.per_user(model)):
                if not file.is_file():
                    raise BenchError(f"{file} is missing: run `dvc repro evaluate@{model}`")
            for file, place in (
                (paths.metrics(model), "metrics"),
                (paths.train_cost(model), "costs/train"),
                (paths.evaluate_cost(model), "costs/evaluate"),
            ):
                if file.is_file():
                    copy = target / place / f"{model}.json"
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(file, copy)
            table = pq.read_table(paths.per_user(model))
            kept = [name for name in table.column_names if name in {*_ALWAYS, *gated}]
            (target / "per_user").mkdir(exist_ok=True)
            slim = target / "per_user" / f"{model}.parquet"
            pq.write_table(table.select(kept), slim, compression="zstd")
