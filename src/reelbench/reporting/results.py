"""What the stages before left behind about one model."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from reelbench import paths
from reelbench.columns import N_TEST
from reelbench.files import read_json

# bins of the rating scale with fewer ratings jump about
_FEWEST_RATINGS = 20


class ReportError(ValueError):
    """A file that the report needs is not there; the message names the command that makes it."""


@dataclass(frozen=True)
class Result:
    """Files of one model.

    Attributes:
        metrics: content of `paths.metrics`.
        train_cost, evaluate_cost: content of the cost files, empty where there is none.
        curves: `epoch`, `train_loss`, `valid_loss`; no rows for a model without epochs.
        per_user, predictions: tables of the evaluation.
        cohorts, calibration: content of `paths.cohorts` and `paths.calibration`.
    """

    name: str
    metrics: dict[str, Any]
    train_cost: dict[str, Any]
    evaluate_cost: dict[str, Any]
    curves: pd.DataFrame
    per_user: pd.DataFrame
    predictions: pd.DataFrame
    cohorts: pd.DataFrame = field(default_factory=pd.DataFrame)
    calibration: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def predicts_ratings(self) -> bool:
        """False for a model that only ranks."""
        return self.metrics.get("rmse") is not None


def read_result(model: str) -> Result:
    """Read the files of a model.

    Raises:
        ReportError: the model is not evaluated yet.
    """
    needed = (paths.metrics(model), paths.per_user(model), paths.predictions(model))
    missing = [file for file in needed if not file.is_file()]
    if missing:
        raise ReportError(f"{missing[0]} is missing: run `dvc repro evaluate`")
    return Result(
        name=model,
        metrics=read_json(paths.metrics(model)),
        train_cost=_read_if_there(paths.train_cost(model)),
        evaluate_cost=_read_if_there(paths.evaluate_cost(model)),
        curves=_read_curves(paths.curves(model)),
        per_user=pd.read_parquet(paths.per_user(model)),
        predictions=pd.read_parquet(paths.predictions(model)),
        cohorts=_read_table(paths.cohorts(model)),
        calibration=_read_table(paths.calibration(model)),
    )


def thick_bins(result: Result) -> pd.DataFrame:
    """The rows of `calibration` with enough ratings to be shown."""
    table = result.calibration
    return table[table[N_TEST] >= min(_FEWEST_RATINGS, table[N_TEST].max())]


def _read_if_there(file: Path) -> dict[str, Any]:
    return read_json(file) if file.is_file() else {}


def _read_table(file: Path) -> pd.DataFrame:
    return pd.read_csv(file) if file.is_file() else pd.DataFrame()


def _read_curves(file: Path) -> pd.DataFrame:
    if not file.is_file():
        return pd.DataFrame(columns=["epoch", "train_loss", "valid_loss"])
    return pd.read_csv(file)
