"""Gibbs sampling by myfm, sample by sample into the posterior mean."""

from __future__ import annotations

from typing import Any

import numpy as np

from reelbench.data.interactions import Interactions
from reelbench.models.fm.config import FMConfig
from reelbench.models.fm.design import Side
from reelbench.models.fm.library import load_myfm
from reelbench.models.fm.posterior import PosteriorMean, SideSample


class Curve:
    """RMSE on one part of what the samples so far predict on average."""

    def __init__(self, part: Interactions) -> None:
        self.part = part
        self._mean = np.zeros(len(part))

    def rmse(self, users: SideSample, items: SideSample, n_samples: int) -> float:
        """Take in sample number `n_samples`; with number 1 the mean begins anew."""
        user, item = self.part.user_idx, self.part.item_idx
        taste = np.einsum("nf,nf->n", users.factors[user], items.factors[item])
        predicted = users.bias[user] + items.bias[item] + taste
        self._mean += (predicted - self._mean) / n_samples
        return float(np.sqrt(np.mean((self._mean - self.part.rating) ** 2)))


class Sampler:
    """One run of the Gibbs sampler."""

    def __init__(self, users: Side, items: Side, config: FMConfig, seed: int) -> None:
        self._users, self._items = users, items
        self._config, self._seed = config, seed

    def run(
        self, train: Interactions, valid: Interactions, history: list[dict[str, float]]
    ) -> PosteriorMean:
        """Sample, and append a row per iteration to `history`."""
        myfm = load_myfm()
        centre = float(train.rating.mean(dtype=np.float64))
        mean = PosteriorMean(self._config.tolerance)
        curves = {"train_loss": Curve(train), "valid_loss": Curve(valid)}

        def keep(iteration: int, machine: Any, prior: Any, _: Any) -> tuple[bool, None]:
            users, items = self._sides(machine, prior, centre)
            n_samples = max(1, iteration + 1 - self._config.burn_in)
            if iteration >= self._config.burn_in:
                mean.add(users, items)
            losses = {
                name: curve.rmse(users, items, n_samples)
                for name, curve in curves.items()
                if len(curve.part)
            }
            history.append({"epoch": iteration + 1, **losses})
            return False, None

        blocks = [
            myfm.RelationBlock(np.searchsorted(side.warm, index), side.learned)
            for side, index in ((self._users, train.user_idx), (self._items, train.item_idx))
        ]
        myfm.MyFMRegressor(
            self._config.rank, init_stdev=self._config.init_std, random_seed=self._seed
        ).fit(
            None,
            train.rating.astype(np.float64) - centre,
            X_rel=blocks,
            n_iter=self._config.iterations,
            n_kept_samples=0,
            group_shapes=[*self._users.groups, *self._items.groups],
            callback=keep,
        )
        return mean

    def _sides(self, machine: Any, prior: Any, centre: float) -> tuple[SideSample, SideSample]:
        """The sample as users and items; the intercept is with the items."""
        split = self._users.learned.shape[1]
        weights, vectors = np.asarray(machine.w), np.asarray(machine.V)
        prior_weights, prior_vectors = np.asarray(prior.mu_w), np.asarray(prior.mu_V)
        first_of_items = len(self._users.groups)
        users = SideSample(
            self._users.rows,
            np.append(weights[:split], prior_weights[0]),
            np.vstack([vectors[:split], prior_vectors[0]]),
        )
        items = SideSample(
            self._items.rows,
            np.append(weights[split:], prior_weights[first_of_items]),
            np.vstack([vectors[split:], prior_vectors[first_of_items]]),
        )
        items.bias += centre + machine.w0
        return users, items
