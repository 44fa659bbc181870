"""One search: a budget, and the trials that it has bought, kept in a journal of Optuna."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from reelbench.tuning.objective import Objective
from reelbench.tuning.space import Choices, Parameters, Range, Space

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler

_LOG = logging.getLogger(__name__)

# attributes of a trial in the journal
_PARAMETERS, _ERROR = "parameters", "error"
_IMPORTANCE_DIGITS = 4


class TuningError(ValueError):
    """A search that cannot be made; the message says why and what to do."""


@dataclass(frozen=True)
class Trial:
    """One training; `value` is None, and `error` says why, where it failed."""

    number: int
    parameters: Parameters
    value: float | None
    error: str | None
    seconds: float


class Search:
    """Trains what a searcher proposes, within the budget, each setting once.

    Args:
        model: name, for the log and the journal.
        default: the parameters of `conf/`, the first trial; may lie outside of the space.
        trials, seconds: the budget; a trial that has begun is finished. None: no limit.
        seed: of everything that a searcher draws.
        value: parameters → objective; may raise.
        journal: file of the trials. One that a killed search left behind is continued: its
            finished trials count, and the one that was running is run again.
        on_trial: called with the search after every trial.
    """

    def __init__(
        self,
        model: str,
        space: Space,
        default: Parameters,
        objective: Objective,
        *,
        trials: int,
        seconds: float | None,
        seed: int,
        value: Callable[[Parameters], float],
        journal: Path,
        on_trial: Callable[[Search], object] = lambda search: None,
    ) -> None:
        self.model, self.space, self.default, self.objective = model, space, default, objective
        self.n_trials, self.seconds, self.seed = trials, seconds, seed
        self.direction: Literal["minimize", "maximize"] = (
            "minimize" if objective.better == "lower" else "maximize"
        )
        self._value, self._on_trial = value, on_trial
        self._study = _open(journal, model, self.direction)

    @property
    def trials(self) -> list[Trial]:
        """Finished trials, failed ones included."""
        found = [trial for trial in self._study.get_trials() if _is_finished(trial)]
        return [_trial(number, trial) for number, trial in enumerate(found, start=1)]

    @property
    def best(self) -> Trial | None:
        """The best trial, the first of equals; None if all failed."""
        values = [trial for trial in self.trials if trial.value is not None]
        return min(values, key=self.loss, default=None)

    @property
    def done(self) -> bool:
        """Whether the budget allows no further trial."""
        return len(self.trials) >= self.n_trials or self._late

    @property
    def ended(self) -> str:
        """Why no further trial was run."""
        if len(self.trials) >= self.n_trials:
            return "all trials of the budget"
        return "no time left" if self._late else "every setting tried"

    @property
    def _late(self) -> bool:
        spent = sum(trial.seconds for trial in self.trials)
        return self.seconds is not None and spent >= self.seconds

    def tried(self, parameters: Parameters) -> bool:
        """Whether there is a trial with these parameters."""
        return any(trial.parameters == parameters for trial in self.trials)

    def loss(self, trial: Trial) -> float:
        """What an optimiser minimises; NaN for a failed trial."""
        if trial.value is None:
            return math.nan
        return trial.value if self.direction == "minimize" else -trial.value

    def run(self, parameters: Parameters) -> float:
        """Train with a setting, unless that was done before or the budget is spent.

        Returns:
            what an optimiser minimises; NaN if the trial failed or was not run.
        """
        wanted = {name: parameters[name] for name in self.space.parameters}
        if not self.tried(wanted) and not self.done:
            self._train(wanted)
        found = (trial for trial in self.trials if trial.parameters == wanted)
        return next((self.loss(trial) for trial in found), math.nan)

    def propose(self, sampler: BaseSampler) -> Parameters:
        """The setting that a sampler of Optuna chooses in view of the trials so far."""
        import optuna

        # a copy in memory: the journal holds what was trained, not what was proposed
        copy = optuna.create_study(sampler=sampler, direction=self.direction)
        known = [trial for trial in self._study.get_trials() if _is_finished(trial)]
        copy.add_trials([t for t in known if self.space.contains(t.user_attrs[_PARAMETERS])])
        return self.space.decode(copy.ask(distributions(self.space)).params)

    def importances(self) -> dict[str, float]:
        """Share of each parameter in the variance of the objective over the space.

        Optuna's fANOVA (Hutter et al., ICML 2014): a random forest with a fixed seed over the
        trials inside the space. Sums to 1; empty where fewer than two values differ.
        """
        from optuna.importance import FanovaImportanceEvaluator, get_param_importances

        inside = [trial for trial in self.trials if self.space.contains(trial.parameters)]
        if len({trial.value for trial in inside} - {None}) < 2:
            return {}
        found = get_param_importances(
            self._study,
            evaluator=FanovaImportanceEvaluator(seed=self.seed),
            params=list(self.space.parameters),
        )
        return {name: round(value, _IMPORTANCE_DIGITS) for name, value in found.items()}

    def _train(self, parameters: Parameters) -> None:
        from optuna.trial import TrialState

        encoded = self.space.encode(parameters)
        self._study.enqueue_trial(encoded, user_attrs={_PARAMETERS: parameters})
        known = distributions(self.space)
        trial = self._study.ask({name: known[name] for name in encoded})
        try:
            value = self._value(parameters)
            if not math.isfinite(value):
                raise ValueError(f"{self.objective.key} is {value}")
        except Exception as failure:  # a setting that cannot be trained is a result too
            trial.set_user_attr(_ERROR, _reason(failure))
            self._study.tell(trial, state=TrialState.FAIL)
        else:
            self._study.tell(trial, value)
        self._on_trial(self)
        self._log(self.trials[-1])

    def _log(self, trial: Trial) -> None:
        setting = " ".join(f"{name}={value}" for name, value in trial.parameters.items())
        found = trial.error if trial.value is None else f"{trial.value:.5f}"
        metric = "failed:" if trial.value is None else self.objective.key
        _LOG.info(
            "%s: trial %d of %d: %s → %s %s in %.1f s",
            *(self.model, trial.number, self.n_trials, setting, metric, found, trial.seconds),
        )


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """The space as Optuna's distributions; a choice is the text of its JSON."""
    return {name: _distribution(values) for name, values in space.parameters.items()}


def _distribution(values: Choices | Range) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(values, Choices):
        return CategoricalDistribution(values.labels)
    if values.integer:
        step = int(values.step or 1)
        return IntDistribution(int(values.low), int(values.high), log=values.log, step=step)
    return FloatDistribution(values.low, values.high, log=values.log, step=values.step)


def _open(journal: Path, model: str, direction: Literal["minimize", "maximize"]) -> optuna.Study:
    """The study in a journal, new or continued; trials that were running are marked as failed."""
    import optuna
    from optuna.storages.journal import JournalFileBackend, JournalStorage
    from optuna.trial import TrialState

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    journal.parent.mkdir(parents=True, exist_ok=True)
    _drop_half_a_line(journal)
    study = optuna.create_study(
        storage=JournalStorage(JournalFileBackend(str(journal))),
        study_name=model,
        direction=direction,
        load_if_exists=True,
    )
    for _ in study.get_trials(states=(TrialState.WAITING,)):
        study.ask()
    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
    return study


def _drop_half_a_line(journal: Path) -> None:
    """A process that is killed while it writes leaves one; Optuna could read nothing behind it."""
    if journal.is_file():
        content = journal.read_bytes()
        journal.write_bytes(content[: content.rfind(b"\n") + 1])


def _is_finished(trial: optuna.trial.FrozenTrial) -> bool:
    """Whether a trial came to an end by itself; one that was killed has no error."""
    return trial.value is not None or _ERROR in trial.user_attrs


def _trial(number: int, trial: optuna.trial.FrozenTrial) -> Trial:
    duration = trial.duration
    return Trial(
        number=number,
        parameters=trial.user_attrs[_PARAMETERS],
        value=trial.value,
        error=trial.user_attrs.get(_ERROR),
        seconds=0.0 if duration is None else duration.total_seconds(),
    )


def _reason(error: Exception) -> str:
    text = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__
