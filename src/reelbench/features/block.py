"""Feature blocks: what they are, how they are stored, and how a model reads them.

A block is a dictionary of arrays in one `.npz` file. Arrays over items have `n_items` rows and are
indexed by `item_idx`; arrays over users have `n_users` rows, are indexed by `user_idx` and have
names that begin with `user_`. Nothing is repeated per rating. A matrix over a vocabulary is sparse
(`matrices.sparse_arrays`). Every model gets the block `ids`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import ConfigDict, Field, PositiveInt

from reelbench import paths
from reelbench.columns import YEAR
from reelbench.data.interactions import Ids, Interactions
from reelbench.files import atomic, read_arrays, write_arrays
from reelbench.params import Section, resolved, validate

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Block = dict[str, np.ndarray]
IDS = "ids"
USER_PREFIX = "user_"  # how names of arrays over users begin


@dataclass(frozen=True)
class Catalogue:
    """All that a block may read: the catalogue's metadata and the train part, never test rows."""

    ids: Ids  # sizes and rating scale
    items: pd.DataFrame  # canonical tables; `tags` are those known before valid and test
    users: pd.DataFrame
    tags: pd.DataFrame
    train: Interactions

    @classmethod
    def of(
        cls, ids: Ids, items: pa.Table, users: pa.Table, tags: pa.Table, train: Interactions
    ) -> Catalogue:
        """From canonical tables; years are Int16, so that a missing one leaves them whole."""
        movies = items.to_pandas().astype({YEAR: "Int16"})
        return cls(ids, movies, users.to_pandas(), tags.to_pandas(), train)

    def train_items(self) -> np.ndarray:
        """Sorted `item_idx` of the items with a row in train: vocabularies come from these."""
        return np.unique(self.train.item_idx)


class FeatureBlock(Section, ABC):
    """One block: its parameters as fields, and a pure function from the catalogue to arrays."""

    seed: int = 0  # of a block that draws
    threads: PositiveInt = 1  # of a block that computes texts

    @abstractmethod
    def build(self, catalogue: Catalogue) -> Block:
        """Arrays of the block; the same input and config give the same bytes."""


class IdsBlock(FeatureBlock):
    """Sizes and rating scale: `n_users` and `n_items` int64 (), `rating_scale` float64 (2,)."""

    def build(self, catalogue: Catalogue) -> Block:
        ids = catalogue.ids
        return {
            "n_users": np.array(ids.n_users),
            "n_items": np.array(ids.n_items),
            "rating_scale": np.array([ids.rating_min, ids.rating_max]),
        }


class BlockEntry(Section):
    """Section `features.<name>` of the parameters: a class, its file, and its parameters."""

    target: str = Field(alias="_target_")
    code: str
    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)

    def create(self, name: str, *, seed: int, threads: int) -> FeatureBlock:
        """The block of the class with checked parameters; a ParamsError for an unknown one."""
        block: type[FeatureBlock] = resolved(self.target, FeatureBlock)
        values = {"seed": seed, "threads": threads, **(self.model_extra or {})}
        return validate(f"features.{name}", values, block, paths.CONF / "features" / f"{name}.yaml")


class Features(dict[str, Block]):
    """Blocks by name, as a model sees them: only those that it declares, and the sizes `ids`."""

    def __init__(self, ids: Ids, blocks: Mapping[str, Block] | None = None) -> None:
        super().__init__(blocks or {})
        self.ids = ids

    def __missing__(self, name: str) -> Block:
        have = ", ".join(sorted(self)) or "none"
        raise KeyError(f"feature block '{name}' is missing; the model was given: {have}")

    @classmethod
    def read(cls, names: list[str] | tuple[str, ...]) -> Features:
        """Load `ids` and the named blocks from their artifacts."""
        blocks = {name: read_block(paths.feature_block(name)) for name in names}
        return cls(ids_of(read_block(paths.feature_block(IDS))), blocks)


def is_empty(block: Block) -> bool:
    """Whether the data set has nothing of what a block describes: all its rows are zeros or none.

    Moments, sizes and vocabularies, of other types, do not count.
    """
    rows = (array for array in block.values() if array.dtype in (np.float32, np.int32))
    return not any(array.any() for array in rows)


def write_block(block: Block, file: Path) -> None:
    """Write the arrays of a block (`write_arrays`), the whole file or none."""
    with atomic(file) as temporary:
        write_arrays(block, temporary)


read_block = read_arrays  # reads the arrays of a block


def ids_of(block: Block) -> Ids:
    """The block `ids` as named numbers."""
    low, high = block["rating_scale"]
    return Ids(int(block["n_users"]), int(block["n_items"]), float(low), float(high))
