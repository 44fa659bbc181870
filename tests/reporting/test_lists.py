from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from reporting_samples import dataset, result

from reelbench import paths
from reelbench.reporting.lists import Lists, read_lists

# the user in the middle is 7, with two ratings in train
TRAIN = {5: [0], 7: [1, 2], 9: [1, 3, 4, 5]}


@pytest.fixture
def lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lists:
    monkeypatch.chdir(tmp_path)
    paths.SPLIT.mkdir(parents=True)
    pairs = [(user, item) for user, own in TRAIN.items() for item in own]
    train = pd.DataFrame(pairs, columns=["user_idx", "item_idx"]).assign(rating=3.0)
    train.loc[2, "rating"] = 5.0
    train.to_parquet(paths.TRAIN)
    for name in ("bias", "best", "other", "popularity"):
        # 29 to 20 to every user, but 19 to none
        items = np.arange(29, 17, -1)
        table = {"user_idx": np.repeat([5, 7, 9], 12), "item_idx": np.tile(items, 3)}
        table |= {"score": np.tile(items / 7, 3), "rank": np.tile(range(1, 13), 3)}
        file = paths.recommendations(name)
        file.parent.mkdir(parents=True)
        pd.DataFrame(table).to_parquet(file)
        # of 27 movies 0 is last, 1 the one before it, and so on
        bottom = {"user_idx": np.repeat([5, 7, 9], 12), "item_idx": np.tile(items - 18, 3)}
        bottom |= {"score": np.tile(items / -7, 3), "rank": np.tile(range(16, 28), 3)}
        if name != "popularity":
            pd.DataFrame(bottom).to_parquet(paths.last_places(name))
    models = [result("best", 0.8), result("other", 0.85, 0.05), result("bias", 0.9)]
    made = read_lists(dataset(), [*models, result("popularity", None, 0.4)], 10)
    assert made is not None
    return made


def test_the_user_with_the_median_number_of_ratings(lists: Lists) -> None:
    assert (lists.user, lists.n_train, lists.n_users) == ("number 7", 2, 3)
    assert [line.movie for line in lists.liked] == ["movie 2 (1961)", "movie 1 (1960)"]


def test_the_best_in_each_metric_and_the_plain_ones(lists: Lists) -> None:
    assert lists.compared == ["best", "bias", "popularity"]
    assert list(lists.models) == ["best", "other", "bias", "popularity"]


def test_first_are_the_ranked_movies_with_what_the_user_gave(lists: Lists) -> None:
    first = lists.models["best"].first
    assert [line.movie for line in first][:2] == ["movie 29 (1988)", "movie 28 (1987)"]
    assert len(first) == 10 and first[0].value == "4.14"
    assert first[0].genres == "Drama, War"
    # in the samples user 7 has rated movie 7 alone
    assert {line.given for line in first} == {""}


def test_the_last_places_are_of_the_same_user_and_the_very_last_comes_first(lists: Lists) -> None:
    best, popularity = lists.models["best"], lists.models["popularity"]
    assert best.n_ranked == 27
    assert [line.movie for line in best.last[:2]] == ["movie 0", "movie 1 (1960)"]
    assert len(best.last) == 10 and best.last[0].value == "-2.57"
    # user 7 gave movie 7, which is in place 20
    assert [line.given for line in best.last] == [""] * 7 + ["3"] + [""] * 2
    assert (popularity.last, popularity.n_ranked) == ([], 0)


def test_the_bottom_are_low_predictions_and_movies_that_nobody_is_shown(lists: Lists) -> None:
    best, popularity = lists.models["best"], lists.models["popularity"]
    (lowest,) = best.lowest
    assert (lowest.movie, lowest.value, lowest.given) == ("movie 7 (1966)", "3.00", "3")
    assert popularity.lowest == []
    # 1 has two train ratings, and of those with one the first movie comes first
    assert [line.movie for line in best.unseen][:2] == ["movie 1 (1960)", "movie 0"]
    assert {line.value for line in best.unseen} == {"0"}


def test_without_stored_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_lists(dataset(), [result("bias")], 10) is None
