"""Every searcher on a surface whose lowest point is known."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from planted import BEST, DEFAULT, GRID, SPACE, study, surface

from reelbench.tuning import bayesian
from reelbench.tuning.objective import Objective
from reelbench.tuning.searchers import BAYESIAN, QUASI_RANDOM, SAMPLED, Searcher, searcher_of
from reelbench.tuning.searchers import GRID as GRID_SEARCH
from reelbench.tuning.study import Study

ALL = pytest.mark.parametrize("searcher", [QUASI_RANDOM, SAMPLED, BAYESIAN], ids=lambda s: s.name)
SMALL = pytest.mark.parametrize(
    "searcher", [QUASI_RANDOM, SAMPLED, BAYESIAN, GRID_SEARCH], ids=lambda s: s.name
)


# the process takes seconds to propose a trial
TRIALS = {QUASI_RANDOM: 40, SAMPLED: 40, BAYESIAN: 16}


@pytest.fixture(scope="module")
def finished() -> dict[str, Study]:
    """A search by each of them."""
    return {searcher.name: searched(searcher, trials=n) for searcher, n in TRIALS.items()}


def searched(searcher: Searcher, *args: Any, **options: Any) -> Study:
    made = study(*args, **options)
    searcher.search(made)
    return made


@ALL
def test_the_budget_is_spent_and_the_default_comes_first(
    searcher: Searcher, finished: dict[str, Study]
) -> None:
    trials = finished[searcher.name].trials
    assert [trial.number for trial in trials] == list(range(1, TRIALS[searcher] + 1))
    assert trials[0].parameters == DEFAULT
    settings = [trial.parameters for trial in trials]
    assert all(settings.count(setting) == 1 for setting in settings)


@ALL
def test_what_is_near_the_best_is_found(searcher: Searcher, finished: dict[str, Study]) -> None:
    best = finished[searcher.name].best
    assert best.value < 0.6 < surface(DEFAULT)
    assert best.parameters["kind"] == BEST["kind"]


def test_the_process_learns_what_chance_does_not(finished: dict[str, Study]) -> None:
    """With the same budget the last Bayesian settings are better than those drawn evenly."""
    late = {
        searcher.name: np.median([trial.value for trial in finished[searcher.name].trials[8:16]])
        for searcher in (BAYESIAN, QUASI_RANDOM)
    }
    assert late[BAYESIAN.name] < late[QUASI_RANDOM.name] - 0.1


@SMALL
def test_a_grid_within_the_budget_is_searched_whole(searcher: Searcher) -> None:
    found = searched(searcher, GRID, trials=12)
    settings = [trial.parameters for trial in found.trials]
    if searcher in (GRID_SEARCH, QUASI_RANDOM):
        assert len(settings) == 12 and all(setting in settings for setting in found.space.every())
    assert found.best.parameters == BEST


@SMALL
def test_a_space_smaller_than_the_budget_ends_the_search(searcher: Searcher) -> None:
    found = searched(searcher, {"size": [8, 16, 40]}, trials=9, value=lambda s: s["size"] / 8)
    assert sorted(trial.parameters["size"] for trial in found.trials) == [8, 16, 40]
    assert found.ended == "every setting tried"


@SMALL
def test_the_same_seed_gives_the_same_trials(searcher: Searcher) -> None:
    space = GRID if searcher is GRID_SEARCH else SPACE
    first = [(t.parameters, t.value) for t in searched(searcher, space, trials=6).trials]
    random.seed(99)
    np.random.seed(99)
    assert [(t.parameters, t.value) for t in searched(searcher, space, trials=6).trials] == first
    if searcher is not GRID_SEARCH:
        other = [
            (t.parameters, t.value) for t in searched(searcher, space, trials=3, seed=4).trials
        ]
        assert other != first[:3] and other[0] == first[0]


@SMALL
def test_failed_trials_are_recorded_and_skipped(searcher: Searcher) -> None:
    def half(setting: dict[str, Any]) -> float:
        if setting["kind"] == "flat":
            raise FloatingPointError("diverged\nsomewhere")
        return surface(setting)

    found = searched(searcher, GRID, value=half)
    failed = [trial for trial in found.trials if trial.value is None]
    assert found.trials[0] in failed
    assert {trial.error for trial in failed} == {"FloatingPointError: diverged"}
    assert found.best.parameters["kind"] == "round"


@SMALL
def test_a_metric_that_should_be_large(searcher: Searcher) -> None:
    more = Objective("ndcg_at_10", minimize=False)
    found = searched(searcher, GRID, objective=more, value=lambda s: 1.9 - surface(s))
    assert found.best.value == max(trial.value for trial in found.trials) == pytest.approx(1.4)


@ALL
def test_a_default_outside_of_the_space_is_the_first_trial(searcher: Searcher) -> None:
    outside = {"rate": 5.0, "size": 100, "kind": "square"}
    found = searched(searcher, trials=5, default=outside)
    assert found.trials[0].parameters == outside
    assert len(found.trials) == 5
    assert all(found.space.contains(trial.parameters) for trial in found.trials[1:])


@SMALL
def test_no_trial_starts_late(searcher: Searcher, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 5))
    monkeypatch.setattr("reelbench.tuning.study.time.perf_counter", lambda: next(clock))
    found = searched(searcher, GRID, seconds=12.0)
    assert [trial.seconds for trial in found.trials] == [5, 5, 5]
    assert found.ended == "no time left"


def test_surprise_compares_as_we_do() -> None:
    """The winner of `GridSearchCV` itself is the study's."""
    from surprise.model_selection import GridSearchCV

    found = study(GRID)
    seen = []
    fit = GridSearchCV.fit
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(GridSearchCV, "fit", lambda self, data: (fit(self, data), seen.append(self)))
        GRID_SEARCH.search(found)
    assert seen[0].best_params["rmse"] == found.best.parameters
    assert seen[0].best_score["rmse"] == pytest.approx(found.best.value)


def test_every_setting_survives_keras_tuner() -> None:
    found = study()
    for point in np.random.default_rng(0).random((20, 3)).tolist():
        setting = found.space.at(point)
        assert bayesian.decode(found.space, bayesian.encode(found.space, setting)) == setting
    names = [known.name for known in bayesian.hyperparameters(found.space).space]
    assert names == list(SPACE)


def test_each_model_has_its_searcher() -> None:
    def chosen(target: str, space: dict[str, Any], trials: int = 12) -> Searcher:
        return searcher_of(target, study(space).space, trials)

    assert chosen("reelbench.models.network.Network", SPACE) is BAYESIAN
    assert chosen("reelbench.models.svd.SVD", GRID) is GRID_SEARCH
    assert chosen("reelbench.models.svd.SVD", GRID, trials=11) is SAMPLED
    assert chosen("reelbench.models.svd.SVD", SPACE) is SAMPLED
    assert chosen("reelbench.models.svdpp.SVDpp", GRID) is QUASI_RANDOM
    assert chosen("reelbench.models.bias.Bias", SPACE) is QUASI_RANDOM
