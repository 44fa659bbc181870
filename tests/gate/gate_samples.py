"""Results of a made-up model for the tests of the gate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from reelbench.gate import CostLimit, GateConfig, ModelResults

CONFIG = GateConfig(
    tolerances={"rmse": 0.01, "ndcg_at_10": 0.03},
    cost_limits={"train_seconds": CostLimit(ratio=2.0, floor=5.0)},
    bootstrap_samples=300,
)
USERS = 300


def results(
    error: float = 1.0, ndcg: float = 1.0, seconds: float = 20.0, noise: int = 0, **changes: Any
) -> ModelResults:
    """A model whose errors and nDCG are `error` and `ndcg` times those of the base.

    Args:
        noise: seed of small differences per user, as another seed of training makes them; 0: none.
    """
    rng = np.random.default_rng(0)
    squared = rng.gamma(2, 4, USERS) * error**2
    gain = rng.beta(1, 6, USERS) * ndcg
    if noise:
        blur = np.random.default_rng(noise)
        squared = squared * blur.normal(1, 0.05, USERS).clip(0.5)
        gain = gain * blur.normal(1, 0.1, USERS).clip(0.5)
    per_user = pd.DataFrame(
        {
            "user_idx": np.arange(USERS),
            "n_test": 10,
            "squared_error": squared,
            "absolute_error": np.sqrt(squared * 10),
            "ndcg_at_10": gain,
            "novelty_at_10": 1.0,
        }
    )
    metrics = {
        "rmse": float(np.sqrt(squared.sum() / (10 * USERS))),
        "ndcg_at_10": float(gain.mean()),
        "coverage_at_10": 0.5 * ndcg,
        "intervals": {},
    }
    costs = {"train_seconds": seconds, "machine": {"cpu": "Some CPU", "threads": 2}}
    return ModelResults(**({"metrics": metrics, "costs": costs, "per_user": per_user} | changes))
