"""What `peers.py` times: one task in one process, with the packages of one environment.

    python benchmarks/peer_tasks.py TASK FOLDER

FOLDER holds `ratings.npz` (arrays `train_user`, `train_item`, `train_rating`, `test_user`,
`test_item`, `test_rating`, and `size`: users and items) and, for the split, a project with the
stages `download` and `clean`. The task prints its figures as JSON and writes the lists it
recommends, if any, to FOLDER/lists/TASK.npy: int32 (users, k), row i for user i, -1 for no item.

Imports stand in the functions, since no environment has all of the libraries.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

K = 10
#: the same for every library that has the parameter
EASE_PENALTY = 500.0
FACTORS, EPOCHS, PENALTY, CONFIDENCE = 96, 15, 10.0, 2.0
BPR_FACTORS, BPR_EPOCHS, BPR_RATE, BPR_PENALTY = 32, 20, 0.02, 0.03
NEIGHBOURS, STORED = 60, 500
SVD_FACTORS, SVD_EPOCHS = 50, 5
#: users whose unrated movies Surprise scores one by one; the time is scaled to all
SURPRISE_USERS = 100
HOLDOUT = (10, 10)  # of a user's ratings, one in so many is test, and one valid

Figures = dict[str, Any]
Data = dict[str, np.ndarray]


@contextmanager
def timed(figures: Figures, name: str) -> Iterator[None]:
    """Add the wall-clock seconds and the processor seconds of all threads to the figures."""
    wall, cpu = time.perf_counter(), _cpu_seconds()
    yield
    figures[name] = round(time.perf_counter() - wall, 4)
    figures[f"{name}_cpu"] = round(_cpu_seconds() - cpu, 4)


def _cpu_seconds() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def load(folder: Path) -> Data:
    """The arrays of `ratings.npz`."""
    with np.load(folder / "ratings.npz") as arrays:
        return dict(arrays)


def keep_lists(folder: Path, task: str, users: np.ndarray, lists: np.ndarray, n: int) -> None:
    """Write lists (len(users), K) as one row per user of the catalogue."""
    every = np.full((n, K), -1, dtype=np.int32)
    every[users] = lists
    (folder / "lists").mkdir(exist_ok=True)
    np.save(folder / "lists" / f"{task}.npy", every)


def csr(data: Data) -> Any:
    """Ones where train has a rating, float32 (users, items)."""
    from scipy import sparse

    ones = np.ones(len(data["train_user"]), dtype=np.float32)
    pairs = (data["train_user"], data["train_item"])
    return sparse.csr_matrix((ones, pairs), shape=tuple(data["size"]))


# -- reelbench


def parts_of(data: Data) -> Any:
    """Parts of reelbench, without valid."""
    from reelbench.data.interactions import Ids, Interactions, Parts

    columns = [[data[f"{part}_{c}"] for c in ("user", "item", "rating")] for part in PARTS]
    train, test = (Interactions.from_arrays(*c) for c in columns)
    users, items = map(int, data["size"])
    scale = float(data["train_rating"].min()), float(data["train_rating"].max())
    ids = Ids(users, items, *scale)
    train = Interactions(*train.columns(), ids=ids)
    return Parts(train, Interactions.empty(), test)


PARTS = ("train", "test")


def reelbench_model(target: str, **parameters: Any) -> Callable[[Path, str], Figures]:
    """A task that fits, ranks the catalogue for all test users, and evaluates in full."""

    def task(folder: Path, name: str) -> Figures:
        from reelbench import evaluate, models
        from reelbench.evaluation.scoring import rank
        from reelbench.evaluation.task import known_rows

        parts, figures = parts_of(load(folder)), {}
        model = getattr(models, target)(seed=1, threads=os.cpu_count() or 1, **parameters)
        model.prepare()
        with timed(figures, "fit"):
            model.fit(parts.train)
        users = np.unique(parts.test.user_idx)
        with timed(figures, "recommend"):
            seen = known_rows(parts).seen(model.ids.n_users, model.ids.n_items)
            rank(model, users, seen[users], K)
        with timed(figures, "evaluate"):
            result = evaluate(model, parts)
        rows, lists = result.recommendations, np.full((len(users), K), -1, dtype=np.int32)
        place = np.searchsorted(users, rows["user_idx"])
        lists[place, rows["rank"] - 1] = rows["item_idx"]
        keep_lists(folder, name, users, lists, model.ids.n_users)
        figures["ndcg_reported"] = result.metrics[f"ndcg_at_{K}"]
        return figures

    return task


def reelbench_split(folder: Path, name: str) -> Figures:
    """The stage `split`, from the clean ratings to three files."""
    from reelbench.stages import split

    figures: Figures = {}
    os.chdir(folder / "project")
    with timed(figures, "split"):
        split.run()
    return figures


# -- LensKit


def lenskit_model(target: str, **parameters: Any) -> Callable[[Path, str], Figures]:
    """A task that trains a pipeline and recommends to all test users."""

    def task(folder: Path, name: str) -> Figures:
        import pandas as pd
        from lenskit import batch
        from lenskit.als import ImplicitMFScorer
        from lenskit.data import from_interactions_df
        from lenskit.knn import EASEScorer, ItemKNNScorer
        from lenskit.parallel import initialize
        from lenskit.pipeline import topn_pipeline

        initialize(threads=os.cpu_count(), processes=1)
        data, figures = load(folder), {}
        columns = {f"{c}_id": data[f"train_{c}"] for c in ("user", "item")}
        frame = pd.DataFrame({**columns, "rating": data["train_rating"]})
        with timed(figures, "prepare"):
            dataset = from_interactions_df(frame)
        scorers = {"ease": EASEScorer, "ials": ImplicitMFScorer, "knn": ItemKNNScorer}
        pipeline = topn_pipeline(scorers[target](**parameters), n=K)
        with timed(figures, "fit"):
            pipeline.train(dataset)
        users = np.unique(data["test_user"])
        with timed(figures, "recommend"):
            found = batch.recommend(pipeline, users, n=K, n_jobs=1)
        lists = np.full((len(users), K), -1, dtype=np.int32)
        for key, items in found.items():
            ids = np.asarray(items.ids())[:K]
            lists[np.searchsorted(users, key.user_id), : len(ids)] = ids
        keep_lists(folder, name, users, lists, int(data["size"][0]))
        return figures

    return task


# -- RecTools


def rectools_ease(folder: Path, name: str) -> Figures:
    """EASE, the best K for all test users, and five metrics."""
    import pandas as pd
    from rectools import Columns
    from rectools.dataset import Dataset
    from rectools.metrics import MAP, MRR, NDCG, Precision, Recall, calc_metrics
    from rectools.models import EASEModel

    data, figures = load(folder), {}
    names = {Columns.User: "user", Columns.Item: "item"}
    train, test = (
        pd.DataFrame({c: data[f"{part}_{short}"] for c, short in names.items()}) for part in PARTS
    )
    train[Columns.Weight], train[Columns.Datetime] = 1.0, pd.Timestamp("2000-01-01")
    with timed(figures, "prepare"):
        dataset = Dataset.construct(train)
    model = EASEModel(regularization=EASE_PENALTY, recommend_n_threads=os.cpu_count() or 1)
    with timed(figures, "fit"):
        model.fit(dataset)
    users = np.intersect1d(np.unique(data["test_user"]), np.unique(data["train_user"]))
    with timed(figures, "recommend"):
        recs = model.recommend(users, dataset, k=K, filter_viewed=True)
    metrics = {
        "precision": Precision(K),
        "recall": Recall(K),
        "ndcg": NDCG(K),
        "map": MAP(K),
        "mrr": MRR(K),
    }
    with timed(figures, "metrics"):
        calc_metrics(metrics, recs, interactions=test)
    figures["evaluate"] = figures["recommend"] + figures["metrics"]
    figures["evaluate_cpu"] = figures["recommend_cpu"] + figures["metrics_cpu"]
    lists = np.full((int(data["size"][0]), K), -1, dtype=np.int32)
    lists[recs[Columns.User], recs[Columns.Rank] - 1] = recs[Columns.Item]
    keep_lists(folder, name, np.arange(len(lists)), lists, len(lists))
    return figures


# -- implicit


def implicit_als(folder: Path, name: str) -> Figures:
    """One ALS of the library, and its best K for all test users."""
    from implicit.cpu.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(
        factors=FACTORS,
        regularization=PENALTY,
        alpha=CONFIDENCE,
        iterations=EPOCHS,
        num_threads=os.cpu_count(),
        random_state=1,
    )
    return _implicit(model, folder, name)


def implicit_bpr(folder: Path, name: str) -> Figures:
    """BPR of the library with all threads, which makes its result depend on chance."""
    from implicit.cpu.bpr import BayesianPersonalizedRanking

    model = BayesianPersonalizedRanking(
        factors=BPR_FACTORS,
        learning_rate=BPR_RATE,
        regularization=BPR_PENALTY,
        iterations=BPR_EPOCHS,
        num_threads=os.cpu_count(),
        random_state=1,
    )
    return _implicit(model, folder, name)


def _implicit(model: Any, folder: Path, name: str) -> Figures:
    from threadpoolctl import threadpool_limits

    data, figures = load(folder), {}
    matrix = csr(data)
    with threadpool_limits(1, "blas"), timed(figures, "fit"):
        model.fit(matrix, show_progress=False)
    users = np.unique(data["test_user"])
    with timed(figures, "recommend"):
        items, _ = model.recommend(users, matrix[users], N=K, filter_already_liked_items=True)
    keep_lists(folder, name, users, items.astype(np.int32), matrix.shape[0])
    return figures


# -- Surprise


def surprise_antitest(folder: Path, name: str) -> Figures:
    """The documented way to the best K: every unrated pair as a Python object.

    For some users, evenly chosen; `recommend` is the time of these times all users over these.
    """
    from heapq import nlargest

    from surprise import SVD

    data, figures = load(folder), {}
    train = _trainset(data)
    model = SVD(n_factors=SVD_FACTORS, n_epochs=SVD_EPOCHS, random_state=1)
    with timed(figures, "fit"):
        model.fit(train)
    users = np.unique(data["test_user"])
    some = users[np.linspace(0, len(users) - 1, SURPRISE_USERS).astype(int)]
    figures["users"] = len(some)
    items = [train.to_raw_iid(i) for i in train.all_items()]
    with timed(figures, "recommend"):
        best = {}
        for user in some.tolist():
            own = {train.to_raw_iid(i) for i, _ in train.ur[train.to_inner_uid(user)]}
            testset = [(user, i, train.global_mean) for i in items if i not in own]
            predicted = model.test(testset)
            best[user] = nlargest(K, predicted, key=lambda p: p.est)
    for key in ("recommend", "recommend_cpu"):
        figures[key] *= len(users) / len(some)
    return figures


def surprise_knn(folder: Path, name: str) -> Figures:
    """KNNBaseline of items, and the predictions of all test ratings."""
    from surprise import KNNBaseline

    data, figures = load(folder), {}
    options = {"name": "pearson_baseline", "user_based": False, "shrinkage": 100}
    model = KNNBaseline(k=NEIGHBOURS, min_k=8, sim_options=options, verbose=False)
    train = _trainset(data)
    with timed(figures, "fit"):
        model.fit(train)
    rows = list(zip(*(data[f"test_{c}"].tolist() for c in ("user", "item", "rating")), strict=True))
    with timed(figures, "predict"):
        predicted = model.test(rows)
    error = np.array([p.est - p.r_ui for p in predicted])
    figures["rmse"] = float(np.sqrt(np.mean(error**2)))
    return figures


def reelbench_knn_predict(folder: Path, name: str) -> Figures:
    """Item neighbours, and the predictions of all test ratings."""
    from reelbench import models

    parts, figures = parts_of(load(folder)), {}
    model = models.KNN(k=NEIGHBOURS, min_k=8, stored=STORED, threads=os.cpu_count() or 1)
    with timed(figures, "fit"):
        model.fit(parts.train)
    with timed(figures, "predict"):
        predicted = model.predict(parts.test.user_idx, parts.test.item_idx)
    error = predicted.astype(np.float64) - parts.test.rating
    figures["rmse"] = float(np.sqrt(np.mean(error**2)))
    return figures


def _trainset(data: Data) -> Any:
    """Surprise's train set, with the data set's own numbers as raw ids."""
    from surprise import Dataset, Reader

    scale = float(data["train_rating"].min()), float(data["train_rating"].max())
    columns = (data[f"train_{c}"].tolist() for c in ("user", "item", "rating"))
    rows = [(u, i, r, None) for u, i, r in zip(*columns, strict=True)]
    dataset = Dataset(Reader(rating_scale=scale))
    return dataset.construct_trainset(rows)


# -- metrics of ready lists


def ranx_metrics(folder: Path, name: str) -> Figures:
    """Five metrics of the lists that the task `reelbench ease` has written."""
    from ranx import Qrels, Run, evaluate

    data, lists = load(folder), _ready(folder)
    figures: Figures = {}
    wanted = [f"{m}@{K}" for m in ("ndcg", "recall", "precision", "map", "mrr")]
    # compiles its kernels, which is not what is compared
    evaluate(Qrels({"1": {"1": 1}}), Run({"1": {"1": 1.0}}), wanted)
    with timed(figures, "metrics"):
        qrels = Qrels(_qrels(data))
        found = evaluate(qrels, Run(_run(lists)), wanted, make_comparable=True)
    figures["ndcg_reported"] = float(found[f"ndcg@{K}"])
    return figures


def ir_measures_metrics(folder: Path, name: str) -> Figures:
    """The same with ir-measures."""
    import ir_measures
    from ir_measures import AP, RR, P, R, nDCG

    data, lists = load(folder), _ready(folder)
    figures: Figures = {}
    with timed(figures, "metrics"):
        wanted = [nDCG @ K, R @ K, P @ K, AP @ K, RR @ K]
        found = ir_measures.calc_aggregate(wanted, _qrels(data), _run(lists))
    figures["ndcg_reported"] = float(found[nDCG @ K])
    return figures


def reelbench_metrics(folder: Path, name: str) -> Figures:
    """Five metrics of the same lists."""
    from reelbench.evaluation.metrics import ranking_values

    data, lists = load(folder), _ready(folder)
    parts, figures = parts_of(data), {}
    with timed(figures, "metrics"):
        relevant = parts.test.seen(*map(int, data["size"]))
        values = ranking_values(lists, relevant, (K,))
    figures["ndcg_reported"] = float(np.nanmean(values[f"ndcg_at_{K}"]))
    return figures


def _ready(folder: Path) -> np.ndarray:
    ready: np.ndarray = np.load(folder / "lists" / "reelbench ease.npy")
    return ready


def _qrels(data: Data) -> dict[str, dict[str, int]]:
    qrels: dict[str, dict[str, int]] = {}
    for user, item in zip(data["test_user"].tolist(), data["test_item"].tolist(), strict=True):
        qrels.setdefault(str(user), {})[str(item)] = 1
    return qrels


def _run(lists: np.ndarray) -> dict[str, dict[str, float]]:
    return {
        str(user): {str(item): float(K - place) for place, item in enumerate(row) if item >= 0}
        for user, row in enumerate(lists.tolist())
        if row[0] >= 0
    }


# -- the split of each user's last ratings


def polars_split(folder: Path, name: str) -> Figures:
    """The same three tables with polars, from Parquet to Parquet."""
    import polars as pl

    figures: Figures = {}
    source, target = _split_folders(folder, name)
    with timed(figures, "split"):
        rows = pl.scan_parquet(source).sort("user_idx", "timestamp", "item_idx")
        n, place = pl.len().over("user_idx"), pl.int_range(pl.len()).over("user_idx")
        tests = pl.min_horizontal(pl.max_horizontal(n // HOLDOUT[0], 1), n - 1)
        valids = pl.min_horizontal(pl.max_horizontal(n // HOLDOUT[1], 1), n - 1 - tests)
        part = (
            pl.when(place >= n - tests)
            .then(2)
            .when(place >= n - tests - valids)
            .then(1)
            .otherwise(0)
        )
        coded = rows.with_columns(part.alias("part")).collect()
        for code, file in enumerate(("train", "valid", "test")):
            coded.filter(pl.col("part") == code).drop("part").write_parquet(
                target / f"{file}.parquet"
            )
    return figures


def pandas_split(folder: Path, name: str) -> Figures:
    """The same with pandas."""
    import pandas as pd

    figures: Figures = {}
    source, target = _split_folders(folder, name)
    with timed(figures, "split"):
        rows = pd.read_parquet(source).sort_values(["user_idx", "timestamp", "item_idx"])
        user = rows.groupby("user_idx")["item_idx"]
        n, place = user.transform("size"), user.cumcount()
        tests = np.minimum(np.maximum(n // HOLDOUT[0], 1), n - 1)
        valids = np.minimum(np.maximum(n // HOLDOUT[1], 1), n - 1 - tests)
        part = np.where(place >= n - tests, 2, np.where(place >= n - tests - valids, 1, 0))
        for code, file in enumerate(("train", "valid", "test")):
            rows[part == code].to_parquet(target / f"{file}.parquet", index=False)
    return figures


def _split_folders(folder: Path, name: str) -> tuple[Path, Path]:
    target = folder / "splits" / name
    target.mkdir(parents=True, exist_ok=True)
    return folder / "project/data/clean/interactions.parquet", target


TASKS: dict[str, Callable[[Path, str], Figures]] = {
    "reelbench ease": reelbench_model("EASE", regularization=EASE_PENALTY, rating_power=0.0),
    "lenskit ease": lenskit_model("ease", regularization=EASE_PENALTY),
    "rectools ease": rectools_ease,
    "reelbench ials": reelbench_model(
        "IALS",
        factors=FACTORS,
        epochs=EPOCHS,
        regularization=PENALTY,
        alpha=CONFIDENCE,
        bags=1,
        rating_power=0.0,
    ),
    "lenskit ials": lenskit_model(
        "ials",
        embedding_size=FACTORS,
        epochs=EPOCHS,
        regularization=PENALTY,
        weight=CONFIDENCE - 1.0,
    ),
    "implicit als": implicit_als,
    "reelbench bpr": reelbench_model(
        "BPR",
        factors=BPR_FACTORS,
        epochs=BPR_EPOCHS,
        learning_rate=BPR_RATE,
        regularization=BPR_PENALTY,
        popularity_weight=0.0,
    ),
    "implicit bpr": implicit_bpr,
    "reelbench knn_item": reelbench_model("KNN", k=NEIGHBOURS, min_k=8, stored=STORED),
    "lenskit knn_item": lenskit_model(
        "knn", max_nbrs=NEIGHBOURS, min_nbrs=8, save_nbrs=STORED, feedback="explicit"
    ),
    "reelbench knn_item, test ratings": reelbench_knn_predict,
    "surprise KNNBaseline, test ratings": surprise_knn,
    "reelbench svd": reelbench_model("SVD", factors=SVD_FACTORS, epochs=SVD_EPOCHS),
    "surprise SVD, anti-testset": surprise_antitest,
    "reelbench metrics": reelbench_metrics,
    "ranx metrics": ranx_metrics,
    "ir-measures metrics": ir_measures_metrics,
    "reelbench split": reelbench_split,
    "polars split": polars_split,
    "pandas split": pandas_split,
}


def main() -> None:
    """Run the task that is named on the command line."""
    name, folder = sys.argv[1], Path(sys.argv[2]).resolve()
    figures = TASKS[name](folder, name)
    figures["peak_gb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 3)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
