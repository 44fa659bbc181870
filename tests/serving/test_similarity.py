"""Lists of movies like a movie: on five movies by hand, and on real catalogues."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from real_tables import Tables, blocks_of, tables_of, tmdb, with_directors
from scipy import sparse
from sklearn.metrics.pairwise import cosine_similarity

from reelbench.data.interactions import Interactions
from reelbench.features.block import Catalogue, Ids
from reelbench.features.sparse import sparse_arrays, sparse_of
from reelbench.serving.similarity import (
    ContentLists,
    LikedTogether,
    Listing,
    by_director,
    genre_and_tag_vectors,
    led_by,
    neighbours,
    shared,
)

GENRES = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 0], [0, 0, 1], [0, 0, 0], [0, 1, 0]], np.float32)
TAGS = np.array([[2, 0], [0, 1], [1, 1], [3, 0], [0, 0], [0, 0]], np.float32)
DIRECTOR = np.array([1, 2, 0, 1, 1, 0], np.int32)
TEXT = np.array([[1, 0], [0.6, 0.8], [0, 1], [-1, 0], [0.8, 0.6], [0, 0]], np.float32)


def listing(*items: int) -> Listing:
    return Listing(np.array(items), np.linspace(1, 0.1, len(items), dtype=np.float32))


@pytest.fixture
def lists() -> ContentLists:
    blocks = {
        "genres": {"genres": GENRES, "names": np.array(["a", "b", "c"])},
        "tags": {**sparse_arrays(sparse.csr_array(TAGS)), "terms": np.array(["x", "y"])},
        "directors": {"director": DIRECTOR, "names": np.array(["", "p", "q"])},
        "text": {"text": TEXT},
    }
    return ContentLists.of(blocks, 6)


def test_by_genres_and_by_tags_are_in_the_order_of_the_cosine(lists: ContentLists) -> None:
    genres = lists.by_genres(0, 10)
    assert genres.items.tolist() == [1, 2, 5]  # 3 and 4 share nothing; 2 and 5 tie
    np.testing.assert_allclose(genres.likeness, [1, 0.5**0.5, 0.5**0.5], rtol=1e-6)
    tags = lists.by_tags(0, 10)
    assert tags.items.tolist() == [3, 2]
    np.testing.assert_allclose(tags.likeness, [1, 0.5**0.5], rtol=1e-6)
    assert lists.by_genres(0, 1).items.tolist() == [1]


def test_a_movie_of_which_nothing_is_known_is_like_none(lists: ContentLists) -> None:
    for found in (lists.by_genres(4, 5), lists.by_tags(4, 5), lists.by_overview(0, 5)):
        assert len(found.items) == len(found.likeness) == 0
    with pytest.raises(IndexError, match="0 to 5"):
        lists.by_genres(6, 5)
    with pytest.raises(IndexError, match="0 to 5"):
        lists.by_genres(-1, 5)


def test_by_director_the_like_ones_come_first(lists: ContentLists) -> None:
    found = lists.by_director(0, 5)
    assert found.items.tolist() == [3, 4]
    assert found.likeness.tolist() == [1.0, 0.0]
    assert len(lists.by_director(2, 5).items) == 0  # unknown directors are not one and the same
    assert by_director(DIRECTOR, 0, listing(4, 1, 3)).items.tolist() == [4, 3]


def test_combined_begins_with_the_director_then_shares_by_weight(lists: ContentLists) -> None:
    assert lists.combined(0, 4, 1.0).items.tolist() == [3, 4, 1, 2]
    assert lists.combined(0, 4, 0.0).items.tolist() == [3, 4, 2, 1]
    # one place of two for genres, the other for tags, which have 2 alone
    assert lists.combined(0, 4, 0.5).items.tolist() == [3, 4, 1, 2]
    assert lists.combined(0, 1, 0.5).items.tolist() == [3]
    everything = lists.combined(0, 10, 0.3).items
    assert sorted(everything) == [1, 2, 3, 4, 5]


def test_combined_with_text_is_the_director_and_then_embeddings(lists: ContentLists) -> None:
    found = lists.combined_with_text(0, 4)
    # 4 is by the director and alike, 3 by the director and the opposite
    assert found.items.tolist() == [4, 3, 1]
    np.testing.assert_allclose(found.likeness, [0.8, 0.0, 0.6], rtol=1e-6)


def test_shares_of_places() -> None:
    one, other = listing(1, 2, 3, 4, 5), listing(5, 1, 6, 7, 8, 9)
    assert shared(one, other, 4, 0.5).items.tolist() == [1, 2, 5, 6]
    assert shared(one, other, 4, 0.0).items.tolist() == [5, 1, 6, 7]
    assert shared(one, other, 4, 1.0).items.tolist() == [1, 2, 3, 4]
    # who has too few is filled up from the other
    assert shared(listing(1), other, 4, 1.0).items.tolist() == [1, 5, 6, 7]
    assert shared(one, listing(9), 4, 0.25).items.tolist() == [1, 9, 2, 3]
    with pytest.raises(ValueError, match="between 0 and 1"):
        shared(one, other, 4, 1.5)


def test_at_most_two_lead() -> None:
    assert led_by(listing(1, 2, 3), listing(9, 2, 8, 3), 5).items.tolist() == [1, 2, 9, 8, 3]
    assert led_by(listing(1, 2), listing(9), 1).items.tolist() == [1]


def test_genre_and_tag_vectors_are_a_mean_and_encode_a_movie_once() -> None:
    items = pd.DataFrame(
        {
            "title": ["A", "B", "C", "D"],
            "year": pd.Series([None] * 4, dtype="Int16"),
            "genres": [["Drama"], ["Drama"], [], []],
        }
    )
    tags = pd.DataFrame({"user_idx": [0, 1, 0], "item_idx": [0, 0, 2], "tag": ["sad", "sad", "x"]})
    train = Interactions.from_arrays([0], [0], [3])
    catalogue = Catalogue(Ids(1, 4, 1.0, 5.0), items, pd.DataFrame(), tags, train)
    vectors = genre_and_tag_vectors(catalogue, batch_size=4)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [1, 1, 1, 0], rtol=1e-5)
    only_tag = genre_and_tag_vectors(
        Catalogue(catalogue.ids, items.assign(genres=[[]] * 4), pd.DataFrame(), tags, train), 4
    )
    mean = vectors[1] + only_tag[0]
    np.testing.assert_allclose(vectors[0], mean / np.linalg.norm(mean), atol=1e-5)
    assert list(catalogue.items.columns) == ["title", "year", "genres"]


@pytest.fixture(scope="module")
def latest_small(ml_latest_small: Path) -> Tables:
    found = tables_of("ml-latest-small", ml_latest_small)
    return {**found, "items": with_directors(found["items"])}


def test_lists_on_ml_latest_small(latest_small: Tables) -> None:
    items = latest_small["items"]
    blocks, _ = blocks_of(latest_small, "genres", "tags", "directors")
    lists = ContentLists.of(blocks, len(items))
    row = dict(zip(items["title"] + items["year"].astype(str), range(len(items)), strict=True))
    inception = row["Inception2010"]
    found = lists.by_director(inception, 10)
    assert set(items["director"].iloc[found.items]) == {"Christopher Nolan"}
    combined = lists.combined(inception, 10, 0.5)
    assert len(combined.items) == len(set(combined.items)) == 10
    directors = items["director"].iloc[combined.items]
    assert (directors.iloc[:2] == "Christopher Nolan").all()
    # an oracle for the cosines
    tags = sparse_of(blocks["tags"])
    expected = cosine_similarity(tags[[inception]], tags)[0]
    listed = lists.by_tags(inception, 20)
    np.testing.assert_allclose(listed.likeness, expected[listed.items], atol=1e-5)
    expected[inception] = 0
    np.testing.assert_allclose(np.sort(expected)[::-1][:20], listed.likeness, atol=1e-5)


def test_overviews_of_tmdb_lead_from_a_batman_to_the_others() -> None:
    tables = tmdb()
    titles = tables["items"]["title"]
    blocks, _ = blocks_of(tables, "genres", "overviews")
    lists = ContentLists.of(blocks, len(titles))
    begins = int(np.flatnonzero(titles == "Batman Begins")[0])
    found = titles.iloc[lists.by_overview(begins, 10).items]
    assert found.str.contains("Batman|Dark Knight").sum() >= 3
    assert len(lists.by_director(begins, 5).items) == 0  # the credits are not at hand
    assert neighbours(lists.overviews, begins).likeness.max() < 1


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
