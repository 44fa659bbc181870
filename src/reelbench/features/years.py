"""Block `years`: when an item was released, on the scale of the items in train."""

from __future__ import annotations

import numpy as np

from reelbench.columns import YEAR
from reelbench.features.block import Block, Catalogue, FeatureBlock


class YearsBlock(FeatureBlock):
    """`year` and `known` float32 (n_items, 1), `moments` float64 (2,): mean and deviation in years.

    `year` is standardised with the moments of the items with a train row, each item once; an
    unknown year is 0, the mean, and has `known` 0 where the others have 1.
    """

    def build(self, catalogue: Catalogue) -> Block:
        years = catalogue.items[YEAR].to_numpy(dtype=np.float64, na_value=np.nan)
        known = ~np.isnan(years)
        mean, deviation = _moments(years[catalogue.train_items()])
        year = np.where(known, (years - mean) / deviation, 0.0)
        return {
            "year": year.astype(np.float32)[:, None],
            "known": known.astype(np.float32)[:, None],
            "moments": np.array([mean, deviation]),
        }


def _moments(years: np.ndarray) -> tuple[float, float]:
    """Mean and deviation of the known years; (0, 1) without any, deviation 1 if all agree."""
    years = years[~np.isnan(years)]
    if len(years) == 0:
        return 0.0, 1.0
    return float(years.mean()), float(years.std()) or 1.0
