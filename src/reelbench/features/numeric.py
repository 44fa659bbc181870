"""Blocks `numeric` and `years`: numbers of an item, on the scale of train; `noise`, a control."""

from typing import Self

import numpy as np
import pandas as pd
from pydantic import PositiveInt, model_validator

from reelbench.columns import YEAR
from reelbench.features.block import Block, Catalogue, FeatureBlock
from reelbench.features.matrices import standardised


class NumericBlock(FeatureBlock):
    """Numbers with the median of train for what is unknown, standardised.

    `numeric`, `missing` and `zero` float32 (n_items, n_columns), `moments` float64 (n_columns, 3):
    median, mean and deviation; `columns` str (n_columns,). n_columns is 0 for a data set without
    any of them.

    Median and moments are those of the items with a train row, each item once. `missing` is 1 where
    the median stands for an unknown value, `zero` where the value is known to be 0, which is often
    a case of its own: a movie without a vote. A column that no item in train has is all 0.
    """

    columns: tuple[str, ...]  # columns of the items table, as far as the data set has them
    log: tuple[str, ...]  # of these, whose log(1 + x) is taken: money and counts differ by factors
    zero_is_missing: tuple[str, ...]  # of these, the ones where 0 stands for an unknown value

    @model_validator(mode="after")
    def _all_are_columns(self) -> Self:
        if strange := sorted({*self.log, *self.zero_is_missing} - set(self.columns)):
            raise ValueError(f"'{strange[0]}' is not among the columns: add it there too")
        return self

    def build(self, catalogue: Catalogue) -> Block:
        names = [name for name in self.columns if name in catalogue.items]
        values = np.empty((len(catalogue.items), len(names)))
        for number, name in enumerate(names):
            values[:, number] = self._values(catalogue.items[name], name)
        missing = np.isnan(values)
        moments = [_moments(column) for column in values[catalogue.train_items()].T]
        median, mean, deviation = np.reshape(moments, (len(names), 3)).T
        filled = np.where(missing, median, values)
        return {
            "numeric": ((filled - mean) / deviation).astype(np.float32),
            "missing": missing.astype(np.float32),
            "zero": (values == 0).astype(np.float32),
            "moments": np.stack([median, mean, deviation], axis=1),
            "columns": np.array(names, dtype=np.str_),
        }

    def _values(self, column: pd.Series, name: str) -> np.ndarray:
        """A column as float64 (n_items,), NaN for what is unknown."""
        values = pd.to_numeric(column).to_numpy(np.float64, copy=True, na_value=np.nan)
        values[~np.isfinite(values)] = np.nan
        if name in self.zero_is_missing:
            values[values == 0] = np.nan
        if name in self.log:
            values[values < 0] = np.nan  # has no logarithm, and a negative sum of money is an error
            values = np.log1p(values)
        return values


def _moments(values: np.ndarray) -> tuple[float, float, float]:
    """Median of known values; mean and deviation with it for unknown ones, or (0, 0, 1) of none."""
    known = values[~np.isnan(values)]
    median = float(np.median(known)) if len(known) else 0.0
    filled = np.where(np.isnan(values), median, values)
    return median, float(filled.mean()), float(filled.std()) or 1.0


class YearsBlock(FeatureBlock):
    """`year` and `known` float32 (n_items, 1), `moments` float64 (2,): mean and deviation in years.

    `year` is standardised with the moments of the items with a train row, each item once; an
    unknown year is 0, the mean. `known` is 1 where the year is known.
    """

    def build(self, catalogue: Catalogue) -> Block:
        year, known, moments = standardised(catalogue.items[YEAR], catalogue.train_items())
        return {"year": year, "known": known, "moments": moments}


class NoiseBlock(FeatureBlock):
    """`noise` float32 (n_items, columns), of length 1: what more columns alone are worth."""

    columns: PositiveInt  # columns of the vectors, as many as those of the block that they replace

    def build(self, catalogue: Catalogue) -> Block:
        shape = (catalogue.ids.n_items, self.columns)
        # normal in every column has no preferred direction
        noise = np.random.default_rng(self.seed).standard_normal(shape)
        noise /= np.linalg.norm(noise, axis=1, keepdims=True)
        return {"noise": noise.astype(np.float32)}
