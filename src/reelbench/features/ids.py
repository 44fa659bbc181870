"""Block `ids`: sizes of the catalogue and the rating scale. Every model gets it."""

from __future__ import annotations

import numpy as np
from pydantic import PositiveInt

from reelbench.features.block import Block, Catalogue, FeatureBlock
from reelbench.params import Section


class IdsBlock(FeatureBlock[Section]):
    """`n_users` and `n_items` int64 (), `rating_scale` float64 (2,)."""

    def build(self, catalogue: Catalogue) -> Block:
        ids = catalogue.ids
        return {
            "n_users": np.array(ids.n_users),
            "n_items": np.array(ids.n_items),
            "rating_scale": np.array([ids.rating_min, ids.rating_max]),
        }


class NoiseConfig(Section):
    #: columns of the vectors; as many as those of the block that they stand in for
    columns: PositiveInt


class NoiseBlock(FeatureBlock[NoiseConfig]):
    """`noise` float32 (n_items, columns), rows of length 1 in directions that say nothing."""

    Config = NoiseConfig

    def build(self, catalogue: Catalogue) -> Block:
        shape = (catalogue.ids.n_items, self.config.columns)
        # normal in every column has no preferred direction
        noise = np.random.default_rng(self.seed).standard_normal(shape)
        noise /= np.linalg.norm(noise, axis=1, keepdims=True)
        return {"noise": noise.astype(np.float32)}
