"""The factorisation machine as a recommender.

Its posterior is sampled by myfm 0.4.0, sample by sample into the mean.
"""

import logging
import sys
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np

from reelbench.models.base import Features, Interactions
from reelbench.models.fm.design import FMConfig, Side, item_side, user_side
from reelbench.models.fm.posterior import PosteriorMean, SideSample
from reelbench.models.shared.factors import Factors, RidgeFoldIn
from reelbench.seeds import seed_for

_LOG = logging.getLogger(__name__)

_ROWS_PER_CURVE = 100_000  # rows behind a curve: bounds the time and memory of an iteration


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

    config: FMConfig
    stochastic = True

    def prepare(self) -> None:
        load_myfm()

    def _factorise(self, train: Interactions, valid: Interactions, features: Features) -> Factors:
        sampler = Sampler(train, valid, self.config.tolerance)
        for number, config in enumerate(self.config.machines):
            users, items = (side(train, features, config) for side in (user_side, item_side))
            seed = seed_for(self.seed, "machine", str(number)) if number else self.seed
            sampler.run(users, items, config, seed)
        self.history = sampler.history
        mean = sampler.mean
        arrays = (mean.user_bias, mean.item_bias, *mean.factors())
        # the mean rating is part of the biases of items
        return Factors(0.0, *(array.astype(np.float32) for array in arrays))


def load_myfm() -> ModuleType:
    """The module myfm.

    Its first line imports two names of `pkg_resources` that it never uses, and setuptools 82 has
    removed that package; where it is gone, an empty one stands in for it during the import.
    """
    if find_spec("pkg_resources"):
        return import_module("myfm")
    stand_in = ModuleType("pkg_resources")
    vars(stand_in).update(DistributionNotFound=ImportError, get_distribution=None)
    sys.modules["pkg_resources"] = stand_in
    try:
        return import_module("myfm")
    finally:
        del sys.modules["pkg_resources"]


class Curve:
    """RMSE on one part, or on rows spread evenly over it, of the mean prediction so far."""

    def __init__(self, part: Interactions) -> None:
        step = -(-len(part) // _ROWS_PER_CURVE)
        self._user, self._item, self._rating = (own[::step] for own in part.columns()[:3])
        self._mean, self._n = np.zeros(len(self._rating)), 0

    def rmse(self, users: SideSample, items: SideSample, *, kept: bool) -> float:
        """Of the mean, which a kept sample is taken into, or of the sample where none is."""
        left, right = users.factors[self._user], items.factors[self._item]
        interaction = np.einsum("nf,nf->n", left, right)
        predicted = users.bias[self._user] + items.bias[self._item] + interaction
        if kept:
            self._n += 1
            self._mean += (predicted - self._mean) / self._n
        error = (self._mean if self._n else predicted) - self._rating
        return float(np.sqrt(np.mean(error**2)))


class Sampler:
    """Chains of the Gibbs sampler, one after the other, and the mean of all after their burn-in.

    Machines that are run one after the other share the mean, each sample with the same weight.

    `history` has a row per iteration, of the RMSE of the mean so far.
    """

    def __init__(self, train: Interactions, valid: Interactions, tolerance: float) -> None:
        """Valid is only watched."""
        self._train = train
        self._curves = {"train_loss": Curve(train)}
        if len(valid):
            self._curves["valid_loss"] = Curve(valid)
        self._centre = float(train.rating.mean(dtype=np.float64))
        self.mean = PosteriorMean(tolerance)
        self.history: list[dict[str, float]] = []

    def run(self, users: Side, items: Side, config: FMConfig, seed: int) -> None:
        """Sample a machine given train."""
        train = self._train
        myfm = load_myfm()
        blocks = [
            myfm.RelationBlock(np.searchsorted(side.warm, index), side.learned)
            for side, index in ((users, train.user_idx), (items, train.item_idx))
        ]
        target = train.rating.astype(np.float64) - self._centre

        def keep(iteration: int, sample: Any, _prior: object, _: object) -> tuple[bool, None]:
            """Called by myfm with (w_0, w, rows v) at the end of every iteration; False: go on."""
            split = users.learned.shape[1]
            weights, vectors = np.asarray(sample.w), np.asarray(sample.V)
            of_users = SideSample(users, weights[:split], vectors[:split])
            of_items = SideSample(items, weights[split:], vectors[split:])
            of_items.bias += self._centre + sample.w0
            if kept := iteration >= config.burn_in:
                self.mean.add(of_users, of_items)
            losses = {n: c.rmse(of_users, of_items, kept=kept) for n, c in self._curves.items()}
            self.history.append({"epoch": len(self.history) + 1, **losses})
            return False, None

        for chain in range(config.chains_for(len(train))):
            chain_seed = seed_for(seed, "chain", str(chain))
            myfm.MyFMRegressor(config.rank, init_stdev=config.init_std, random_seed=chain_seed).fit(
                None,
                target,
                X_rel=blocks,
                n_iter=config.iterations,
                n_kept_samples=0,  # they are averaged in `keep` instead
                group_shapes=[*users.groups, *items.groups],
                callback=keep,
            )
            losses = list(self.history[-1].items())[1:]
            _LOG.info("chain %d: %s", chain + 1, ", ".join(f"{n} {v:.4f}" for n, v in losses))
