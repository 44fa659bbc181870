"""Movies with few ratings in train: where a model that knows more than ratings shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from reelbench.columns import ITEM_IDX, N_TEST, RATING, SCORE, SQUARED_ERROR, USER_IDX
from reelbench.reporting.results import Result
from reelbench.reporting.verdict import BASELINE, Verdict, against_baseline

_COLUMNS = ["model", "rmse", "difference", "low", "high", "p", "p_corrected", "better"]


class RareRow(NamedTuple):
    """One model on the test ratings of rare movies."""

    model: str
    rmse: float
    #: against `bias` on these ratings; None for `bias` itself, and where it is missing
    verdict: Verdict | None

    @property
    def better(self) -> str:
        """The model that is significantly better; empty where no difference is shown."""
        if self.verdict is None or not (self.verdict.is_better or self.verdict.is_worse):
            return ""
        return self.model if self.verdict.is_better else BASELINE


@dataclass(frozen=True)
class RareItems:
    """Errors on the test ratings of movies with at most `limit` ratings in train.

    Attributes:
        n_ratings, n_users, n_items: of test, as far as such movies go.
        rows: models that predict ratings, the lowest error first; empty without such ratings.
    """

    limit: int
    n_ratings: int
    n_users: int
    n_items: int
    rows: Sequence[RareRow]

    def frame(self) -> pd.DataFrame:
        """Content of `reports/rare_items.csv`, a row per model."""
        rows = []
        for row in self.rows:
            record: dict[str, object] = {"model": row.model, "rmse": row.rmse, "better": row.better}
            if row.verdict is not None:
                record |= row.verdict.comparison._asdict()
                record["p_corrected"] = row.verdict.p_corrected
            rows.append(record)
        return pd.DataFrame(rows, columns=_COLUMNS)


def rare_items(
    results: Sequence[Result], train_counts: np.ndarray, limit: int, samples: int, seed: int
) -> RareItems:
    """Rating models on rare movies, each against `bias` by a paired bootstrap over users.

    Args:
        train_counts: int64 (n_items,), ratings in train of every movie.
        limit: a movie with at most so many is rare.
        samples: resamples of the users that have such test ratings; more are drawn where the
            correction needs them.
    """
    shown = [result for result in results if result.predicts_ratings]
    rare = {r.name: _of_rare(r.predictions, train_counts, limit) for r in shown}
    first = _of_rare(results[0].predictions, train_counts, limit)
    tables = {model: _per_user(table) for model, table in rare.items() if len(table)}
    found = {v.model: v for v in against_baseline(tables, samples, seed)}
    rows = [RareRow(model, _rmse(table), found.get(model)) for model, table in tables.items()]
    return RareItems(
        limit=limit,
        n_ratings=len(first),
        n_users=first[USER_IDX].nunique(),
        n_items=first[ITEM_IDX].nunique(),
        rows=sorted(rows, key=lambda row: (row.rmse, row.model)),
    )


def _of_rare(predictions: pd.DataFrame, train_counts: np.ndarray, limit: int) -> pd.DataFrame:
    return predictions[train_counts[predictions[ITEM_IDX]] <= limit]


def _per_user(predictions: pd.DataFrame) -> pd.DataFrame:
    """Number of ratings and sum of squared errors of every user, ordered by user."""
    error = predictions[SCORE].astype(np.float64) - predictions[RATING].astype(np.float64)
    table = pd.DataFrame({USER_IDX: predictions[USER_IDX], N_TEST: 1, SQUARED_ERROR: error**2})
    return table.groupby(USER_IDX, as_index=False).sum()


def _rmse(per_user: pd.DataFrame) -> float:
    return float(np.sqrt(per_user[SQUARED_ERROR].sum() / per_user[N_TEST].sum()))
