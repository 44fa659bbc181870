from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from reelbench.data.interactions import Interactions
from reelbench.evaluation import EvaluateConfig, task
from reelbench.evaluation.beyond_accuracy import Movies
from reelbench.evaluation.evaluate import Evaluation, Parts, evaluate
from reelbench.faults import Fault
from reelbench.features.block import Features, Ids
from reelbench.models.base import Arrays, Recommender
from reelbench.params import ParamsError

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
    rare_item_ratings=2,
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
    model: type[Recommender] = Countdown,
    config: EvaluateConfig = CONFIG,
    parts: Parts = PARTS,
    faults: tuple[Fault, ...] = (),
) -> Evaluation:
    fitted = model().fit(parts.train, parts.valid, Features(IDS))
    return evaluate(fitted, parts, config, MOVIES, 1, faults)


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


def test_lists_longer_than_the_catalogue_are_refused() -> None:
    with pytest.raises(ParamsError, match=r"evaluate.k: a list of 1,000,000 movies .* has 6:"):
        run(config=EvaluateConfig(k=(3, 1_000_000)))
    assert run(config=EvaluateConfig(k=(100,))).metrics["recall_at_100"] == 1


def test_last_places_by_hand() -> None:
    columns = run().last_places
    lists = np.column_stack([columns["user_idx"], columns["rank"], columns["item_idx"]])
    # of user 0 three movies are left, of user 2 five, of user 3 all six
    assert lists.tolist() == [
        [0, 3, 3], [0, 2, 4], [0, 1, 5],
        [2, 5, 0], [2, 4, 1], [2, 3, 3],
        [3, 6, 0], [3, 5, 1], [3, 4, 2],
    ]  # fmt: skip
    assert columns["score"][3:6] == pytest.approx([3.0, 3.1, 3.3])


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


def changed(**changes: object) -> Evaluation:
    return run(config=CONFIG.model_copy(update=changes))


def test_candidates_of_train_alone_leave_the_rest_missed_and_counted() -> None:
    result = changed(candidates="train")
    # train has items 0, 1 and 2: user 0 has seen them all, user 2 has seen 2
    lists = zip(result.recommendations["user_idx"], result.recommendations["item_idx"], strict=True)
    assert list(lists) == [(2, 1), (2, 0), (3, 2), (3, 1), (3, 0)]
    # the test items are all cold: none can be found, and all of them count
    assert result.metrics["recall_at_3"] == 0
    assert result.metrics["n_users_without_relevant"] == 0
    # users 2 and 3 have irrelevant candidates that every missed item loses against
    assert result.metrics["auc"] == 0


def test_ranking_by_prediction_has_the_ties_of_clipping() -> None:
    class Steep(Countdown):
        def _predict(self, user_idx: np.ndarray, item_idx: np.ndarray) -> np.ndarray:
            return 3.0 + item_idx  # items 2 to 5 are all clipped to 5

    config = CONFIG.model_copy(update={"rank_by": "prediction"})
    by_score, by_prediction = (run(Steep, c).recommendations for c in (CONFIG, config))
    assert by_score["item_idx"][-3:].tolist() == [5, 4, 3]
    # ties by item index, so the smallest of the clipped come first
    assert by_prediction["item_idx"][-3:].tolist() == [2, 3, 4]
    assert by_prediction["score"][-3:].tolist() == [5, 5, 5]


def test_a_model_that_only_ranks_is_ranked_by_its_score_in_any_case() -> None:
    config = CONFIG.model_copy(update={"rank_by": "prediction"})
    assert run(RankOnly, config).metrics["mrr_at_3"] == run(RankOnly).metrics["mrr_at_3"]


def test_auc_by_hand() -> None:
    # order 5 4 3 2 1 0; user 0 finds 4 and 3 below 5, of the candidates 3, 4, 5: loses both
    # user 2 (all but item 2): item 3 loses against 5 and 4, beats 1 and 0; user 3: item 5 beats all
    assert run().per_user["auc"].tolist() == pytest.approx([0, 2 / 4, 1])


def test_every_cohort_has_the_headline_metrics() -> None:
    result = run()
    ranking = {key for key in result.metrics["intervals"] if "_at_" in key}
    assert ranking | {"rmse", "mae", "r2", "auc"} <= set(result.cohorts)
    warm = result.cohorts.set_index("cohort").loc["warm users"]
    assert warm["n_test"] == 3
    assert warm["mrr_at_3"] == pytest.approx((1 / 2 + 1 / 3) / 2)


def test_calibration_covers_every_prediction() -> None:
    result = run()
    assert result.calibration is not None
    assert result.calibration["n_test"].sum() == 4
    # all predictions are in the bin [3, 4): mean 3.375 against 2.75
    assert result.metrics["calibration_error"] == pytest.approx(3.375 - 2.75, abs=1e-6)
    assert run(RankOnly).calibration is None


def test_diversity_has_a_key_per_kind_of_vector() -> None:
    movies = Movies({}, np.full(6, np.nan), {"text": np.eye(6)})
    fitted = Countdown().fit(PARTS.train, PARTS.valid, Features(IDS))
    metrics = evaluate(fitted, PARTS, CONFIG, movies, seed=1).metrics
    assert metrics["diversity_text_at_3"] == 1
    assert metrics["diversity_text_at_1"] is None
    assert not [key for key in run().metrics if key.startswith("diversity")]


def test_a_fault_scores_the_rows_of_train_too() -> None:
    found = run(faults=(Fault.SCORE_TRAIN_ROWS,))
    # the file of the metrics says so itself
    assert found.metrics["faults"] == {"score_train_rows": True}
    assert "faults" not in run().metrics
    assert found.metrics["n_test"] == 9
    rows = [part.rating for part in (PARTS.train, PARTS.valid, PARTS.test)]
    items = [part.item_idx for part in (PARTS.train, PARTS.valid, PARTS.test)]
    errors = 3 + np.concatenate(items) / 10 - np.concatenate(rows)
    assert found.metrics["rmse"] == pytest.approx(np.sqrt((errors**2).mean()))
    # user 1 is in train alone: nothing to find for them, and the lists of the others stay
    assert found.metrics["n_users_without_relevant"] == 1
    assert found.metrics["recall_at_3"] == run().metrics["recall_at_3"]


def test_rows_of_test_that_are_validated_on_are_still_to_be_found() -> None:
    without = Parts(PARTS.train, Interactions.empty(), PARTS.test)
    copied = Parts(PARTS.train, PARTS.test, PARTS.test)
    found, expected = run(parts=copied), run(parts=without)
    assert found.metrics["recall_at_3"] == expected.metrics["recall_at_3"] > 0
    # and where train is scored as well they count once
    everything = (Fault.SCORE_TRAIN_ROWS,)
    twice, once = run(parts=copied, faults=everything), run(parts=without, faults=everything)
    assert twice.metrics["n_test"] == once.metrics["n_test"]
    assert twice.metrics["rmse"] == once.metrics["rmse"]


def test_a_fault_scores_every_pair_without_a_rating_as_surprise_fills_it() -> None:
    from surprise import Dataset, Reader

    train = pd.DataFrame({n: getattr(PARTS.train, n) for n in ("user_idx", "item_idx", "rating")})
    filled = Dataset.load_from_df(train, Reader()).build_full_trainset().build_anti_testset()
    found = run(faults=(Fault.SCORE_FILLED_MATRIX,))
    assert found.metrics["faults"] == {"score_filled_matrix": True}
    names = ("user_idx", "item_idx", "rating")
    ours = {(u, i): r for u, i, r in zip(*(found.predictions[n] for n in names), strict=True)}
    assert ours == pytest.approx({(user, item): mean for user, item, mean in filled})
    errors = np.array([3 + item / 10 - mean for _, item, mean in filled])
    assert found.metrics["rmse"] == pytest.approx(np.sqrt((errors**2).mean()))
    assert found.metrics["n_test"] == len(filled) > len(PARTS.test)


def test_a_matrix_that_memory_cannot_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task, "memory_bytes", lambda: 1000)
    with pytest.raises(ParamsError, match=r"score_filled_matrix: the pairs of 3 users and 3 m"):
        run(faults=(Fault.SCORE_FILLED_MATRIX,))


def test_a_fault_leaves_out_test_ratings_of_cold_movies() -> None:
    warm = Parts(PARTS.train, PARTS.valid, Interactions.from_arrays([0, 2], [1, 3], [5, 3]))
    found = run(parts=warm, faults=(Fault.DROP_COLD_ITEMS,))
    assert found.metrics["n_test"] == 1
    assert found.metrics["rmse"] == pytest.approx(1.9)


def test_a_fault_ranks_the_own_test_items_only() -> None:
    columns = run(faults=(Fault.OWN_TEST_ITEMS_ONLY,)).recommendations
    lists = np.column_stack([columns["user_idx"], columns["rank"], columns["item_idx"]])
    assert lists.tolist() == [[0, 1, 4], [0, 2, 3], [2, 1, 3], [3, 1, 5]]


def many_users() -> Parts:
    """User u has u ratings in train, and the first 50 of 60 users have two in test."""
    rng = np.random.default_rng(0)
    train = [(u, i) for u in range(60) for i in rng.permutation(80)[:u]]
    test = [(u, 80 + i) for u in range(50) for i in rng.permutation(20)[:2]]
    rows = [
        Interactions.from_arrays(*zip(*part, strict=True), [3.0] * len(part))
        for part in (train, test)
    ]
    return Parts(rows[0], Interactions.empty(), rows[1])


def test_a_sample_of_users_is_stratified_and_the_same_for_all_models() -> None:
    parts, ids = many_users(), Ids(60, 100, 1.0, 5.0)
    config = CONFIG.model_copy(update={"users": 10})
    model = Countdown().fit(parts.train, parts.valid, Features(ids))
    found = evaluate(model, parts, config, Movies.unknown(100), seed=3)
    users = found.per_user["user_idx"]
    assert (found.metrics["n_test_users"], found.metrics["n_test"]) == (10, 20)
    assert found.metrics["n_test_users_before_sampling"] == 50
    # user u has u ratings in train: one user of every five
    assert (np.sort(users) // 5).tolist() == list(range(10))
    assert set(found.predictions["user_idx"]) == set(found.recommendations["user_idx"]) == {*users}
    other = RankOnly().fit(parts.train, parts.valid, Features(ids))
    again = evaluate(other, parts, config, Movies.unknown(100), seed=3)
    assert again.per_user["user_idx"].tolist() == users.tolist()
    elsewhere = evaluate(model, parts, config, Movies.unknown(100), seed=4)
    assert elsewhere.per_user["user_idx"].tolist() != users.tolist()


def test_the_values_of_sampled_users_are_those_of_all() -> None:
    parts = many_users()
    model = Countdown().fit(parts.train, parts.valid, Features(Ids(60, 100, 1.0, 5.0)))
    configs = [CONFIG.model_copy(update={"users": users}) for users in (None, 12, 50, 999)]
    whole, some, *more = (evaluate(model, parts, config, Movies.unknown(100)) for config in configs)
    rows = some.per_user["user_idx"]
    for name, column in some.per_user.items():
        if name not in ("deviation", "squared_deviation"):  # from the mean of the sample
            np.testing.assert_array_equal(column, whole.per_user[name][rows], name)
    for found in more:  # as many users as there are: no sample
        assert found.metrics == whole.metrics
        assert "n_test_users_before_sampling" not in found.metrics
