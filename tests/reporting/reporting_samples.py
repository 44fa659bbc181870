"""Results of made-up models for the tests of the report."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from reelbench.evaluation import EvaluateConfig
from reelbench.reporting.comparisons import rare_items, verdicts
from reelbench.reporting.content import Content
from reelbench.reporting.dataset import Dataset
from reelbench.reporting.page import environment
from reelbench.reporting.results import Result
from reelbench.reporting.tables import ranked

USERS = 60
CONFIG = EvaluateConfig(
    k=(10, 20),
    min_relevant_rating=None,
    candidates="catalogue",
    rank_by="score",
    similarity="text",
    calibration_bins=8,
    rare_item_ratings=2,
    bootstrap_samples=200,
)
#: the first five movies are rare
TRAIN_COUNTS = np.array([0, 1, 2, 0, 2] + 25 * [9])
LEAK = "Train holds ratings that others gave later."


def result(name: str, rmse: float | None = 0.9, ndcg: float | None = 0.1, **costs: Any) -> Result:
    """A model whose per-user errors are those of every other, scaled to `rmse`."""
    squared = np.random.default_rng(0).gamma(2, 1, USERS)
    squared *= (rmse or np.nan) ** 2 / squared.mean()
    given = np.tile([1.0, 2.0, 3.0, 4.0, 5.0], 12)
    cohort = {"ratings": 60, "users": 60, "items": 9, "rmse": rmse}
    empty = {"ratings": 0, "users": 0, "items": 0, "rmse": None}
    ranking = ("recall", "precision", "map", "mrr", "hit_rate", "coverage")
    intervals = {} if rmse is None else {"rmse": [rmse - 0.01, rmse + 0.01]}
    if ndcg is not None:
        intervals["ndcg_at_10"] = [ndcg - 0.01, ndcg + 0.01]
    return Result(
        name=name,
        metrics={
            "rmse": rmse,
            "mae": rmse and rmse * 0.8,
            "r2": rmse and 1 - rmse**2,
            "ndcg_at_10": ndcg,
            **{f"{metric}_at_10": ndcg for metric in ranking},
            "n_test": 60,
            "n_test_users": USERS,
            "n_users_without_relevant": 0,
            "cold_users": 3,
            "cold_items": 7,
            "intervals": intervals,
            "cohorts": {"cold_users": empty, "warm_users": cohort}
            | {"cold_items": empty, "warm_items": cohort},
        },
        train_cost={
            "train_seconds": 12.5,
            "peak_memory_bytes": 250_000_000,
            "model_bytes": 1_500_000,
            "machine": {"cpu": "Some CPU", "threads": 2},
        }
        | costs,
        evaluate_cost={"score_microseconds_per_user": 41.0},
        curves=pd.DataFrame(
            {"epoch": [1, 2, 3], "train_loss": [3.0, 2.0, 1.0], "valid_loss": [3.0, 2.0, 2.5]}
        ),
        per_user=pd.DataFrame(
            {
                "user_idx": np.arange(USERS),
                "n_test": 1,
                "squared_error": squared,
                "absolute_error": np.sqrt(squared),
                "ndcg_at_10": ndcg,
            }
        ),
        predictions=pd.DataFrame(
            {
                "user_idx": np.arange(USERS),
                "item_idx": np.arange(USERS) % 30,
                "rating": given,
                "score": np.nan if rmse is None else given * 0.5 + 1.5,
            }
        ),
    )


def with_a_fault(honest: Result) -> Result:
    """The same result, evaluated with the fault `drop_cold_items`."""
    return replace(honest, metrics=honest.metrics | {"faults": {"drop_cold_items": True}})


def dataset() -> Dataset:
    rng = np.random.default_rng(1)
    pairs = rng.permutation(20 * 30)[:200]
    items = pd.DataFrame(
        {
            "item_idx": np.arange(30),
            "year": pd.array([None, *range(1960, 1989)], dtype="Int16"),
            "genres": [[] if i == 0 else ["Drama", "War"][: 1 + i % 2] for i in range(30)],
        }
    )
    interactions = pd.DataFrame(
        {
            "user_idx": pairs // 30,
            "item_idx": pairs % 30,
            "rating": rng.integers(1, 6, 200).astype(float),
            "timestamp": 900_000_000 + rng.integers(0, 10**7, 200),
        }
    )
    clean = {"interactions": {"read": 203, "dropped": {"twice & <same>": 3}, "written": 200}}
    parts = {"train": {"rows": 160}, "valid": {"rows": 20}, "test": {"rows": 20}}
    return Dataset("made-up", 20, interactions, items, clean, {"leak": LEAK, "parts": parts})


def content(*results: Result) -> Content:
    order = ranked(results, k=10)
    rare = rare_items(order, TRAIN_COUNTS, CONFIG, 1)
    return Content(dataset(), "temporal_user", order, verdicts(order, CONFIG, 1), CONFIG, rare)


def note(name: str, reported: Content) -> str:
    """A sentence of the leaderboard and the page."""
    module = environment.get_template("notes.jinja").make_module({"content": reported})
    return str(getattr(module, name)())
