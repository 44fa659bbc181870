"""Block `noise`: random vectors, the control that shows what columns alone are good for."""

from __future__ import annotations

import numpy as np
from pydantic import PositiveInt

from reelbench.features.block import Block, Catalogue, FeatureBlock
from reelbench.params import Section


class NoiseConfig(Section):
    #: columns of the vectors; as many as those of the block that they stand in for
    columns: PositiveInt


class NoiseBlock(FeatureBlock):
    """`noise` float32 (n_items, columns), rows of length 1 in directions that say nothing."""

    Config = NoiseConfig

    def build(self, catalogue: Catalogue) -> Block:
        shape = (catalogue.ids.n_items, self.config.columns)
        # normal in every column has no preferred direction
        noise = np.random.default_rng(self.seed).standard_normal(shape)
        noise /= np.linalg.norm(noise, axis=1, keepdims=True)
        return {"noise": noise.astype(np.float32)}
