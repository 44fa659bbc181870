"""Predictions of another library for the test part, as a model that answers what they hold.

A run is kept as `paths.imported_run`: a row per user and movie with `score` (null: not ranked) and
predicted `rating` (null: none). Its metadata say where it is from and of which test part it is.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from typing_extensions import override

from reelbench import paths
from reelbench.columns import ITEM_IDX, RATING, SCORE, USER_IDX
from reelbench.data.identity import KEYS
from reelbench.data.interactions import Ids, Interactions
from reelbench.evaluation import metrics
from reelbench.evaluation.evaluate import Evaluation
from reelbench.features.block import Features
from reelbench.files import atomic
from reelbench.models.base import Recommender
from reelbench.params import ParamsError

_FACTS = b"reelbench"


def write_run(name: str, table: pd.DataFrame, facts: Mapping[str, Any]) -> None:
    """Keep a run, an older one of its name included: `user_idx`, `item_idx`, `score`, `rating`."""
    content = pa.Table.from_pandas(table, preserve_index=False)
    with atomic(paths.imported_run(name)) as file:
        marked = content.replace_schema_metadata({_FACTS: json.dumps(facts, sort_keys=True)})
        pq.write_table(marked, file, compression="zstd")


def facts_of(name: str) -> dict[str, Any]:
    """The facts that `write_run` has kept of a run."""
    return dict(json.loads(pq.read_schema(paths.imported_run(name)).metadata[_FACTS]))


def runs_of(identity: Mapping[str, Any], models: Collection[str]) -> list[str]:
    """Names of the runs of these test ratings, sorted; a ParamsError if a model has the name."""
    names = sorted(file.stem for file in paths.IMPORTED.glob("[!.]*.parquet"))
    if both := [name for name in names if name in models]:
        raise ParamsError(
            f"{paths.imported_run(both[0])}: {both[0]} is also the name of a model: run "
            f"`reelbench import-run --remove {both[0]}`"
        )
    wanted = {key: identity[key] for key in KEYS[1:]}
    return [name for name in names if facts_of(name)["identity"] == wanted]


class ImportedRun(Recommender):
    """A run as a fitted model; a movie without a score is not recommended, so ranks nowhere.

    A test rating without a prediction is predicted by the mean of train.
    """

    knows_profiles = True

    def __init__(self, table: pd.DataFrame, ids: Ids, mean: float) -> None:
        """Of the columns that `write_run` keeps; `mean` is that of the ratings of train."""
        super().__init__()
        self._ids, self._mean = ids, mean
        ranked = table[table[SCORE].notna()].sort_values([USER_IDX, ITEM_IDX])
        self._items, self._scores = ranked[ITEM_IDX].to_numpy(), ranked[SCORE].to_numpy(np.float32)
        self._start = np.searchsorted(ranked[USER_IDX], np.arange(ids.n_users + 1))
        rated = table[table[RATING].notna()]
        pairs = rated[USER_IDX].astype(np.int64) * ids.n_items + rated[ITEM_IDX]
        self._rating = pd.Series(rated[RATING].to_numpy(np.float64), index=pairs.to_numpy())
        self.predicts_ratings = len(rated) > 0

    @classmethod
    def read(cls, name: str, ids: Ids, train: Interactions) -> "ImportedRun":
        """The run of a name."""
        table = pd.read_parquet(paths.imported_run(name))
        return cls(table, ids, float(train.rating.mean(dtype=np.float64)))

    @property
    @override
    def scores_are_ratings(self) -> bool:
        return False

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        raise TypeError("an imported run was fitted elsewhere")

    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        pairs = user_idx * self.ids.n_items + item_idx
        return self._rating.reindex(pairs).fillna(self._mean).to_numpy()

    def _score(self, user_idx: np.ndarray) -> np.ndarray:
        scores = np.full((len(user_idx), self.ids.n_items), -np.inf, dtype=np.float32)
        for row, user in enumerate(user_idx):
            own = slice(self._start[user], self._start[user + 1])
            scores[row, self._items[own]] = self._scores[own]
        return scores

    def defined(self, result: Evaluation, candidates: int) -> Evaluation:
        """The evaluation without the metrics that cannot be computed from what the run holds.

        `candidates` is the number of places in all test users' rankings of the catalogue: a run
        that ranks fewer has no AUC, and one without scores no metric of a ranking.
        """
        ranks, whole = len(self._items) > 0, len(self._items) >= candidates

        def undefined(key: object) -> bool:
            metric = metrics.find(str(key)) if metrics.is_metric(str(key)) else None
            if metric is None or metric.kind in ("rating", "calibration"):
                return False
            return not whole and (not ranks or isinstance(metric, metrics.WholeRankingMetric))

        found = {k: None if undefined(k) else value for k, value in result.metrics.items()}
        bounds = result.metrics["intervals"]
        found["intervals"] = {k: v for k, v in bounds.items() if not undefined(k)}
        per_user = {k: None if undefined(k) else v for k, v in result.per_user.items()}
        blank: dict[str, Any] = {str(k): np.nan for k in result.cohorts if undefined(k)}
        cohorts = result.cohorts.assign(**blank)
        return replace(result, metrics=found, per_user=per_user, cohorts=cohorts)
