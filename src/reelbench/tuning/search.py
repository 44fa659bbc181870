"""One search: a budget, its trials, which are kept in a journal of Optuna, and what proposes them.

Keras Tuner proposes for networks, Optuna for all other models. A proposal depends on the seed and
the trials before it alone, so a search that was killed continues with the trials that it would have
had.
"""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from reelbench.machine import cpu_seconds
from reelbench.models.base import Recommender
from reelbench.models.network import Network
from reelbench.seeds import seed_for
from reelbench.tuning.objective import Objective
from reelbench.tuning.space import Choices, Parameters, Space

if TYPE_CHECKING:
    import keras_tuner
    import optuna
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler

_LOG = logging.getLogger(__name__)

# attributes of a trial in the journal
_PARAMETERS, _ERROR, _CPU = "parameters", "error", "cpu_seconds"
_IMPORTANCE_DIGITS = 4
# of a dozen trials the optimisers' own numbers, 10 and 3 per parameter, would leave them nothing
_RANDOM_SHARE = 1 / 3
_LEAST_RANDOM = 3


class TuningError(ValueError):
    """A search that cannot be made; the message says why and what to do."""


@dataclass(frozen=True)
class Trial:
    """One training; `value` is None, and `error` says why, if it failed."""

    number: int
    parameters: Parameters
    value: float | None
    error: str | None
    seconds: float
    cpu_seconds: float | None = None  # None of a trial that an older version made


@dataclass
class Search:
    """Trains what a searcher proposes, within the budget, each setting once.

    A journal that a killed search left behind is continued: its finished trials count, and the
    trial that was running is run again.
    """

    model: str
    space: Space
    default: Parameters  # the parameters of `conf/`, the first trial; may lie outside of the space
    objective: Objective
    n_trials: int  # the budget; a trial that has begun is finished. None: no limit.
    seconds: float | None
    seed: int  # of everything that a searcher draws
    value: Callable[[Parameters], float]  # parameters → objective; may raise
    journal: Path
    on_trial: Callable[[Search], object] = lambda search: None  # called after every trial

    def __post_init__(self) -> None:
        import optuna
        from optuna.storages.journal import JournalFileBackend, JournalStorage
        from optuna.trial import TrialState

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.journal.parent.mkdir(parents=True, exist_ok=True)
        if self.journal.is_file():  # a killed process may leave half a line, which stops Optuna
            content = self.journal.read_bytes()
            self.journal.write_bytes(content[: content.rfind(b"\n") + 1])
        self._study = optuna.create_study(
            storage=JournalStorage(JournalFileBackend(str(self.journal))),
            study_name=self.model,
            direction=self.direction,
            load_if_exists=True,
        )
        # what was waiting or running has failed
        for _ in self._study.get_trials(states=(TrialState.WAITING,)):
            self._study.ask()
        for trial in self._study.get_trials(states=(TrialState.RUNNING,)):
            self._study.tell(trial.number, state=TrialState.FAIL)

    @property
    def direction(self) -> Literal["minimize", "maximize"]:
        """The better end of the objective, in Optuna's words."""
        return "minimize" if self.objective.better == "lower" else "maximize"

    @property
    def trials(self) -> list[Trial]:
        """Finished trials, failed ones included."""
        return [
            Trial(
                number=number,
                parameters=trial.user_attrs[_PARAMETERS],
                value=trial.value,
                error=trial.user_attrs.get(_ERROR),
                seconds=trial.duration.total_seconds() if trial.duration else 0.0,
                cpu_seconds=trial.user_attrs.get(_CPU),
            )
            for number, trial in enumerate(self._finished(), start=1)
        ]

    @property
    def best(self) -> Trial | None:
        """The best trial, the first of equals; None if all failed."""
        values = [trial for trial in self.trials if trial.value is not None]
        return min(values, key=self.loss, default=None)

    @property
    def limit(self) -> str | None:
        """Why the budget allows no further trial; None if it does."""
        trials = self.trials
        if len(trials) >= self.n_trials:
            return "all trials of the budget"
        spent = sum(trial.seconds for trial in trials)
        return "no time left" if self.seconds is not None and spent >= self.seconds else None

    def loss(self, trial: Trial) -> float:
        """What an optimiser minimises; NaN for a failed trial."""
        value = math.nan if trial.value is None else trial.value
        return value if self.direction == "minimize" else -value

    def tried(self, parameters: Parameters) -> bool:
        """Whether there is a trial with these parameters."""
        return any(trial.parameters == parameters for trial in self.trials)

    def run(self, parameters: Parameters) -> None:
        """Train with a setting, unless that was done before or the budget is spent."""
        from optuna.trial import TrialState

        wanted = {name: parameters[name] for name in self.space}
        if self.tried(wanted) or self.limit:
            return
        encoded, known = self.space.encode(wanted), distributions(self.space)
        self._study.enqueue_trial(encoded, user_attrs={_PARAMETERS: wanted})
        trial = self._study.ask({name: known[name] for name in encoded})
        start = cpu_seconds()
        try:
            try:
                value = self.value(wanted)
            finally:
                trial.set_user_attr(_CPU, round(cpu_seconds() - start, 3))
            if not math.isfinite(value):
                raise ValueError(f"{self.objective.key} is {value}")
        except Exception as failure:  # a setting that cannot be trained is a result too
            text = str(failure).strip().partition("\n")[0]
            kind = type(failure).__name__
            trial.set_user_attr(_ERROR, f"{kind}: {text[:300]}" if text else kind)
            self._study.tell(trial, state=TrialState.FAIL)
        else:
            self._study.tell(trial, value)
        self.on_trial(self)
        last = self.trials[-1]
        setting = " ".join(f"{name}={value}" for name, value in last.parameters.items())
        result = f"failed: {last.error}"
        if last.value is not None:
            result = f"{self.objective.key} {last.value:.5f}"
        place = f"{self.model}: trial {last.number} of {self.n_trials}"
        _LOG.info("%s: %s → %s in %.1f s", place, setting, result, last.seconds)

    def propose(self, sampler: BaseSampler) -> Parameters:
        """The setting that a sampler of Optuna chooses in view of the trials so far."""
        import optuna

        # a copy in memory: the journal holds what was trained, not what was proposed
        copy = optuna.create_study(sampler=sampler, direction=self.direction)
        known = self._finished()
        copy.add_trials([t for t in known if self.space.contains(t.user_attrs[_PARAMETERS])])
        return self.space.decode(copy.ask(distributions(self.space)).params)

    def importances(self) -> dict[str, float]:
        """Share of each parameter in the variance of the objective over the space.

        Optuna's fANOVA (Hutter et al., ICML 2014): a random forest with a fixed seed, fitted to the
        successful trials inside the space. The shares sum to 1, the largest first; there are none
        if there are no more trials than parameters, or if all values are equal.
        """
        from optuna.importance import FanovaImportanceEvaluator, get_param_importances

        inside = [trial for trial in self.trials if self.space.contains(trial.parameters)]
        values = [trial.value for trial in inside if trial.value is not None]
        if len(values) <= len(self.space) or len(set(values)) == 1:
            return {}
        evaluator = FanovaImportanceEvaluator(seed=self.seed)
        found = get_param_importances(self._study, evaluator=evaluator, params=list(self.space))
        return {name: round(value, _IMPORTANCE_DIGITS) for name, value in found.items()}

    def _finished(self) -> list[optuna.trial.FrozenTrial]:
        """Trials that came to an end by themselves; one that was killed has no error."""
        trials = self._study.get_trials()
        return [t for t in trials if t.value is not None or _ERROR in t.user_attrs]


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """The space as Optuna's distributions; a choice is the text of its JSON."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    found: dict[str, BaseDistribution] = {}
    for name, values in space.items():
        if isinstance(values, Choices):
            found[name] = CategoricalDistribution(values.labels)
        elif values.integer:
            low, high, step = int(values.low), int(values.high), int(values.step or 1)
            found[name] = IntDistribution(low, high, values.log, step)
        else:
            found[name] = FloatDistribution(values.low, values.high, values.log, values.step)
    return found


class Searcher(NamedTuple):
    """What proposes the next setting, by the name that the report gives it.

    `propose` takes the search, the number of trials to be drawn at random before it starts to
    model the objective, and a seed.
    """

    name: str
    propose: Callable[[Search, int, int], Parameters]


def spend(search: Search, searcher: Searcher) -> None:
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
        # with the same seed it would draw what a searcher drew at random, and what was tried
        return search.propose(RandomSampler(seed + 1))
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
