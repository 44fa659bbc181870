from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
from contracts import IDS, TRAIN, VALID, RecommenderContract

from reelbench.features.block import Features
from reelbench.models.mult_vae import MultVAE

PARAMETERS: dict[str, Any] = {
    "hidden": 16,
    "factors": 8,
    "epochs": 60,
    "batch_size": 10,
    "dropout": 0.5,
    "beta": 0.01,
    "learning_rate": 0.02,
    "rating_power": 2.0,
    "patience": None,
}


class TestMultVAE(RecommenderContract):
    model_class = MultVAE
    fold_in = "exact"
    parameters = PARAMETERS
    neutral_to_cold_users = False  # the mean of all rows is none that it was shown


class TestMultDAE(RecommenderContract):
    model_class = MultVAE
    fold_in = "exact"
    parameters: ClassVar[dict[str, Any]] = {
        **PARAMETERS,
        "variational": False,
        "regularization": 0.02,
        "dropout": 0.3,
        "learning_rate": 0.01,
    }
    neutral_to_cold_users = False
    tries_seeds = False


def still(**changed: Any) -> tuple[MultVAE, Any, list[np.ndarray], np.ndarray]:
    """A model that does not move, a step of it, its weights, and the rows of train."""
    fixed = {"dropout": 0.0, "learning_rate": 1e-12, "epochs": 1, "rating_power": 0.0}
    model = MultVAE(seed=3, **{**PARAMETERS, **fixed, **changed})
    model.fit(TRAIN, VALID, Features(IDS))
    step, weights = model._trainee(IDS.n_items)
    rows = TRAIN.seen(IDS.n_users, IDS.n_items).toarray().astype(np.float32)[:20]
    return model, step, weights(), rows


def code_of(rows: np.ndarray, weights: list[np.ndarray]) -> np.ndarray:
    unit = rows / np.sqrt((rows**2).sum(axis=1))[:, None]
    return np.tanh(unit @ weights[0] + weights[1]) @ weights[2] + weights[3]


def test_the_loss_is_the_multinomial_likelihood() -> None:
    model, step, weights, rows = still(variational=False, regularization=0.1)
    logits = np.tanh(code_of(rows, weights) @ weights[4] + weights[5]) @ weights[6] + weights[7]
    shares = np.exp(logits) / np.exp(logits).sum(axis=1)[:, None]
    penalty = 0.05 * sum((kernel**2).sum() for kernel in weights[::2])
    expected = -(rows * np.log(shares)).sum(axis=1).mean() + penalty
    assert float(step(rows, 0.0)) == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(model.score(np.arange(20)), logits, atol=1e-5)


def test_the_divergence_is_that_of_two_normal_distributions() -> None:
    """KL(N(m, s²) ‖ N(0, 1)) = ∫ q log(q / p), which a fine grid gives."""
    _, step, weights, rows = still()
    code = code_of(rows, weights).astype(float)
    mean, deviation = code[:, :8], np.exp(code[:, 8:] / 2)
    grid = np.linspace(-12, 12, 4001)
    q = np.exp(-(((grid - mean[..., None]) / deviation[..., None]) ** 2) / 2)
    q /= deviation[..., None] * np.sqrt(2 * np.pi)
    log_p = -(grid**2) / 2 - np.log(2 * np.pi) / 2
    terms = np.where(q > 0, q * (np.log(np.maximum(q, 1e-300)) - log_p), 0.0)
    expected = terms.sum(axis=-1).sum(axis=1).mean() * (grid[1] - grid[0])
    # so much of it that the likelihood does not matter
    assert float(step(rows, 1e7)) / 1e7 == pytest.approx(expected, rel=1e-3)


def test_the_weights_of_the_best_epoch_are_kept() -> None:
    changed = {**PARAMETERS, "learning_rate": 0.05, "patience": 3}
    stopped = MultVAE(seed=3, **changed).fit(TRAIN, VALID, Features(IDS))
    losses = [row["valid_loss"] for row in stopped.history]
    best = int(np.argmin(losses)) + 1
    assert best < len(losses) < changed["epochs"] and len(losses) == best + 3
    again = stopped.refitted(TRAIN, Features(IDS))
    assert len(again.history) == best
    np.testing.assert_array_equal(again.score([0, 1]), stopped.score([0, 1]))
