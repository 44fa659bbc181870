"""System B on the published files: what is printed, to the last digit, and its faults by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from places import shared

from replications import latest_small_temporal as module
from replications.examples import nearest, titles_of
from replications.latest_small_temporal import Files, Rows, by_time, own_recall
from replications.published import system

SYSTEM = system("latest_small_temporal")
VECTORS = np.array([[1, 0], [2, 0.1], [0, 1], [-1, 0], [1, 1]], np.float32)
TITLES = np.array(["a", "never rated", "c", "d"])


@pytest.fixture(scope="module")
def files() -> Files:
    folder = shared("ml-latest-small")
    names = ("movies.csv", "ratings.csv", "tags.csv")
    return Files(*(pd.read_csv(folder / name, keep_default_na=False) for name in names))


def test_the_predicted_matrix_is_the_printed_one(files: Files) -> None:
    train, valid, test = by_time(files.ratings)
    assert (len(train), len(valid), len(test)) == (81200, 9818, 9818)
    _, scores = module.predicted(train)
    for printed in SYSTEM.row("b_predicted").printed:
        first, last = printed.split(",...,")
        user, *cells = first.split(",")
        row = [f"{value:.6f}" for value in scores.loc[int(user)]]
        assert row[:10] == cells and row[-10:] == last.split(",")


def test_the_rows_of_the_network_are_those_of_the_document(files: Files) -> None:
    rows = Rows.at_random(files)
    assert [len(rows.parts[name]) for name in ("train", "valid", "test")] == [64534, 16134, 20168]
    assert len(np.unique(np.concatenate(list(rows.parts.values())))) == 100836
    assert rows.content.shape == (9724, 120) == rows.scaled.shape
    (printed,) = SYSTEM.row("b_terms").printed
    assert ",".join(rows.vectorizer.get_feature_names_out()[-10:]) == printed
    # the printed table has one column for the term "movie" and for the code of the movie
    place = 20 + rows.vectorizer.vocabulary_["movie"]
    np.testing.assert_array_equal(rows.content[:, place], np.arange(9724))
    assert replace(rows, ids_as_terms=False).content[:, place].max() <= 1
    warm = np.unique(rows.item[rows.parts["train"]])
    assert rows.scaled[warm].min() == 0 and rows.scaled[warm].max() == 1
    # the code of a rated movie is not its row: this is where titles go wrong
    assert (rows.rated == np.arange(9724)).sum() < 1000
    assert files.movies["movieId"].iloc[rows.rated[rows.item[0]]] == 1


def test_a_split_by_time_cuts_a_user_as_printed() -> None:
    table = pd.DataFrame({"userId": [2] * 4 + [1] * 25, "timestamp": range(29, 0, -1)})
    train, valid, test = by_time(table)
    assert test.groupby("userId").size().to_dict() == {1: 2, 2: 1}
    assert valid.groupby("userId").size().to_dict() == {1: 2, 2: 1}
    for user in (1, 2):
        latest = [part.loc[part["userId"] == user, "timestamp"] for part in (train, valid, test)]
        assert latest[0].max() < latest[1].min() and latest[1].max() < latest[2].min()


def test_recall_is_among_a_users_own_test_movies() -> None:
    user = np.repeat([0, 1, 2], [12, 2, 1])
    rating = np.array([5.0] * 12 + [4.0, 1.0] + [3.5])
    # ten of twelve liked movies have a place, and the third user likes none
    assert own_recall(user, rating, np.arange(15.0)) == pytest.approx((10 / 12 + 1) / 2)


def test_reasons_as_published_and_corrected() -> None:
    assert nearest(VECTORS, 0, 2).tolist() == [1, 4]
    assert nearest(VECTORS, 0, 2, among=np.array([0, 2, 3])).tolist() == [2, 3]
    rated = np.array([0, 2, 3])
    assert titles_of(np.array([1, 2]), TITLES, rated) == ["c", "d"]
    assert titles_of(np.array([1, 2]), TITLES, rated, wrong_rows=True) == ["never rated", "c"]
