"""Parts of the ratings for the two fits of a blend."""

from __future__ import annotations

import numpy as np

from reelbench.data.interactions import Interactions


def held_out(
    train: Interactions, share: float, generator: np.random.Generator
) -> tuple[Interactions, Interactions]:
    """A random share of the rows, rounded, as second part; one row at least stays in the first."""
    size = min(round(share * len(train)), len(train) - 1)
    out = np.zeros(len(train), dtype=bool)
    out[generator.permutation(len(train))[:size]] = True
    return train.select(~out), train.select(out)


def together(first: Interactions, second: Interactions) -> Interactions:
    """Both parts as one, in the order of users and items, whatever part a row was in."""
    both = Interactions.concat(first, second)
    return both.select(np.lexsort((both.item_idx, both.user_idx)))


def nothing() -> Interactions:
    """A part without rows."""
    return Interactions.empty()
