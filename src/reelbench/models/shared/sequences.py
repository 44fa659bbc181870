"""The ratings of a user as a sequence, which is what sequential models learn from.

A new user's ratings are in the order in which they are given.
"""

import numpy as np

from reelbench.data.interactions import Interactions
from reelbench.params import ParamsError


def in_order(ratings: Interactions, min_rating: float | None = None) -> Interactions:
    """Rows by user, time and `item_idx`, as in the splits; those below `min_rating` left out.

    A ParamsError if no rating reaches it.
    """
    if min_rating is not None:
        ratings = ratings.select(ratings.rating >= min_rating)
    if not len(ratings):
        raise ParamsError(
            f"no train rating reaches min_rating {min_rating:g}: lower it in the model's file in "
            "conf/models"
        )
    return ratings.select(np.lexsort((ratings.item_idx, ratings.timestamp, ratings.user_idx)))


def age(user_idx: np.ndarray) -> np.ndarray:
    """How many ratings of the same user come after each, int64 (n,), for rows sorted by user."""
    last = np.append(np.flatnonzero(np.diff(user_idx)), len(user_idx) - 1)
    lengths = np.diff(last, prepend=-1)
    return np.repeat(last, lengths) - np.arange(len(user_idx))
