"""Section `tune` of the parameters."""

from __future__ import annotations

from pydantic import PositiveFloat, PositiveInt

from reelbench.params import Section


class TuneConfig(Section):
    """The budget, the same for every model, and what is searched for."""

    #: models that the pipeline tunes; `reelbench tune` takes any
    models: tuple[str, ...]
    #: trainings per model, the first with the parameters of `conf/`
    trials: PositiveInt
    #: no trial starts once those of a model took so long together; None: no limit
    seconds: PositiveFloat | None
    #: metric on valid, such as `rmse` or `ndcg_at_10`; None: `rmse`, and nDCG at the first cutoff
    #: of `evaluate.k` for a model that only ranks
    objective: str | None
