"""Blocks that read no metadata: `ids`, which every model gets, and `noise`, a control."""

import numpy as np
from pydantic import PositiveInt

from reelbench.features.block import Block, Catalogue, FeatureBlock, Section


class IdsBlock(FeatureBlock[Section]):
    """Sizes and rating scale: `n_users` and `n_items` int64 (), `rating_scale` float64 (2,)."""

    def build(self, catalogue: Catalogue) -> Block:
        ids = catalogue.ids
        return {
            "n_users": np.array(ids.n_users),
            "n_items": np.array(ids.n_items),
            "rating_scale": np.array([ids.rating_min, ids.rating_max]),
        }


class NoiseConfig(Section):
    """Parameters of the random control."""

    columns: PositiveInt  # columns of the vectors, as many as those of the block that they replace


class NoiseBlock(FeatureBlock[NoiseConfig]):
    """`noise` float32 (n_items, columns), rows of length 1 in random directions.

    The control that shows what more columns alone are worth.
    """

    Config = NoiseConfig

    def build(self, catalogue: Catalogue) -> Block:
        shape = (catalogue.ids.n_items, self.config.columns)
        # normal in every column has no preferred direction
        noise = np.random.default_rng(self.seed).standard_normal(shape)
        noise /= np.linalg.norm(noise, axis=1, keepdims=True)
        return {"noise": noise.astype(np.float32)}
