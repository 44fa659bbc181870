"""The trials of one model: run, counted against the budget, and recorded one after another."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reelbench.data.interactions import Interactions
from reelbench.evaluation import EvaluateConfig
from reelbench.features.block import Features
from reelbench.models.base import ModelEntry
from reelbench.tuning.objective import Objective, measure
from reelbench.tuning.space import Parameters, Space

_LOG = logging.getLogger(__name__)


class TuningError(ValueError):
    """A search that cannot be made; the message says why and what to do."""


@dataclass(frozen=True)
class Problem:
    """One model and what it is tuned on. There is no test part, so that nothing can look at it."""

    model: str
    entry: ModelEntry
    train: Interactions
    valid: Interactions
    features: Features
    objective: Objective
    config: EvaluateConfig
    #: the seed with which the pipeline trains the model: it will find the winner's very value
    seed: int
    threads: int

    def value(self, parameters: Mapping[str, Any]) -> float:
        """Train with other parameters than those of `conf/`; the objective on valid.

        Raises:
            Exception: whatever the model raises, and ParamsError for what it refuses.
        """
        entry = self.entry.model_copy(update=dict(parameters))
        recommender = entry.create(self.model, seed=self.seed, threads=self.threads)
        recommender.prepare()
        recommender.fit(self.train, self.valid, self.features)
        return measure(self.objective, recommender, self.train, self.valid, self.config)


@dataclass(frozen=True)
class Trial:
    """One training; `value` is None, and `error` says why, where it failed."""

    number: int
    parameters: Parameters
    value: float | None
    error: str | None
    seconds: float


class Study:
    """What a searcher talks to: it proposes settings and gets losses back.

    Args:
        name: of the model, for the log.
        default: the parameters of `conf/`, the first trial.
        trials, seconds: the budget; a trial that has begun is finished.
        seed: of the searcher.
        value: parameters → objective; may raise.
        keep: called with all trials after each.
        known: trials of an interrupted search, which are not run again.
    """

    def __init__(
        self,
        name: str,
        space: Space,
        default: Parameters,
        objective: Objective,
        *,
        trials: int,
        seconds: float | None,
        seed: int,
        value: Callable[[Parameters], float],
        keep: Callable[[Sequence[Trial]], None] = lambda trials: None,
        known: Sequence[Trial] = (),
    ) -> None:
        self.name, self.space, self.default, self.objective = name, space, default, objective
        self.n_trials, self.seconds, self.seed = trials, seconds, seed
        self.trials: list[Trial] = []
        self._value, self._keep, self._known = value, keep, known

    @property
    def done(self) -> bool:
        """Whether the budget allows no further trial."""
        return len(self.trials) >= self.n_trials or self._late

    @property
    def ended(self) -> str:
        """Why there are no more trials."""
        if len(self.trials) >= self.n_trials:
            return "all trials of the budget"
        return "no time left" if self._late else "every setting tried"

    @property
    def _late(self) -> bool:
        return self.seconds is not None and sum(t.seconds for t in self.trials) >= self.seconds

    @property
    def best(self) -> Trial | None:
        """The best trial, the first of equals; None where all failed."""
        values = [trial for trial in self.trials if trial.value is not None]
        return min(values, key=self._loss, default=None)

    def tried(self, parameters: Parameters) -> bool:
        """Whether there is such a trial."""
        return _find(self.trials, parameters) is not None

    def run(self, parameters: Parameters) -> float:
        """The loss of a setting, trained unless that was done before.

        Returns:
            NaN if the trial failed, or if the budget is spent and there is none.
        """
        parameters = {name: parameters[name] for name in self.space.parameters}
        trial = _find(self.trials, parameters)
        if trial is None:
            if self.done:
                return math.nan
            trial = _find(self._known, parameters) or self._train(parameters)
            self.trials.append(trial)
            self._keep(self.trials)
            self._log(trial)
        return self._loss(trial)

    def _loss(self, trial: Trial) -> float:
        return math.nan if trial.value is None else self.objective.loss(trial.value)

    def _train(self, parameters: Parameters) -> Trial:
        number, start = len(self.trials) + 1, time.perf_counter()
        value, error = None, None
        try:
            found = self._value(parameters)
            value, error = (found, None) if math.isfinite(found) else (None, f"it is {found}")
        except Exception as failure:  # a setting that cannot be trained says something too
            error = _reason(failure)
        return Trial(number, parameters, value, error, time.perf_counter() - start)

    def _log(self, trial: Trial) -> None:
        setting = " ".join(f"{name}={value}" for name, value in trial.parameters.items())
        found = trial.error if trial.value is None else f"{trial.value:.5f}"
        metric = "failed:" if trial.value is None else self.objective.metric
        _LOG.info(
            "%s: trial %d of %d: %s → %s %s in %.1f s",
            *(self.name, trial.number, self.n_trials, setting, metric, found, trial.seconds),
        )


def _find(trials: Sequence[Trial], parameters: Parameters) -> Trial | None:
    return next((trial for trial in trials if trial.parameters == parameters), None)


def _reason(error: Exception) -> str:
    text = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__
