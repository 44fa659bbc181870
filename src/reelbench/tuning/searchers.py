"""What proposes the trials: Keras Tuner for networks, Optuna for all other models.

A proposal depends on the seed and the trials before it alone, so a search that was killed continues
with the trials that it would have had.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from reelbench.models.base import Recommender
from reelbench.models.network import Network
from reelbench.seeds import seed_for
from reelbench.tuning.search import Search
from reelbench.tuning.space import Choices, Parameters, Space

if TYPE_CHECKING:
    import keras_tuner

# of a dozen trials the optimisers' own numbers, 10 and 3 per parameter, would leave them nothing
_RANDOM_SHARE = 1 / 3
_LEAST_RANDOM = 3


class Searcher(NamedTuple):
    """What proposes the next setting, by the name that the report gives it.

    `propose` takes the search, the number of trials to be drawn at random before it starts to
    model the objective, and a seed.
    """

    name: str
    propose: Callable[[Search, int, int], Parameters]


def run(search: Search, searcher: Searcher) -> None:
    """Spend the budget: the parameters of `conf/`, some at random, then those proposed.

    A proposal that was tried before is replaced by a random setting that was not. The search ends
    early where none is left.
    """
    search.run(search.default)
    n_random = max(_LEAST_RANDOM, round(_RANDOM_SHARE * search.n_trials))
    while not search.limit:
        seed = seed_for(search.seed, str(len(search.trials)))
        parameters = searcher.propose(search, n_random, seed)
        if search.tried(parameters):
            parameters = untried(search, seed)
        if search.tried(parameters):
            return
        search.run(parameters)


def untried(search: Search, seed: int) -> Parameters:
    """A random setting without a trial; one with a trial only if the space is exhausted."""
    from optuna.exceptions import ExperimentalWarning
    from optuna.samplers import BruteForceSampler, RandomSampler

    if not search.space.is_finite:
        return search.propose(RandomSampler(seed))
    with warnings.catch_warnings(action="ignore", category=ExperimentalWarning):
        return search.propose(BruteForceSampler(seed))


def tpe(search: Search, n_random: int, seed: int) -> Parameters:
    """By Optuna's tree-structured Parzen estimator."""
    from optuna.samplers import TPESampler

    return search.propose(TPESampler(n_startup_trials=n_random, seed=seed))


def gaussian_process(search: Search, n_random: int, seed: int) -> Parameters:
    """By Keras Tuner's Bayesian optimisation.

    Its oracle is asked without its `Tuner`, which would count, store and repeat trials of its own.
    Its Hyperband would give most settings a few epochs: another budget than other models have.
    """
    from keras_tuner.engine.trial import Trial, TrialStatus
    from keras_tuner.oracles import BayesianOptimizationOracle
    from sklearn.exceptions import ConvergenceWarning

    oracle = BayesianOptimizationOracle(
        num_initial_points=n_random,
        seed=seed + 1,  # 0 would be taken for none
        hyperparameters=hyperparameters(search.space),
    )
    for known in search.trials:
        if known.value is not None and search.space.contains(known.parameters):
            point = hyperparameters(search.space)
            point.values = search.space.encode(known.parameters)
            trial = Trial(point, str(known.number), TrialStatus.COMPLETED)
            trial.score = search.loss(known)
            oracle.trials[trial.trial_id] = trial
    # with few trials the length of the process is often at a bound of its range
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        proposed = oracle.populate_space(str(len(search.trials)))
    return search.space.decode(proposed["values"])


def hyperparameters(space: Space) -> keras_tuner.HyperParameters:
    """The space in Keras Tuner's classes; a choice is the text of its JSON."""
    import keras_tuner

    found = keras_tuner.HyperParameters()
    for name, values in space.items():
        if isinstance(values, Choices):
            found.Choice(name, values.labels)
        else:
            kind = found.Int if values.integer else found.Float
            scale = "log" if values.log else "linear"
            kind(name, values.low, values.high, step=values.step, sampling=scale)
    return found


TPE = Searcher("TPE (Optuna)", tpe)
GAUSSIAN_PROCESS = Searcher("Gaussian process (Keras Tuner)", gaussian_process)


def searcher_of(model: type[Recommender]) -> Searcher:
    """The searcher of a model's class."""
    return GAUSSIAN_PROCESS if issubclass(model, Network) else TPE
