"""Who likes two movies, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from reelbench.data.interactions import Interactions
from reelbench.features.block import Ids
from reelbench.serving.liked_alike import LikedAlike

# movies 0 and 1 are liked by users 0 to 3, movie 2 by users 0 and 1; user 4 likes 3 more than 0
RATED = [(u, i, 5.0) for u in range(4) for i in (0, 1)] + [(0, 2, 5.0), (1, 2, 5.0)]
RATED += [(4, 0, 2.0), (4, 3, 4.0)]
ALIKE = LikedAlike.of(Interactions.from_arrays(*zip(*RATED, strict=True)), Ids(5, 5, 1.0, 5.0))


def test_cosine_shrunk_by_the_number_of_people() -> None:
    found = ALIKE.between(np.array([1]), np.array([0, 2, 3, 4]))
    # four like both, of four and four: cosine 1; two people (movie 2) are too few
    assert found[0].tolist() == [pytest.approx(4 / (4 + 10)), 0, 0, 0]


def test_no_movies() -> None:
    nothing = np.array([], dtype=np.int64)
    assert ALIKE.between(np.array([1]), nothing).shape == (1, 0)
    assert ALIKE.between(nothing, nothing).shape == (0, 0)
