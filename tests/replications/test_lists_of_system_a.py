"""Lists of movies like a movie: on five movies by hand, and on real catalogues."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from real_tables import Tables, blocks_of, tables_of, tmdb, with_directors
from scipy import sparse
from sklearn.metrics.pairwise import cosine_similarity

from reelbench.data.interactions import Ids, Interactions
from reelbench.features.block import Catalogue
from reelbench.features.matrices import sparse_arrays, sparse_of
from reelbench.serving.similarity import cosines, terms
from replications.lists import PublishedLists, genre_and_tag_vectors, neighbours, shared

GENRES = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 0], [0, 0, 1], [0, 0, 0], [0, 1, 0]], np.float32)
TAGS = np.array([[2, 0], [0, 1], [1, 1], [3, 0], [0, 0], [0, 0]], np.float32)
DIRECTOR = np.array([1, 2, 0, 1, 1, 0], np.int32)
TEXT = np.array([[1, 0], [0.6, 0.8], [0, 1], [-1, 0], [0.8, 0.6], [0, 0]], np.float32)


@pytest.fixture
def lists() -> PublishedLists:
    blocks = {
        "genres": {"genres": GENRES, "names": np.array(["a", "b", "c"])},
        "tags": {**sparse_arrays(sparse.csr_array(TAGS)), "terms": np.array(["x", "y"])},
        "directors": {"director": DIRECTOR, "names": np.array(["", "p", "q"])},
        "text": {"text": TEXT},
    }
    return PublishedLists.of(blocks, 6)


def test_by_genres_and_by_tags_are_in_the_order_of_the_cosine(lists: PublishedLists) -> None:
    assert lists.by_genres(0, 10).tolist() == [1, 2, 5]  # 3 and 4 share nothing; 2 and 5 tie
    np.testing.assert_allclose(cosines(lists.genres, 0)[[1, 2, 5]], [1, 0.5**0.5, 0.5**0.5], 1e-6)
    assert lists.by_tags(0, 10).tolist() == [3, 2]
    np.testing.assert_allclose(cosines(lists.tags, 0)[[3, 2]], [1, 0.5**0.5], rtol=1e-6)
    assert lists.by_genres(0, 1).tolist() == [1]


def test_a_movie_without_metadata_is_similar_to_none(lists: PublishedLists) -> None:
    for found in (lists.by_genres(4, 5), lists.by_tags(4, 5)):
        assert len(found) == 0
    for item in (6, -1):
        with pytest.raises(IndexError, match="0 to 5"):
            lists.by_genres(item, 5)


def test_by_director_the_similar_ones_come_first(lists: PublishedLists) -> None:
    assert lists.by_director(0, 5).tolist() == [3, 4]
    assert len(lists.by_director(2, 5)) == 0  # unknown directors are not one and the same


def test_combined_begins_with_the_director_then_shares_by_weight(lists: PublishedLists) -> None:
    assert lists.combined(0, 4, 1.0).tolist() == [3, 4, 1, 2]
    assert lists.combined(0, 4, 0.0).tolist() == [3, 4, 2, 1]
    # one place of two for genres, the other for tags, which have 2 alone
    assert lists.combined(0, 4, 0.5).tolist() == [3, 4, 1, 2]
    assert lists.combined(0, 1, 0.5).tolist() == [3]
    assert sorted(lists.combined(0, 10, 0.3)) == [1, 2, 3, 4, 5]


def test_combined_with_text_is_the_director_and_then_embeddings(lists: PublishedLists) -> None:
    # 4 is by the director and similar, 3 by the director and the opposite
    assert lists.combined_with_text(0, 4).tolist() == [4, 3, 1]


def test_shares_of_places() -> None:
    one, other = np.array([1, 2, 3, 4, 5]), np.array([5, 1, 6, 7, 8, 9])
    assert shared(one, other, 4, 0.5).tolist() == [1, 2, 5, 6]
    assert shared(one, other, 4, 0.0).tolist() == [5, 1, 6, 7]
    assert shared(one, other, 4, 1.0).tolist() == [1, 2, 3, 4]
    # the other list fills the places of one that is too short
    assert shared(one[:1], other, 4, 1.0).tolist() == [1, 5, 6, 7]
    assert shared(one, other[-1:], 4, 0.25).tolist() == [1, 9, 2, 3]
    with pytest.raises(ValueError, match="between 0 and 1"):
        shared(one, other, 4, 1.5)


@pytest.mark.slow
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
    lists = PublishedLists.of(blocks, len(items))
    row = dict(zip(items["title"] + items["year"].astype(str), range(len(items)), strict=True))
    inception = row["Inception2010"]
    found = lists.by_director(inception, 10)
    assert set(items["director"].iloc[found]) == {"Christopher Nolan"}
    combined = lists.combined(inception, 10, 0.5)
    assert len(combined) == len(set(combined)) == 10
    directors = items["director"].iloc[combined]
    assert (directors.iloc[:2] == "Christopher Nolan").all()
    # an oracle for the cosines
    tags = sparse_of(blocks["tags"])
    expected = cosine_similarity(tags[[inception]], tags)[0]
    np.testing.assert_allclose(cosines(lists.tags, inception), expected, atol=1e-5)
    expected[inception] = 0
    highest = np.sort(expected)[::-1][:20]
    np.testing.assert_allclose(expected[lists.by_tags(inception, 20)], highest, atol=1e-5)


def test_overviews_of_tmdb_lead_from_a_batman_to_the_others() -> None:
    tables = tmdb()
    titles = tables["items"]["title"]
    blocks, _ = blocks_of(tables, "overviews")
    words = terms(blocks["overviews"], len(titles))
    begins = int(np.flatnonzero(titles == "Batman Begins")[0])
    found = neighbours(words, begins)
    assert titles.iloc[found[:10]].str.contains("Batman|Dark Knight").sum() >= 3
    assert cosines(words, begins)[found[0]] < 1
