"""Keras Tuner's Bayesian optimisation (a Gaussian process) around our own training.

Its Hyperband would give most settings a few epochs only: another budget than the other models have.
Trials are counted by the study; the oracle's own limit is out of reach.
"""

from __future__ import annotations

import logging
import math
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from reelbench.tuning.space import Choices, Parameters, Space
from reelbench.tuning.study import Study

# share of the budget that is drawn at random before the process is asked; Keras Tuner's own
# choice, three settings per parameter, would leave it nothing of a dozen trials
_RANDOM_SHARE = 1 / 3
_LEAST_RANDOM = 3
_ATTEMPTS = 100


def search(study: Study) -> None:
    """The default, random settings for a third of the trials, then where the process hopes most."""
    logging.getLogger("absl").setLevel(logging.ERROR)
    study.run(study.default)
    with TemporaryDirectory() as folder:
        tuner = _tuner(study, folder)
        tuner.oracle.verbose = 0
        tuner.search()


def hyperparameters(space: Space) -> Any:
    """The space in Keras Tuner's words. A choice is its place in the list: it takes any value."""
    import keras_tuner

    found = keras_tuner.HyperParameters()
    for name, values in space.parameters.items():
        if isinstance(values, Choices):
            found.Choice(name, list(range(values.size)))
        else:
            kind = found.Int if values.integer else found.Float
            scale = "log" if values.log else "linear"
            kind(name, values.low, values.high, sampling=scale)
    return found


def encode(space: Space, setting: Parameters) -> dict[str, Any]:
    """Values for Keras Tuner of a setting that is in the space."""
    return {
        name: values.values.index(setting[name]) if isinstance(values, Choices) else setting[name]
        for name, values in space.parameters.items()
    }


def decode(space: Space, values: dict[str, Any]) -> Parameters:
    """Inverse of `encode`, with as many digits as a parameter has."""
    return {
        name: known.values[values[name]] if isinstance(known, Choices) else known.near(values[name])
        for name, known in space.parameters.items()
    }


def _tuner(study: Study, folder: str) -> Any:
    """A tuner that trains as the study does."""
    import keras_tuner
    from keras_tuner.errors import FailedTrialError

    class Tuner(keras_tuner.Tuner):
        def run_trial(self, trial: Any, *args: Any, **options: Any) -> float:
            loss = study.run(decode(study.space, trial.hyperparameters.values))
            if math.isnan(loss):
                raise FailedTrialError("see the study")
            return loss

    return Tuner(oracle=_oracle(study), directory=folder, project_name=study.name)


def _oracle(study: Study) -> Any:
    """An oracle that begins with the default, repeats nothing and stops with the study."""
    from keras_tuner.oracles import BayesianOptimizationOracle

    space, rng = study.space, np.random.default_rng(study.seed)

    class Oracle(BayesianOptimizationOracle):
        def populate_space(self, trial_id: str) -> dict[str, Any]:
            if not self.trials and space.contains(study.default):
                return _running(encode(space, study.default))
            if study.done:
                return {"status": "STOPPED"}
            values = super().populate_space(trial_id).get("values")
            if values is None or study.tried(decode(space, values)):
                values = _untried(study, rng)
            return {"status": "STOPPED"} if values is None else _running(values)

    return Oracle(
        max_trials=None,
        num_initial_points=max(_LEAST_RANDOM, round(_RANDOM_SHARE * study.n_trials)),
        seed=study.seed + 1,  # 0 would be taken for none
        hyperparameters=hyperparameters(space),
        max_consecutive_failed_trials=study.n_trials + 1,
    )


def _running(values: dict[str, Any]) -> dict[str, Any]:
    return {"status": "RUNNING", "values": values}


def _untried(study: Study, rng: np.random.Generator) -> dict[str, Any] | None:
    """A random setting that is new; None where there seems to be none left."""
    drawn = (study.space.at(rng.random(len(study.space)).tolist()) for _ in range(_ATTEMPTS))
    setting = next((setting for setting in drawn if not study.tried(setting)), None)
    return None if setting is None else encode(study.space, setting)
