"""Similarity of movies by metadata and by people, by hand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from real_tables import blocks_of, tables_of
from scipy import sparse, stats

from benchmarks.similar import hit_rates
from reelbench.columns import AKA, ITEM_IDX, RATING, TIMESTAMP, USER_IDX
from reelbench.data.interactions import Ids, Interactions
from reelbench.features.block import Features
from reelbench.features.matrices import sparse_arrays
from reelbench.models.ease import EASE
from reelbench.models.ials import IALS
from reelbench.serving.library import Library
from reelbench.serving.recommend import CONTENT, MIXED
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


def real_library(name: str, folder: Path) -> tuple[Library, Interactions]:
    """What answers need of a data set without a run of the pipeline, and the test part.

    Of every user the last tenth of the ratings is test, and the tenth before that valid.
    """
    tables = tables_of(name, folder)
    blocks, catalogue = blocks_of(tables, "genres", "directors")
    rows = tables["interactions"].sort_values([USER_IDX, TIMESTAMP, ITEM_IDX])
    last = rows.groupby(USER_IDX).cumcount(ascending=False)
    size = np.maximum(rows.groupby(USER_IDX)[RATING].transform("size") // 10, 1)
    columns = (USER_IDX, ITEM_IDX, RATING, TIMESTAMP)
    train, valid, test = (
        Interactions.from_arrays(*(rows.loc[chosen, column] for column in columns))
        for chosen in (last >= 2 * size, (last >= size) & (last < 2 * size), last < size)
    )
    ids = Ids(catalogue.ids.n_users, catalogue.ids.n_items, 0.5, 5.0)
    items = tables["items"].assign(**{AKA: [()] * len(tables["items"])})
    seen = train.seen(ids.n_users + 1, ids.n_items)
    library = Library(Path(), ids, items, tables["users"], train, valid, seen)
    features = Features(ids)
    models: dict[str, Any] = {
        "ease": EASE(regularization=50.0).fit(train, None, features),
        "ials": IALS(factors=32, regularization=10.0, alpha=2.0, seed=1).fit(train, None, features),
    }
    names = {"names": list(models), "best_first": ["ials"], "quick": ["ials"]}
    known = SimpleNamespace(**names, get=models.__getitem__)
    vars(library).update(blocks=blocks, models=known)  # cached properties
    return library, test


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ml-100k", "ml-latest-small"])
def test_similar_movies_are_liked_by_the_same_people(
    name: str, request: pytest.FixtureRequest
) -> None:
    """Of users who like one movie in train, how many like one of its first ten later, in test."""
    folder = request.getfixturevalue(name.replace("-", "_"))
    library, test = real_library(name, folder)
    hits = hit_rates(library, test)
    assert len(hits[MIXED]) > 500
    for other in ("genres", CONTENT):
        assert stats.wilcoxon(hits[MIXED], hits[other], alternative="greater").pvalue < 0.05
        assert hits[MIXED].mean() > 1.5 * hits[other].mean()
