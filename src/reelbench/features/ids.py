"""Block `ids`: sizes of the catalogue and the rating scale. Every model gets it."""

from __future__ import annotations

import numpy as np

from reelbench.features.block import Block, Catalogue, FeatureBlock


class IdsBlock(FeatureBlock):
    """`n_users` and `n_items` int64 (), `rating_scale` float64 (2,)."""

    def build(self, catalogue: Catalogue) -> Block:
        ids = catalogue.ids
        return {
            "n_users": np.array(ids.n_users),
            "n_items": np.array(ids.n_items),
            "rating_scale": np.array([ids.rating_min, ids.rating_max]),
        }
