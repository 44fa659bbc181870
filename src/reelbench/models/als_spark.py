"""Model `als_spark`: factors of users and items by alternating least squares on Spark.

Explicit: rating ≈ mean + p_u · q_i, the penalty of a user or item times the number of its ratings;
Zhou, Wilkinson, Schreiber & Pan (2008), "Large-Scale Parallel Collaborative Filtering for the
Netflix Prize". Implicit, which only ranks: a rated pair is a 1 with confidence 1 + alpha · w, w
being the `preference`, any other a 0 with confidence 1; Hu, Koren & Volinsky (2008).

The fitted model needs no Spark. Each pass ends with the users, so fold-in, one more solution for a
user, gives what training gives.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from scipy import linalg

from reelbench.columns import ITEM_IDX, RATING, USER_IDX
from reelbench.models.base import Features, Interactions, NewUser, Saved
from reelbench.models.shared.factors import FactorModel, Factors
from reelbench.models.shared.user_items import LOWEST, spread
from reelbench.spark import SparkConfig, explained, spark_session

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class ALSSparkConfig(SparkConfig):
    """Parameters, and where Spark computes; the factors depend on `partitions` in last digits."""

    factors: PositiveInt = 50  # length of the vectors of users and items
    epochs: PositiveInt = 15  # passes over the ratings
    regularization: NonNegativeFloat = 0.1  # L2 penalty of the factors, per rating of their owner
    implicit: bool = False  # rank by what was rated at all, instead of predicting ratings
    alpha: PositiveFloat = 40.0  # confidence that the highest rating adds; used if `implicit`
    #: how much more a high rating counts than a low one, if `implicit`; 0: all count the same
    rating_power: NonNegativeFloat = 1.0


class ALSSpark(FactorModel):
    """A cold or unknown user has the mean of the others' factors, a cold or unknown item none."""

    config: ALSSparkConfig
    stochastic = True
    _train_mean: Saved[float]

    def __init__(self, *, seed: int = 0, threads: int = 1, **parameters: object) -> None:
        super().__init__(seed=seed, threads=threads, **parameters)
        self.predicts_ratings = not self.config.implicit

    def prepare(self) -> None:
        spark_session(self.config)

    def _factorise(self, train: Interactions, valid: Interactions, features: Features) -> Factors:
        ids = features.ids
        self._train_mean = float(train.rating.mean(dtype=np.float64))
        with tempfile.TemporaryDirectory(prefix="reelbench-") as folder:
            if (file := train.file) is None:
                file = Path(folder) / "ratings.parquet"
                columns = zip((USER_IDX, ITEM_IDX, RATING), train.columns(), strict=False)
                pq.write_table(pa.table(dict(columns)), file)
            (users, vectors), (items, item_vectors) = self._learn(file)
        return Factors(
            0.0 if self.config.implicit else self._train_mean,
            np.zeros(ids.n_users + 1, dtype=np.float32),
            np.zeros(ids.n_items + 1, dtype=np.float32),
            spread(vectors, users, ids.n_users, vectors.mean(axis=0)),
            spread(item_vectors, items, ids.n_items),
        )

    def _learn(self, file: Path) -> list[tuple[np.ndarray, np.ndarray]]:
        """Of users and of items: indices (n,) and float32 vectors (n, factors)."""
        config = self.config
        session = spark_session(config)  # names the extra where it is missing
        from pyspark.ml.recommendation import ALS

        start, slope, power = self._value()
        learner = ALS(
            rank=config.factors,
            maxIter=config.epochs,
            regParam=config.regularization,
            implicitPrefs=config.implicit,
            alpha=config.alpha,
            numUserBlocks=config.partitions,
            numItemBlocks=config.partitions,
            userCol=USER_IDX,
            itemCol=ITEM_IDX,
            ratingCol=RATING,
            seed=self.seed,
        )
        with explained(config.master, session):
            rows = session.read.parquet(str(file.absolute()))
            value = (start + slope * rows[RATING].cast("double")) ** power
            model = learner.fit(rows.select(USER_IDX, ITEM_IDX, value.alias(RATING)))
            return [_arrays(model.userFactors), _arrays(model.itemFactors)]

    def _value(self) -> tuple[float, float, float]:
        """Numbers a, b and p: Spark learns (a + b · rating)ᵖ."""
        if not self.config.implicit:
            return -self._train_mean, 1.0, 1.0
        # a value of 0 would be no preference
        slope = (1 - LOWEST) / max(self.ids.rating_max - self.ids.rating_min, 1e-12)
        return LOWEST - slope * self.ids.rating_min, slope, self.config.rating_power

    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        if self.config.implicit:
            return np.full(len(user_idx), self._train_mean)
        return super()._predict(user_idx, item_idx)

    def _fold_in(self, user: NewUser) -> Self:
        start, slope, power = self._value()
        value = (start + slope * user.ratings) ** power
        vectors = self._factors.item_factors[:-1].astype(np.float64)
        own = vectors[user.items]
        equations = self.config.regularization * len(own) * np.eye(vectors.shape[1])
        if self.config.implicit:
            extra = self.config.alpha * value
            equations += vectors.T @ vectors + (own.T * extra) @ own
            target = own.T @ (1 + extra)
        else:
            equations += own.T @ own
            target = own.T @ value
        return self._with_user(0.0, linalg.lstsq(equations, target)[0])


def _arrays(factors: DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Indices (n,) and float32 vectors (n, factors) of what Spark has learned."""
    table = factors.toArrow()
    vectors = table["features"].combine_chunks().flatten().to_numpy().reshape(len(table), -1)
    return table["id"].to_numpy(), vectors.astype(np.float32, copy=False)
