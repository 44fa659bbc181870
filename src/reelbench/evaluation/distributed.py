"""Ranking metrics on Spark, for models that know a user by a row of numbers.

A task takes a block of users: their rows, and what they have in train, valid and test. What the
model knows of items is sent to every process that computes. Scores, lists and metrics come from
the functions that `evaluate` uses on one machine, and a row of metrics per user goes back.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from scipy import sparse

from reelbench import params, paths
from reelbench.columns import ITEM_IDX, RATING, USER_IDX
from reelbench.data.interactions import Interactions
from reelbench.evaluation import EvaluateConfig, Flags, metrics
from reelbench.evaluation.scoring import rank
from reelbench.evaluation.task import relevant_items
from reelbench.models.base import Recommender
from reelbench.spark import SparkConfig, SparkError, explained, spark_session

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, GroupedData, SparkSession

_ROW, _TEST = "row", "test"
USERS_PER_BLOCK = 2048  # users in a task: with 100 ratings each, 5 MB of ratings


def evaluate_on_spark(name: str, master: str | None = None) -> dict[str, float | None]:
    """Ranking metrics of a trained model; those of each user are in `data/spark/NAME`.

    `master` is as in `SparkConfig`, by default that of `engine=spark`, or else this machine. No
    such model is a ParamsError, and otherwise the errors are those of `ranking_metrics`.
    """
    if not paths.model_dir(name).is_dir():
        raise params.ParamsError(f"{paths.model_dir(name)} is missing: run `dvc repro`")
    engine = params.select(params.read(), "engine")
    known = {key: engine[key] for key in SparkConfig.model_fields if key in engine}
    config = SparkConfig.model_validate(known | ({"master": master} if master else {}))
    out = paths.DATA / "spark" / name
    out.parent.mkdir(exist_ok=True)
    wanted = params.load("evaluate", EvaluateConfig)
    return ranking_metrics(Recommender.load(paths.model_dir(name)), wanted, config, out)


def ranking_metrics(
    model: Recommender,
    config: EvaluateConfig,
    spark: SparkConfig,
    out: Path,
    split: Path = paths.SPLIT,
) -> dict[str, float | None]:
    """Rank the whole catalogue for every user of test: means of metrics, None where undefined.

    Args:
        model: a fitted model with `user_rows`; a SparkError without, or as `spark_session`.
        config: cutoffs, relevance and candidates.
        spark: where to compute.
        out: folder to make, which all machines see: Parquet with `user_idx` and the metrics, by
            user; null for a user without relevant items.
        split: folder with train, valid and test, which all machines see.
    """
    rows = model.user_rows()
    if (split / paths.PROFILE.name).exists():
        raise SparkError("users of profiles are not folded in on Spark: use `dvc repro evaluate`")
    if rows is None:
        raise SparkError(f"{type(model).__name__} has no row of numbers per user to rank by")
    session = spark_session(spark)
    with explained(spark.master, session), TemporaryDirectory(dir=out.parent) as scratch:
        from pyspark.sql import functions as F

        among = _items_of_train(session, split, model) if config.candidates == "train" else None
        ratings = _by_block(_ratings(session, split))
        users = _by_block(_stored(session, rows[:-1], Path(scratch) / "users.parquet"))
        ranker = _ranker(model.for_users(rows[:1]), config, among)
        found = users.cogroup(ratings).applyInArrow(ranker, _schema(config))
        found.sort(USER_IDX).write.mode("overwrite").parquet(str(out.absolute()))
        kept = session.read.parquet(str(out.absolute()))
        means = kept.agg(*(F.avg(key).alias(key) for key in kept.columns if key != USER_IDX))
        return dict(means.toArrow().to_pylist()[0])


def _ratings(session: SparkSession, split: Path) -> DataFrame:
    """What users have in train, valid and test: `user_idx`, `item_idx`, `rating`, `test`."""
    from pyspark.sql import functions as F

    parts = [
        session.read.parquet(str((split / file.name).absolute()))
        .select(USER_IDX, ITEM_IDX, RATING)
        .withColumn(_TEST, F.lit(is_test))
        for file, is_test in [(paths.TRAIN, False), (paths.VALID, False), (paths.TEST, True)]
    ]
    return parts[0].unionByName(parts[1]).unionByName(parts[2])


def _items_of_train(session: SparkSession, split: Path, model: Recommender) -> Flags:
    train = session.read.parquet(str((split / paths.TRAIN.name).absolute()))
    flags = np.zeros(model.ids.n_items, dtype=bool)
    flags[train.select(ITEM_IDX).distinct().toArrow()[ITEM_IDX].to_numpy()] = True
    return flags


def _stored(session: SparkSession, rows: np.ndarray, file: Path) -> DataFrame:
    """Rows of users (n, d) as `user_idx` and `row`, which Spark reads from a file."""
    width = pa.list_(pa.from_numpy_dtype(rows.dtype), rows.shape[1])
    lists = pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), type=width)
    users = pa.array(np.arange(len(rows), dtype=np.int32))
    pq.write_table(pa.table({USER_IDX: users, _ROW: lists}), file, row_group_size=2**17)
    return session.read.parquet(str(file.absolute()))


def _by_block(table: DataFrame) -> GroupedData:
    from pyspark.sql import functions as F

    return table.groupBy(F.floor(F.col(USER_IDX) / USERS_PER_BLOCK))


def _schema(config: EvaluateConfig) -> str:
    nobody = sparse.csr_array((0, 1), dtype=bool)
    keys = _values(np.empty((0, max(config.k)), dtype=np.int32), np.empty(0), nobody, config)
    return ", ".join([f"{USER_IDX} int", *(f"{key} double" for key in keys)])


def _values(
    lists: np.ndarray, terms: np.ndarray, relevant: sparse.csr_array, config: EvaluateConfig
) -> dict[str, np.ndarray]:
    values = metrics.ranking_values(lists, relevant, config.k)
    return values | metrics.values_of(metrics.WholeRankingMetric, terms, relevant)


def _ranker(
    model: Recommender, config: EvaluateConfig, among: Flags | None
) -> Callable[[pa.Table, pa.Table], pa.Table]:
    """What runs in a task: rows and ratings of a block of users → their metrics."""

    def ranked(users: pa.Table, ratings: pa.Table) -> pa.Table:
        users = users.sort_by(USER_IDX)
        known = users[USER_IDX].to_numpy()
        rows = users[_ROW].combine_chunks().flatten().to_numpy().reshape(len(known), -1)
        own = model.for_users(rows)
        own.threads = 1  # Spark runs a task per core
        parts = (ratings.filter(pc.equal(ratings[_TEST], is_test)) for is_test in (False, True))
        seen, test = (_rows(part, known) for part in parts)
        found = np.unique(test.user_idx)
        relevant = relevant_items(test, own, config)[found]
        profile = seen.seen(own.ids.n_users, own.ids.n_items)[found]
        options = {"relevant": relevant, "among": among, "by": config.rank_by}
        lists = rank(own, found, profile, max(config.k), **options).lists
        values = _values(lists.items, lists.auc_terms, relevant, config)
        columns = {key: pa.array(value, from_pandas=True) for key, value in values.items()}
        return pa.table({USER_IDX: known[found], **columns})

    return ranked


def _rows(ratings: pa.Table, known: np.ndarray) -> Interactions:
    """Ratings whose users are numbered as in `known`, sorted."""
    users = np.searchsorted(known, ratings[USER_IDX].to_numpy())
    return Interactions.from_arrays(users, ratings[ITEM_IDX], ratings[RATING])
