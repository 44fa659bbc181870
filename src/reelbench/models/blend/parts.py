"""Parts of the ratings for the two fits of a blend."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from reelbench.data.interactions import Interactions


def held_out(
    train: Interactions, share: float, generator: np.random.Generator
) -> tuple[Interactions, Interactions]:
    """A random share of the rows, rounded, as second part; one row at least stays in the first."""
    size = min(round(share * len(train)), len(train) - 1)
    out = np.zeros(len(train), dtype=bool)
    out[generator.permutation(len(train))[:size]] = True
    return rows(train, ~out), rows(train, out)


def rows(part: Interactions, chosen: np.ndarray) -> Interactions:
    """The rows that a mask or indices choose."""
    columns = {field.name: getattr(part, field.name)[chosen] for field in fields(part)}
    return Interactions(**columns)


def together(first: Interactions, second: Interactions) -> Interactions:
    """Both parts as one, in the order of users and items, whatever part a row was in."""
    columns = {
        field.name: np.concatenate([getattr(first, field.name), getattr(second, field.name)])
        for field in fields(first)
    }
    both = Interactions(**columns)
    return rows(both, np.lexsort((both.item_idx, both.user_idx)))


def nothing() -> Interactions:
    """A part without rows."""
    return Interactions.from_arrays([], [], [])
