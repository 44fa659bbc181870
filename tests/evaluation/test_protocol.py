from __future__ import annotations

import numpy as np
import pytest

from reelbench.data.interactions import Interactions
from reelbench.evaluation.config import EvaluateConfig
from reelbench.evaluation.movies import Movies
from reelbench.evaluation.protocol import Evaluation, Parts, evaluate
from reelbench.features.block import Features, Ids
from reelbench.models.base import Arrays, Recommender

IDS = Ids(4, 6, 1.0, 5.0)
PARTS = Parts(
    train=Interactions.from_arrays([0, 0, 1, 2], [0, 1, 1, 2], [5, 4, 3, 3]),
    valid=Interactions.from_arrays([0], [2], [4]),
    # user 3 and items 4, 5 are cold; user 1 has no test rating
    test=Interactions.from_arrays([0, 0, 2, 3], [3, 4, 3, 5], [5, 2, 3, 1]),
)
CONFIG = EvaluateConfig(
    k=(1, 3),
    min_relevant_rating=None,
    candidates="catalogue",
    rank_by="score",
    similarity="ids",
    calibration_bins=4,
    bootstrap_samples=50,
)
MOVIES = Movies({}, np.full(6, np.nan), {})


class Countdown(Recommender):
    """Ranks items by falling index and predicts a rating of 3 plus a tenth of the index."""

    def _fit(self, train: Interactions, valid: Interactions, features: Features) -> None:
        pass

    def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
        return 3 + item_idx / 10

    def _state(self) -> Arrays:
        return {}

    def _restore(self, state: Arrays) -> None:
        pass


class RankOnly(Countdown):
    predicts_ratings = False


def run(
    model: type[Recommender] = Countdown, config: EvaluateConfig = CONFIG, parts: Parts = PARTS
) -> Evaluation:
    fitted = model().fit(parts.train, parts.valid, Features(IDS))
    return evaluate(fitted, parts, config, MOVIES, seed=1)


def test_lists_by_hand() -> None:
    columns = run().recommendations
    lists = np.column_stack([columns["user_idx"], columns["rank"], columns["item_idx"]])
    # user 0 has seen 0, 1 (train) and 2 (valid); user 2 has seen 2; user 3 nothing
    assert lists.tolist() == [
        [0, 1, 5], [0, 2, 4], [0, 3, 3],
        [2, 1, 5], [2, 2, 4], [2, 3, 3],
        [3, 1, 5], [3, 2, 4], [3, 3, 3],
    ]  # fmt: skip
    assert columns["score"][:3] == pytest.approx([3.5, 3.4, 3.3])


def test_headline_by_hand() -> None:
    metrics = run().metrics
    # predictions 3.3, 3.4, 3.3, 3.5 for 5, 2, 3, 1
    squares = [1.7**2, 1.4**2, 0.3**2, 2.5**2]
    assert metrics["rmse"] == pytest.approx((sum(squares) / 4) ** 0.5, abs=1e-6)
    assert metrics["mae"] == pytest.approx((1.7 + 1.4 + 0.3 + 2.5) / 4, abs=1e-6)
    # at 3, user 0 finds both of 2, user 2 its 1 at place 3, user 3 its 1 at place 1
    assert metrics["recall_at_3"] == 1
    assert metrics["mrr_at_3"] == pytest.approx((1 / 2 + 1 / 3 + 1) / 3)
    assert metrics["hit_rate_at_1"] == pytest.approx(1 / 3)
    # everybody is shown 5, 4, 3 of 6 items
    assert metrics["coverage_at_3"] == 3 / 6
    assert metrics["coverage_at_1"] == 1 / 6


def test_cold_users_and_items_are_counted_and_evaluated() -> None:
    metrics = run().metrics
    assert metrics["n_test"] == 4
    assert metrics["n_test_users"] == 3
    # items 3, 4 and 5 have no row in train
    assert (metrics["cold_users"], metrics["cold_items"]) == (1, 3)
    assert metrics["cohorts"]["cold_users"]["rmse"] == pytest.approx(2.5)
    assert metrics["cohorts"]["warm_items"]["ratings"] == 0


def test_every_metric_but_coverage_has_an_interval_around_it() -> None:
    metrics = run().metrics
    for key, (low, high) in metrics["intervals"].items():
        assert low <= metrics[key] <= high, key
    headline = {key for key, value in metrics.items() if isinstance(value, float)}
    assert {key.partition("_at_")[0] for key in headline - set(metrics["intervals"])} == {
        "coverage",
        "gini",
        "calibration_error",
    }


def test_a_relevance_threshold_leaves_users_out_and_counts_them() -> None:
    config = CONFIG.model_copy(update={"min_relevant_rating": 3.0})
    result = run(config=config)
    # user 0 keeps item 3 (at place 3), user 2 its item 3 (place 3), user 3 nothing
    assert result.metrics["n_users_without_relevant"] == 1
    assert result.metrics["mrr_at_3"] == pytest.approx(1 / 3)
    assert np.isnan(result.per_user["mrr_at_3"]).tolist() == [False, False, True]
    # errors are over all test ratings all the same
    assert result.metrics["rmse"] == run().metrics["rmse"]


def test_a_threshold_that_nothing_reaches_leaves_no_number() -> None:
    result = run(config=CONFIG.model_copy(update={"min_relevant_rating": 6.0}))
    assert result.metrics["ndcg_at_3"] is None
    assert "ndcg_at_3" not in result.metrics["intervals"]


def test_a_model_that_only_ranks_has_no_errors() -> None:
    result = run(RankOnly)
    assert [result.metrics[key] for key in ("rmse", "mae", "r2")] == [None] * 3
    assert result.metrics["mrr_at_3"] == run().metrics["mrr_at_3"]
    assert "rmse" not in result.metrics["intervals"]
    assert result.predictions["score"] is None
    assert result.per_user["squared_error"] is None
    assert result.cost["predict_microseconds_per_rating"] is None


def test_the_per_user_table_adds_up_to_the_headline() -> None:
    result = run()
    squared, n = result.per_user["squared_error"], result.per_user["n_test"]
    assert n.tolist() == [2, 1, 1]
    assert (squared.sum() / n.sum()) ** 0.5 == pytest.approx(result.metrics["rmse"])
    assert result.per_user["ndcg_at_3"].mean() == pytest.approx(result.metrics["ndcg_at_3"])
    assert result.per_user["cold_user"].tolist() == [False, False, True]


def test_costs_are_measured() -> None:
    cost = run().cost
    assert cost["score_microseconds_per_user"] > 0
    assert cost["predict_microseconds_per_rating"] > 0
    assert cost["peak_memory_bytes"] > 10 * 2**20


def test_an_empty_test_part_is_refused() -> None:
    nothing = Interactions.from_arrays([], [], [])
    with pytest.raises(ValueError, match="test part is empty"):
        run(parts=Parts(PARTS.train, PARTS.valid, nothing))
