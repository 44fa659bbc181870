"""Surprise's own searches. They enumerate and compare settings; the study trains them.

So a setting is trained and measured as those of any other model: on train, on valid, once. Surprise
averages the errors of predictions over folds, and here is one fold with one "prediction", whose
error is the loss.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reelbench.tuning.space import Choices, Parameters, Range
from reelbench.tuning.study import Study

_MEASURE = "rmse"
_DRAWN_PER_TRIAL = 20


def grid(study: Study) -> None:
    """Every setting of a space of lists, by `GridSearchCV`; the default first."""
    from surprise.model_selection import GridSearchCV

    lists = {name: list(values.samples()) for name, values in study.space.parameters.items()}
    _run(GridSearchCV(_algorithm(study), lists, [_MEASURE], cv=_OneFold()), study)


def sampled(study: Study) -> None:
    """Settings drawn by `RandomizedSearchCV`, the default first."""
    from surprise.model_selection import RandomizedSearchCV

    search = RandomizedSearchCV(
        _algorithm(study),
        {name: _Drawn(values) for name, values in study.space.parameters.items()},
        # a setting that is drawn twice is one trial, and what is over the budget is not run
        n_iter=_DRAWN_PER_TRIAL * study.n_trials,
        measures=[_MEASURE],
        cv=_OneFold(),
        random_state=study.seed,
    )
    _run(search, study)


def _run(search: Any, study: Study) -> None:
    others = [setting for setting in search.param_combinations if setting != study.default]
    search.param_combinations = [study.default, *others]
    search.fit(None)


class _Drawn:
    """A parameter in the form of SciPy's distributions.

    Plain lists would do, but of these Surprise draws with NumPy's global generator, whatever
    `random_state` says.
    """

    def __init__(self, values: Choices | Range) -> None:
        self._values = values

    def rvs(self, random_state: Any) -> Any:
        return self._values.at(random_state.random_sample())


class _OneFold:
    """Train and valid, which the study has; nothing is left for Surprise to divide."""

    def split(self, data: Any) -> Iterator[tuple[None, None]]:
        yield None, None

    def get_n_folds(self) -> int:
        return 1


def _algorithm(study: Study) -> type:
    """What Surprise takes for an algorithm: made of a setting, with `fit` and `test`."""
    from surprise import Prediction

    class Setting:
        def __init__(self, **parameters: Any) -> None:
            self._parameters: Parameters = parameters

        def fit(self, trainset: None) -> None:
            self._loss = study.run(self._parameters)

        def test(self, testset: None) -> list[Prediction]:
            return [Prediction(None, None, r_ui=0.0, est=self._loss, details={})]

    return Setting
