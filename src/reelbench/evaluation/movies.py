"""What evaluation knows of the movies beside who rated them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from reelbench.columns import GENRES, YEAR


@dataclass(frozen=True)
class Movies:
    """Metadata as arrays over the catalogue.

    Attributes:
        genres: name → bool (n_items,); empty where the source has none.
        year: float64 (n_items,), NaN where unknown.
        vectors: name → float (n_items, d); lists are the more diverse the more these differ.
    """

    genres: Mapping[str, np.ndarray]
    year: np.ndarray
    vectors: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, items: pd.DataFrame, blocks: Mapping[str, Mapping[str, np.ndarray]]) -> Movies:
        """From the table `items` and feature blocks; a block without vectors is left out."""
        genres = _genres(items)
        vectors = {name: _vectors(block, len(items)) for name, block in blocks.items()}
        if genres:
            vectors = {GENRES: np.column_stack(list(genres.values())).astype(float)} | vectors
        year = items[YEAR].to_numpy(float, na_value=np.nan) if YEAR in items else None
        unknown = np.full(len(items), np.nan)
        return cls(
            genres,
            unknown if year is None else year,
            {name: array for name, array in vectors.items() if array.shape[1]},
        )


def _genres(items: pd.DataFrame) -> dict[str, np.ndarray]:
    if GENRES not in items:
        return {}
    lists = [set(genres) for genres in items[GENRES]]
    names = sorted(set().union(*lists))
    return {name: np.array([name in genres for genres in lists]) for name in names}


def _vectors(block: Mapping[str, np.ndarray], n_items: int) -> np.ndarray:
    """The float arrays over items side by side, by name."""
    arrays = [block[name] for name in sorted(block)]
    over_items = [a for a in arrays if a.dtype == np.float32 and a.shape[:1] == (n_items,)]
    return np.hstack([np.zeros((n_items, 0), np.float32), *over_items])
