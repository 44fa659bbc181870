"""Models are loaded once, whoever asks for them at the same time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pandas as pd
import pytest
from serving_samples import models, write_project

from reelbench.data.interactions import Ids, Interactions
from reelbench.features.block import Features
from reelbench.models.base import Recommender
from reelbench.models.ease import EASE
from reelbench.serving import trained_models
from reelbench.serving.library import Library

_SECONDS = 30


@pytest.fixture
def library(tmp_path: Path) -> Library:
    write_project(tmp_path, models())
    return Library.read(tmp_path)


class Slow:
    """A function that does not come back for one name before it is let go."""

    def __init__(self, call: Callable[..., Any], name: str, named: Callable[[Any], str]) -> None:
        self.call, self.name, self.named = call, name, named
        self.entered, self.go, self.calls = Event(), Event(), 0

    def __call__(self, first: Any, *others: Any) -> Any:
        if self.named(first) == self.name:
            self.calls += 1
            self.entered.set()
            assert self.go.wait(_SECONDS)
        return self.call(first, *others)


def test_two_threads_load_a_model_once_and_hold_up_no_other(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(Recommender.load, "warp", lambda folder: folder.name)
    monkeypatch.setattr(Recommender, "load", slow)
    with ThreadPoolExecutor(3) as pool:
        both = [pool.submit(library.models.get, "warp")]
        assert slow.entered.wait(_SECONDS)
        both.append(pool.submit(library.models.get, "warp"))
        other = pool.submit(library.models.get, "ease")
        assert other.result(_SECONDS) is library.models.get("ease")
        assert not any(asked.done() for asked in both)
        slow.go.set()
        first, second = (asked.result(_SECONDS) for asked in both)
    assert first is second and slow.calls == 1


def test_the_smallest_cutoff_of_ndcg_orders_models() -> None:
    table = {"model": ["a", "b", "c"], "ndcg_at_20": [9.0, 8.0, 7.0], "ndcg_at_5_low": [8.0] * 3}
    board = pd.DataFrame({**table, "ndcg_at_5": [0.2, None, 0.3], "rmse": [1.0] * 3})
    assert trained_models._best_first("abcd", board) == ["c", "a", "b", "d"]


def test_without_a_leaderboard_or_ndcg_models_are_in_order_of_names(tmp_path: Path) -> None:
    none = trained_models.read_leaderboard(tmp_path)
    assert none.empty and trained_models._best_first("ba", none) == ["a", "b"]
    board = pd.DataFrame({"model": ["b"], "rmse": [1.0]})
    assert trained_models._best_first("ba", board) == ["a", "b"]


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_weights_of_movies_give_the_scores_of_those_of_users(dropout: float) -> None:
    rng = np.random.default_rng(0)
    users, items = np.nonzero(rng.random((20, 40)) < 0.3)
    ratings = rng.integers(1, 6, len(users))
    features = Features(Ids(21, 41, 1.0, 5.0))  # one more of each, which has no rating
    given = Interactions.from_arrays(users, items, ratings)
    model = EASE(regularization=3.0, dropout=dropout, rating_power=1.5).fit(given, None, features)
    quick = trained_models._for_one_user(model)
    assert quick._weights.shape == (41, 41) and model._weights.shape == (22, 21)
    everybody = np.arange(-1, 21)
    np.testing.assert_allclose(quick.score(everybody), model.score(everybody), atol=1e-5)
    for some in ([7], [0, 3, 38]):
        folded = [one.fold_in(some, [5.0] * len(some)).score([-1]) for one in (quick, model)]
        np.testing.assert_allclose(*folded, atol=1e-5)
