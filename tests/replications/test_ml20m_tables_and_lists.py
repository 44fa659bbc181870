"""System A: its joined table, titles, lists with and without ids, and the search with Surprise."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.metrics.pairwise import cosine_similarity

from reelbench.data.interactions import Ids, Interactions
from reelbench.evaluation.task import filled_rows
from replications import ml20m_hybrid
from replications.lists import JoinedLists, jaccard, row_cosines, unique
from replications.ml20m_hybrid import Answers, of_genre_lists, search
from replications.ml20m_table import joined_of, printed_title


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Six movies; the ids of users and movies are far from each other."""
    ratings = pd.DataFrame(
        {
            "user_idx": [2, 1, 0, 0, 0, 1, 2],
            "item_idx": [5, 0, 1, 0, 2, 3, 4],
            "rating": [4.0, 3.0, 5.0, 4.0, 2.0, 3.5, 4.5],
            "timestamp": [1_300_000_000 + 40_000_000 * n for n in range(7)],
        }
    )
    items = pd.DataFrame(
        {
            "item_id": ["10", "11", "12", "9000", "9001", "9002"],
            "title_raw": [
                "Matrix, The (1999)",
                "Inception (2010)",
                "Heat (1995)",
                "Matrix Reloaded, The (2003)",
                "Memento (2000)",
                "American in Paris, An (1951)",
            ],
            "genres": [["Action"], ["Drama"], ["Crime"], ["Action"], ["Drama"], ["Musical"]],
            "director": ["W", "Nolan", None, "W", "Nolan", None],
        }
    )
    users = pd.DataFrame({"user_id": ["7", "8", "5000"]})
    pairs = ratings[["user_idx", "item_idx"]]
    tags = pd.concat([pairs.assign(tag="good film"), pairs.head(3).assign(tag="red")])
    return joined_of(ratings, items, users, tags)


def test_the_table_is_sorted_by_user_and_movie_and_has_the_tags_of_the_user(
    table: pd.DataFrame,
) -> None:
    assert table[["user_idx", "item_idx"]].to_numpy().tolist() == sorted(
        table[["user_idx", "item_idx"]].to_numpy().tolist()
    )
    assert table["user_id"].tolist() == [7, 7, 7, 8, 8, 5000, 5000]
    both = "good film, red"
    tags = ["good film", both, "good film", both, "good film", "good film", both]
    assert table["tag"].tolist() == tags
    assert table["director"].tolist()[2] == "unknown"
    assert (table["year"].iloc[-1], table["month"].iloc[-1]) == (2011, 3)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        # those of the document's first rows, before and after
        ("In My Father's Den (2004)", "In My Father's Den (2004)"),
        ("Science of Sleep, The (La science des rêves) (2006)", "The Science of Sleep (2006)"),
        ("CJ7 (Cheung Gong 7 hou) (2008)", "CJ7 (2008)"),
        ("Beautiful Mind, A (2001)", "A Beautiful Mind (2001)"),
        # its fault: the branch for An is never reached
        ("American in Paris, An (1951)", "A American in Parisn (1951)"),
        ("Toy Story", "Toy Story"),
    ],
)
def test_titles_as_printed(raw: str, expected: str) -> None:
    assert printed_title(raw) == expected


def test_ids_decide_a_genre_list_where_they_are_features(table: pd.DataFrame) -> None:
    clean = JoinedLists.of(table, 1000)
    faulty = JoinedLists.of(table, 1000, ids_as_features=True)
    asked = "The Matrix (1999)"
    # of the same genre, whoever rated it
    assert clean.by_genres(asked, 3)[0] == ("The Matrix Reloaded (2003)", 1.0)
    # of the same user, whatever it is: the direction of the two ids is all there is
    found = faulty.by_genres(asked, 3)
    assert [one.title for one in found[:2]] != ["The Matrix Reloaded (2003)"]
    assert {one.title for one in found[:2]} == {"Inception (2010)", "Heat (1995)"}
    assert found[0].cosine > 0.9999
    columns = ["user_id", "item_id", "rating", "year", "month"]
    numbers = np.column_stack([table[columns], faulty.genres])
    expected = cosine_similarity(numbers)[0]
    row = int((table["title"] == found[0].title).to_numpy().argmax())
    assert found[0].cosine == pytest.approx(expected[row], abs=1e-12)
    assert found[0].text == f"{found[0].title}, {found[0].cosine}"
    genres = dict(zip(table["title"], table["genres"], strict=True))
    titles = list(dict.fromkeys(table["title"]))
    with_ids, without = (of_genre_lists(lists, titles, genres, 1) for lists in (faulty, clean))
    assert with_ids["shared_genres"] < without["shared_genres"]
    assert with_ids["cosine"] > without["cosine"]


def test_duplicates_are_dropped_after_the_first_rows_are_taken(table: pd.DataFrame) -> None:
    lists = JoinedLists.of(table, 1000)
    # three rows: the other one of The Matrix, its sequel, and one without a genre in common
    found = lists.by_genres("The Matrix (1999)", 3)
    assert len(found) == 2 and "The Matrix (1999)" not in [one.title for one in found]


def test_directors_are_in_the_order_of_rows_and_the_unknown_one_is_none(
    table: pd.DataFrame,
) -> None:
    lists = JoinedLists.of(table, 1000)
    assert lists.by_director("Inception (2010)", 5) == ["Memento (2000)"]
    assert lists.by_director("Heat (1995)", 5) == []


def test_combined_has_the_director_first_and_rounds_genres_up(table: pd.DataFrame) -> None:
    lists = JoinedLists.of(table, 1000)
    found = lists.combined("Inception (2010)", 3, 0.5)
    assert found[0] == "Memento (2000)" and len(found) == len(set(found)) == 3
    assert lists.combined("Inception (2010)", 1, 0.9) == ["Memento (2000)"]


def test_the_lookup_is_that_of_difflib(table: pd.DataFrame) -> None:
    lists = JoinedLists.of(table, 1000)
    assert lists.find("inceptoin (2010)") == "Inception (2010)"
    assert lists.find("zzzzzz") is None


def test_cosines_of_rows_dense_and_sparse() -> None:
    matrix = np.array([[3.0, 4.0], [0.0, 0.0], [4.0, 3.0]])
    for given in (matrix, sparse.csr_array(matrix)):
        np.testing.assert_allclose(row_cosines(given, 0), [1, 0, 0.96])
        np.testing.assert_allclose(row_cosines(given, 1), 0)


def test_titles_once_and_genres_in_common() -> None:
    assert unique(["a", "b", "a", "c", "d"], 2, "b") == ["a", "c"]
    assert jaccard(["a", "b"], ["b", "c"]) == pytest.approx(1 / 3)
    assert jaccard([], []) == 1.0


def test_answers_are_measured() -> None:
    genres = {"a": ["x"], "b": ["x"], "c": ["y"]}
    found = Answers.of(lambda title: ["b", "c"], ["a", "a"], genres)
    assert (found.shared_genres, found.diversity, found.different) == (0.5, 1.0, 0.5)


def test_the_filled_matrix_is_that_of_surprise() -> None:
    """The option `score_filled_matrix` and Surprise's own anti-testset: same pairs, same truth."""
    from reelbench.models.shared.surprise_base import trainset_of

    train = Interactions.from_arrays([0, 0, 1, 2, 2], [0, 3, 0, 1, 3], [5, 3, 4, 2, 1])
    theirs = trainset_of(train, Ids(4, 5, 1.0, 5.0)).build_anti_testset()
    ours = filled_rows(train)
    rows = zip(ours.user_idx, ours.item_idx, ours.rating, strict=True)
    expected = [(user, item, pytest.approx(truth)) for user, item, truth in sorted(theirs)]
    assert sorted(rows) == expected


def test_the_search_is_the_published_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refit close to the mean of its ratings is close to the filled truth, whatever it knows."""
    for name in ("_FACTORS", "_EPOCHS"):
        monkeypatch.setattr(ml20m_hybrid, name, (2, 3))
    rng = np.random.default_rng(0)
    ratings = pd.DataFrame(
        {
            "user_idx": np.repeat(np.arange(30), 6),
            "item_idx": np.concatenate([rng.permutation(12)[:6] for _ in range(30)]),
            "rating": rng.integers(1, 11, 180) / 2,
        }
    )
    found = search(ratings, 1)
    assert found.pairs == 30 * 12 - 180
    assert (found.factors, found.epochs) in {(2, 2), (2, 3), (3, 2), (3, 3)}
    assert found.filled[0] < found.rmse / 2 and found.filled[1] <= found.filled[0]
    assert found.of_train < found.rmse
    assert search(ratings, 1)[:4] == found[:4] != search(ratings, 2)[:4]
