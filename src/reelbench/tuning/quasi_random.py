"""A scrambled Halton sequence over the space: seeded, and more even than random numbers.

Halton (1960), "On the efficiency of certain quasi-random sequences of points"; scrambled as in
Owen (2017), "A randomized Halton algorithm in R". Unlike Sobol's, any number of points is as good.
"""

from __future__ import annotations

from reelbench.tuning.study import Study

# a small space repeats itself: after so many points per trial what is left is not found by chance
_POINTS_PER_TRIAL = 20


def search(study: Study) -> None:
    """The default, then the whole of a space that fits into the budget, or a part of a larger."""
    from scipy.stats import qmc

    study.run(study.default)
    if study.space.size <= study.n_trials:
        for setting in study.space.every():
            study.run(setting)
        return
    sequence = qmc.Halton(len(study.space), scramble=True, rng=study.seed)
    for point in sequence.random(_POINTS_PER_TRIAL * study.n_trials):
        if study.done:
            return
        study.run(study.space.at(point.tolist()))
