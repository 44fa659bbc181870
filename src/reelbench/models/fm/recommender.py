"""The factorisation machine as a recommender."""

from __future__ import annotations

import numpy as np
from typing_extensions import override

from reelbench.data.interactions import Interactions
from reelbench.features.block import Features
from reelbench.models.fm.design import FMConfig, item_side, user_side
from reelbench.models.fm.sampling import Sampler, load_myfm
from reelbench.models.shared.factors import Factors, RidgeFoldIn


class FM(RidgeFoldIn):
    """Posterior mean of the machine; `history` has the RMSE of each iteration's mean so far.

    Cold users and items have the share of their features, and for the rest that of a mean user or
    item (`design.py`). The unknown have the latter alone.

    >>> from reelbench.data.interactions import Interactions
    >>> train = Interactions.from_arrays([0, 0, 1, 1, 2], [0, 1, 0, 2, 1], [5, 3, 4, 2, 1])
    >>> model = FM(rank=2, iterations=20, seed=1).fit(train)
    >>> model.predict([2], [0]).shape
    (1,)
    """

    Config = FMConfig
    config: FMConfig

    @override
    def prepare(self) -> None:
        load_myfm()

    def _factorise(self, train: Interactions, valid: Interactions, features: Features) -> Factors:
        users = user_side(train, features, self.config)
        items = item_side(train, features, self.config)
        sampler = Sampler(users, items, self.config)
        sampler.run(train, valid, self.seed)
        self.history = sampler.history
        mean = sampler.mean
        arrays = (mean.user_bias, mean.item_bias, *mean.factors())
        # the mean rating is part of the biases of items
        return Factors(0.0, *(array.astype(np.float32) for array in arrays))
