"""The test ratings by what train knows of their user and item."""

from __future__ import annotations

from typing import Any

import numpy as np

from reelbench.data.interactions import Interactions
from reelbench.evaluation.errors import moments, rmse, total


def cold(test_idx: np.ndarray, train_idx: np.ndarray) -> np.ndarray:
    """Which test rows have a user (or an item) without any row in train: bool (n_test,)."""
    return ~np.isin(test_idx, train_idx)


def cohorts(train: Interactions, test: Interactions) -> dict[str, np.ndarray]:
    """Groups of test rows by user and by item, bool (n_test,) each."""
    cold_users = cold(test.user_idx, train.user_idx)
    cold_items = cold(test.item_idx, train.item_idx)
    return {
        "warm_users": ~cold_users,
        "cold_users": cold_users,
        "warm_items": ~cold_items,
        "cold_items": cold_items,
    }


def describe(
    groups: dict[str, np.ndarray], test: Interactions, predicted: np.ndarray | None
) -> dict[str, dict[str, Any]]:
    """Size and error of every cohort.

    Args:
        groups: name → bool (n_test,).
        predicted: float (n_test,); None for a model that only ranks.

    Returns:
        name → number of ratings, users and items, and the RMSE (None where nothing is predicted or
        the cohort is empty).
    """
    return {
        name: {
            "ratings": int(member.sum()),
            "users": len(np.unique(test.user_idx[member])),
            "items": len(np.unique(test.item_idx[member])),
            "rmse": None if predicted is None else _rmse(test.rating[member], predicted[member]),
        }
        for name, member in groups.items()
    }


def _rmse(actual: np.ndarray, predicted: np.ndarray) -> float | None:
    if len(actual) == 0:
        return None
    one_group = np.zeros(len(actual), dtype=np.int64)
    return float(rmse(total(moments(one_group, 1, actual, predicted))))
