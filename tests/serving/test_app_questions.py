"""What the app answers to what is asked, without a browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from serving_samples import models, write_project

from reelbench import paths
from reelbench.serving import AskError
from reelbench.serving.library import Library
from reelbench.serving.questions import Questions, Wanted, on_test


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    write_project(folder, models())
    items = pd.read_parquet(folder / paths.ITEMS).assign(runtime=np.arange(24.0) + 90)
    items.loc[3, "runtime"] = np.nan
    items.to_parquet(folder / paths.ITEMS)
    (folder / paths.RAW).mkdir(parents=True)
    links = "movieId,imdbId,tmdbId\n0,0113277,949\n4,0090605,\n"
    (folder / paths.RAW / "links.csv").write_text(links)
    measure(folder, "warp", {"rmse": None, "ndcg_at_10": 0.3})
    measure(folder, "weighted_mean", {"rmse": 1.25})
    return folder


def measure(folder: Path, model: str, metrics: dict[str, object]) -> None:
    (folder / paths.metrics(model)).parent.mkdir(parents=True)
    (folder / paths.metrics(model)).write_text(json.dumps(metrics))


@pytest.fixture(scope="module")
def ask(folder: Path) -> Questions:
    return Questions(Library.read(folder))


def answer(ask: Questions, **wanted: Any) -> dict[str, Any]:
    found = ask.answer(Wanted.model_validate(wanted))
    json.dumps(found, allow_nan=False)  # can be sent
    return found


def ids(ask: Questions, **wanted: Any) -> list[str]:
    return [movie["item"] for movie in answer(ask, **wanted)["movies"]]


USER = {"user": "4"}


def test_what_the_page_begins_with(ask: Questions) -> None:
    about = ask.about()
    assert about["users"] == 30 and about["movies"] == 24 and about["scale"] == [1.0, 5.0, 1.0]
    assert about["genres"] == ["Action", "Comedy", "Drama"] and about["years"] == [1960, 1983]
    assert about["runtimes"] == [90, 113]
    assert [model["name"] for model in about["models"]][:2] == ["warp", "ease"]
    starters = [card["item"] for card in about["starters"]]
    assert len(starters) == 24 == len(set(starters))


def test_a_known_user_has_context_and_a_measured_model(ask: Questions) -> None:
    found = answer(ask, you=USER)
    assert found["heading"] == "For user 4" and found["model"] == "warp"
    assert found["measured"] == "on test: no RMSE, nDCG@10 0.3000"
    rated = [card["rating"] for card in found["people"][0]["best"]]
    assert rated == sorted(rated, reverse=True) and rated[0] >= 4 and found["people"][0]["known"]
    assert [movie["rank"] for movie in found["movies"]] == list(range(1, 11))
    assert any("People who liked" in reason for m in found["movies"] for reason in m["reasons"])
    known = {int(i) for i in np.flatnonzero(ask.library.seen[[4]].toarray()[0])}
    assert not known & {int(movie["item"]) for movie in found["movies"]}


def test_stars_are_on_the_scale_and_apart_from_the_rank(ask: Questions) -> None:
    found = answer(ask, you=USER)
    assert found["stars_by"] == "weighted_mean"
    for movie in found["movies"]:
        (stars,) = movie["stars"]
        assert 1 <= stars["low"] <= stars["mean"] <= stars["high"] <= 5
        assert "score" not in movie


def test_ratings_of_the_page_move_the_list_and_leave_it(ask: Questions) -> None:
    # two tastes: even and odd users like even and odd movies
    even = ids(ask, you={"ratings": {"0": 5, "2": 5, "1": 1}}, k=5)
    odd = ids(ask, you={"ratings": {"1": 5, "3": 5, "0": 1}}, k=5)
    assert sum(int(i) % 2 for i in even) < sum(int(i) % 2 for i in odd)
    assert not {"0", "1", "2"} & set(even)
    both = answer(ask, you={"user": "4", "ratings": {"23": 5}})
    assert both["heading"] == "For user 4 (1 rating here)" and both["model"] == "ease"


def test_filters(ask: Questions) -> None:
    drama = answer(ask, you=USER, genres=["Drama"], k=50)["movies"]
    assert drama and all("Drama" in movie["genres"] for movie in drama)
    late = answer(ask, you=USER, from_year=1970, to_year=1975, k=50)["movies"]
    assert late and all(1970 <= movie["year"] <= 1975 for movie in late)
    short = answer(ask, you=USER, max_runtime=100, k=50)["movies"]
    assert short and all(movie["runtime"] <= 100 for movie in short)
    assert set(ids(ask, you=USER, k=50)) < set(ids(ask, you=USER, seen=True, k=50))
    assert "8" not in ids(ask, you=USER, dismissed=["8"], k=50)
    assert answer(ask, you=USER, from_year=2050)["movies"] == []


def test_sliders(ask: Questions) -> None:
    count = ask.library.count
    means = [count[list(map(int, ids(ask, you=USER, popular=p, k=5)))].mean() for p in (-1, 0, 1)]
    assert means[0] < means[1] <= means[2] or means[0] <= means[1] < means[2]
    kinds = [
        len({tuple(m["genres"]) for m in answer(ask, you=USER, diversity=d, k=4)["movies"]})
        for d in (0, 1)
    ]
    assert kinds[1] >= kinds[0] and kinds[1] == 4


def test_more_and_less_like_this(ask: Questions) -> None:
    plain = ids(ask, you=USER, k=50)
    near = ask.library.mixed.similarity(9)

    def at(order: list[str]) -> float:
        return float(np.mean([order.index(i) for i in plain if near[int(i)] > np.median(near)]))

    more, less = ids(ask, you=USER, more=["9"], k=50), ids(ask, you=USER, less=["9"], k=50)
    assert at(more) < at(plain) < at(less)


def test_two_people_and_whom_to_please(ask: Questions) -> None:
    two = {"way": "two", "you": {"user": "4"}, "guest": {"user": "5"}}
    found = answer(ask, **two)
    assert found["heading"] == "For user 4 and user 5"
    assert all(len(movie["stars"]) == 2 for movie in found["movies"])
    seen = ask.library.seen[[4, 5]].toarray().any(axis=0)
    assert not any(seen[int(movie["item"])] for movie in found["movies"])
    # with all weight on the less happy one, that one is happier than with the mean
    tastes = [
        ask._taste(Wanted.model_validate(two).you, ""),
        ask._taste(Wanted.model_validate(two).guest, ""),
    ]
    scores = np.stack([ask._relevance(taste, "")[1] for taste in tastes])
    least = [
        scores[:, list(map(int, ids(ask, **two, fairness=f, k=3)))].min(axis=0).mean()
        for f in (0.0, 1.0)
    ]
    assert least[1] >= least[0]


def test_similar_movies(ask: Questions) -> None:
    found = answer(ask, way="similar", item="0")
    assert found["heading"] == "Movies similar to Heat 0 (1960)" and found["model"] == "mixed"
    assert "0" not in [movie["item"] for movie in found["movies"]]
    # the published order: by the same director, then by genres and tags
    assert ids(ask, way="similar", item="0", by="content", genre_weight=0)[0] == "5"
    tags = ids(ask, way="similar", item="0", by="content", genre_weight=0)[1:4]
    assert set(tags) == {"6", "12", "18"}
    assert answer(ask, way="similar", item="0", by="ease")["model"] == "ease"


def test_why_a_movie_is_missing_and_what_lifts_it(ask: Questions) -> None:
    order = ids(ask, you={"ratings": {"0": 5}}, k=50)
    last = order[-1]
    why = answer(ask, you={"ratings": {"0": 5}}, why=last)
    assert why["rank"] == len(order) == why["of"] and why["refused"] == []
    assert why["lifts"] and all(lift["rank"] < why["rank"] for lift in why["lifts"])
    best = why["lifts"][0]
    after = ids(ask, you={"ratings": {"0": 5, best["item"]: 5}}, k=50)
    # one place may be that of the movie that is rated now
    assert after.index(last) + 1 in (best["rank"], best["rank"] - 1)
    refused = answer(ask, you=USER, genres=["Comedy"], why="0")["refused"]
    assert "is not among Comedy" in refused and "is rated already" in refused


def test_cards_have_ids_for_links_where_they_are_known(ask: Questions) -> None:
    cards = {card["item"]: card for card in ask.about()["starters"]}
    assert (cards["0"]["imdb"], cards["0"]["tmdb"]) == ("tt0113277", "949")
    assert cards["4"]["imdb"] == "tt0090605" and "tmdb" not in cards["4"]
    assert "imdb" not in cards["5"]
    assert cards["0"]["director"] == "p" and cards["2"]["director"] == ""  # of that only an id


@pytest.mark.parametrize("typed", ["he", "heat", "heta 0", "HEAT 0"])
def test_titles_are_completed(ask: Questions, typed: str) -> None:
    assert "Heat 0" in [card["title"] for card in ask.titles(typed)]


def test_nothing_completes_nonsense(ask: Questions) -> None:
    assert ask.titles("") == [] == ask.titles("qqqqzzzz") == ask.titles("x" * 10_000)


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({"way": "similar"}, "no movie with the id ''"),
        ({"way": "similar", "item": "x" * 10_000}, "no movie with the id 'xxx"),
        ({"you": {"ratings": {"0": 9}}}, "a rating is between 1 and 5, not 9"),
        ({"you": USER, "model": "[red]"}, "there is no trained model '[red]'"),
        ({"way": "text", "text": "war"}, "no embeddings of texts"),
        ({"why": "nothing"}, "no movie with the id 'nothing'"),
    ],
)
def test_what_cannot_be_answered_gets_a_sentence(
    ask: Questions, wanted: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(AskError) as caught:
        answer(ask, **wanted)
    assert sentence in str(caught.value) and len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "wanted", [{"k": 0}, {"way": "all"}, {"x": 1}, {"fairness": float("nan")}, {"popular": 2}]
)
def test_what_is_no_question(wanted: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Wanted.model_validate(wanted)


@settings(max_examples=25, deadline=None)
@given(text=st.text(max_size=400))
def test_whatever_is_typed_ends_in_an_answer_or_a_sentence(ask: Questions, text: str) -> None:
    assert isinstance(ask.titles(text), list)
    assert answer(ask, you={"user": text}, guest={"user": text})["movies"]
    for wanted in ({"way": "similar", "item": f"#{text}"}, {"way": "text", "text": text}):
        with pytest.raises(AskError):
            answer(ask, **wanted)


def test_an_unknown_user_gets_popular_movies_and_a_note(ask: Questions) -> None:
    found = answer(ask, you={"user": "4711"})
    assert "User '4711' is not in the data set." in found["notes"]
    assert found["model"] == "weighted_mean" and found["movies"]


def test_faults_of_the_protocol_are_named_with_the_figures(tmp_path: Path) -> None:
    measure(tmp_path, "a", {"rmse": 0.5, "faults": {"score_train_rows": True}})
    measure(tmp_path, "b", {"rmse": 0.9})
    assert on_test(tmp_path, "a").startswith("on test: RMSE 0.5000. ")
    assert "score_train_rows" in on_test(tmp_path, "a")
    assert on_test(tmp_path, "b") == "on test: RMSE 0.9000" and on_test(tmp_path, "c") == ""
