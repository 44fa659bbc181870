"""Both searchers on a surface whose lowest point is known."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from planted import BEST, DEFAULT, GRID, SPACE, a_search, searched, surface
from threadpoolctl import threadpool_limits

from reelbench.models.network import Network
from reelbench.models.svd import SVD
from reelbench.tuning.search import (
    GAUSSIAN_PROCESS,
    TPE,
    Search,
    Searcher,
    distributions,
    hyperparameters,
    searcher_of,
    untried,
)

pytestmark = pytest.mark.slow

BOTH = pytest.mark.parametrize("searcher", [TPE, GAUSSIAN_PROCESS], ids=lambda s: s.name)
# a proposal of the Gaussian process takes a second
TRIALS = {TPE: 30, GAUSSIAN_PROCESS: 4}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads would only wait for each other, over matrices of a dozen rows."""
    import sklearn.gaussian_process  # loads the libraries that are to be limited

    assert sklearn.gaussian_process
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def finished() -> dict[str, Search]:
    """A search by each of them."""
    return {searcher.name: searched(searcher, trials=n) for searcher, n in TRIALS.items()}


def rows(search: Search) -> list[Any]:
    return [(trial.parameters, trial.value, trial.error) for trial in search.trials]


@BOTH
def test_the_budget_is_spent_and_the_default_comes_first(
    searcher: Searcher, finished: dict[str, Search]
) -> None:
    trials = finished[searcher.name].trials
    assert [trial.number for trial in trials] == list(range(1, TRIALS[searcher] + 1))
    assert trials[0].parameters == DEFAULT
    settings = [trial.parameters for trial in trials]
    assert all(settings.count(setting) == 1 for setting in settings)
    assert finished[searcher.name].limit == "all trials of the budget"


def test_a_setting_near_the_best_is_found(finished: dict[str, Search]) -> None:
    best = finished[TPE.name].best
    assert best.value < 0.6 < surface(DEFAULT)
    assert best.parameters["kind"] == BEST["kind"]


@pytest.mark.parametrize(
    ("searcher", "size", "trials", "seeds"),
    [(TPE, 5, 40, 5), (GAUSSIAN_PROCESS, 3, 8, 2)],  # the time of a proposal grows with the size
    ids=["tpe", "gp"],
)
def test_proposals_are_better_than_random_settings(
    searcher: Searcher, size: int, trials: int, seeds: int
) -> None:
    """On a bowl of several dimensions, over several seeds."""
    centre = np.random.default_rng(1).uniform(0.2, 0.8, size)
    bowl = {
        "space": {f"p{number}": {"low": 0.0, "high": 1.0} for number in range(size)},
        "default": {f"p{number}": 0.5 for number in range(size)},
        "value": lambda s: float(((np.array(list(s.values())) - centre) ** 2).sum()),
        "trials": trials,
    }
    at_random = Searcher("random", lambda search, n, seed: untried(search, seed))

    def mean_of_best(one: Searcher, seeds: int) -> float:
        values = [searched(one, **bowl, seed=seed).best.value for seed in range(seeds)]
        return float(np.mean(values))

    # the best of a few random trials varies by a factor of three, so it is the mean of more of them
    assert mean_of_best(searcher, seeds) < 0.7 * mean_of_best(at_random, seeds=200 // trials)


@BOTH
def test_a_space_that_fits_into_the_budget_is_searched_whole(searcher: Searcher) -> None:
    found = searched(searcher, GRID, trials=12)
    assert len({str(trial.parameters) for trial in found.trials}) == 12
    assert found.best.parameters == BEST


@BOTH
def test_a_space_smaller_than_the_budget_ends_the_search(searcher: Searcher) -> None:
    sizes = {
        "size": {"low": 8, "high": 24, "step": 8},
        "rate": {"low": 0.1, "high": 0.3, "step": 0.2},
    }
    found = searched(
        searcher, sizes, trials=9, default={"size": 8, "rate": 0.1}, value=lambda s: s["size"]
    )
    assert sorted({trial.parameters["size"] for trial in found.trials}) == [8, 16, 24]
    assert sorted({trial.parameters["rate"] for trial in found.trials}) == [0.1, 0.3]
    assert len(found.trials) == 6 and found.limit is None


@BOTH
def test_every_kind_of_range_is_proposed(searcher: Searcher) -> None:
    space = {
        "single": ["one"],
        "whole": {"low": 1, "high": 1000, "log": True},
        "steps": {"low": 0.2, "high": 0.6, "step": 0.1},
    }
    default = {"single": "one", "whole": 10, "steps": 0.4}
    found = searched(searcher, space, default=default, value=lambda s: s["steps"], trials=5)
    for trial in found.trials:
        assert trial.error is None
        assert isinstance(trial.parameters["whole"], int)
        assert trial.parameters["steps"] in (0.2, 0.3, 0.4, 0.5, 0.6)


@BOTH
def test_the_same_seed_gives_the_same_trials(
    searcher: Searcher, finished: dict[str, Search]
) -> None:
    first = rows(finished[searcher.name])
    random.seed(99)
    np.random.seed(99)
    assert rows(searched(searcher, trials=TRIALS[searcher])) == first
    other = rows(searched(searcher, trials=3, seed=4))
    assert other != first[:3] and other[0] == first[0]


@BOTH
@pytest.mark.parametrize("stop_at", [1, 4])
def test_a_killed_search_continues_as_if_it_had_not_been(
    searcher: Searcher, stop_at: int, tmp_path: Path, finished: dict[str, Search]
) -> None:
    """The trial that was running is run again; those before it are not."""
    journal = tmp_path / "journal.log"
    trials = TRIALS[searcher]
    calls: list[Any] = []

    def killed(setting: dict[str, Any]) -> float:
        calls.append(setting)
        if len(calls) == stop_at:
            raise KeyboardInterrupt
        return surface(setting)

    with pytest.raises(KeyboardInterrupt):
        searched(searcher, trials=trials, value=killed, journal=journal)
    continued = searched(searcher, trials=trials, value=killed, journal=journal)
    assert rows(continued) == rows(finished[searcher.name])
    assert len(calls) == trials + 1


@BOTH
def test_failed_trials_are_kept_and_not_modelled(searcher: Searcher) -> None:
    def half(setting: dict[str, Any]) -> float:
        if setting["kind"] == "flat":
            raise FloatingPointError("diverged\nsomewhere")
        return surface(setting)

    found = searched(searcher, GRID, value=half, trials=6)
    failed = [trial for trial in found.trials if trial.value is None]
    assert found.trials[0] in failed
    assert {trial.error for trial in failed} == {"FloatingPointError: diverged"}
    assert found.best.parameters["kind"] == "round"


@BOTH
def test_a_metric_that_should_be_large(searcher: Searcher) -> None:
    found = searched(
        searcher, GRID, objective="ndcg_at_10", value=lambda s: 1.9 - surface(s), trials=5
    )
    assert found.best.value == max(trial.value for trial in found.trials) > 1.9 - surface(DEFAULT)


@BOTH
def test_a_default_outside_of_the_space_is_the_first_trial(searcher: Searcher) -> None:
    outside = {"rate": 5.0, "size": 100, "kind": "square"}
    found = searched(searcher, trials=4, default=outside)
    assert found.trials[0].parameters == outside
    assert len(found.trials) == 4
    assert all(found.space.contains(trial.parameters) for trial in found.trials[1:])


@BOTH
def test_no_trial_starts_late(searcher: Searcher) -> None:
    found = searched(searcher, GRID, seconds=0.1, value=lambda s: time.sleep(0.06) or surface(s))
    seconds = [trial.seconds for trial in found.trials]
    assert sum(seconds[:-1]) < 0.1 <= sum(seconds)
    assert found.limit == "no time left"


def test_every_setting_survives_the_libraries() -> None:
    found = a_search()
    for seed in range(20):
        setting = untried(found, seed)
        assert found.space.contains(setting)
        assert found.space.decode(found.space.encode(setting)) == setting
    assert [known.name for known in hyperparameters(found.space).space] == list(SPACE)
    assert list(distributions(found.space)) == list(SPACE)


def test_networks_have_keras_tuner_and_all_others_optuna() -> None:
    class Added(Network):
        pass

    assert searcher_of(Network) is searcher_of(Added) is GAUSSIAN_PROCESS
    assert searcher_of(SVD) is TPE


@BOTH
def test_an_adopted_setting_does_not_end_the_next_search(searcher: Searcher) -> None:
    trials = 4
    adopted = searched(searcher, trials=trials).trials[2].parameters
    again = searched(searcher, trials=trials, default=adopted)
    assert len({str(trial.parameters) for trial in again.trials}) == trials
