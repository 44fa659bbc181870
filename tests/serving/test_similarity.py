"""Similarity of movies by metadata and by people, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from reelbench.data.interactions import Ids, Interactions
from reelbench.features.matrices import sparse_arrays
from reelbench.serving.similarity import (
    ContentLists,
    LikedTogether,
    director_first,
    same_director,
)

GENRES = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 0], [0, 0, 1], [0, 0, 0], [0, 1, 0]], np.float32)
TAGS = np.array([[2, 0], [0, 1], [1, 1], [3, 0], [0, 0], [0, 0]], np.float32)
DIRECTOR = np.array([1, 2, 0, 1, 1, 0], np.int32)
TEXT = np.array([[1, 0], [0.6, 0.8], [0, 1], [-1, 0], [0.8, 0.6], [0, 0]], np.float32)


@pytest.fixture
def lists() -> ContentLists:
    blocks = {
        "genres": {"genres": GENRES, "names": np.array(["a", "b", "c"])},
        "tags": {**sparse_arrays(sparse.csr_array(TAGS)), "terms": np.array(["x", "y"])},
        "directors": {"director": DIRECTOR, "names": np.array(["", "p", "q"])},
        "text": {"text": TEXT},
    }
    return ContentLists.of(blocks, 6)


def test_the_weight_slides_between_tags_and_genres(lists: ContentLists) -> None:
    half = 0.5**0.5
    for weight, expected in (
        (1.0, [0, 1, half, 0, 0, half]),
        (0.0, [0, 0, half, 1, 0, 0]),
        (0.7, [0, 0.7, half, 0.3, 0, 0.7 * half]),
    ):
        found = lists.content_similarity(0, weight)
        found[4] = 0  # shares nothing but the director
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
    # movie 4 shares nothing but the director
    assert lists.content_similarity(0, 0.5)[4] > 0
    assert lists.content_similarity(4, 0.0)[5] == lists.content_similarity(4, 1.0)[5] == 0
    np.testing.assert_allclose(lists.text_similarity(0), [0, 0.6, 0, 0, 0.8, 0], rtol=1e-6)
    with pytest.raises(IndexError, match="0 to 5"):
        lists.text_similarity(6)


def test_unknown_directors_are_not_one_and_the_same() -> None:
    assert np.flatnonzero(same_director(DIRECTOR, 0)).tolist() == [3, 4]
    assert not same_director(DIRECTOR, 5).any()


def test_without_tags_genres_have_the_whole_weight() -> None:
    lists = ContentLists.of({"genres": {"genres": GENRES}}, 6)
    assert lists.content_similarity(0, 0.2)[1] == pytest.approx(1.0)


def test_at_most_two_lead() -> None:
    leaders, order = np.array([1, 2, 3]), np.array([9, 2, 8, 3])
    assert director_first(leaders, order).tolist() == [1, 2, 9, 8, 3]


# movies 0 and 1 are liked by users 0 to 3, movie 2 by users 0 and 1; user 4 likes 3 more than 0
RATED = [(u, i, 5.0) for u in range(4) for i in (0, 1)] + [(0, 2, 5.0), (1, 2, 5.0)]
RATED += [(4, 0, 2.0), (4, 3, 4.0)]
ALIKE = LikedTogether.of(Interactions.from_arrays(*zip(*RATED, strict=True)), Ids(5, 5, 1.0, 5.0))


def test_cosine_shrunk_by_the_number_of_people() -> None:
    found = ALIKE.between(np.array([1]), np.array([0, 2, 3, 4]))
    # four like both, of four and four: cosine 1; two people (movie 2) are too few
    assert found[0].tolist() == [pytest.approx(4 / (4 + 10)), 0, 0, 0]


def test_no_movies() -> None:
    nothing = np.array([], dtype=np.int64)
    assert ALIKE.between(np.array([1]), nothing).shape == (1, 0)
    assert ALIKE.between(nothing, nothing).shape == (0, 0)
