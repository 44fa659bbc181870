"""What the app answers to what is typed, without a browser."""

from __future__ import annotations

import json
from html import unescape
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from serving_samples import models, write_project

from reelbench import paths
from reelbench.serving.app import (
    BEST,
    CONTENT,
    LONGEST,
    TEXT,
    Leaderboard,
    Questions,
    on_test,
)
from reelbench.serving.library import Library

#: a title that would run, were it not escaped by HTML, JavaScript's or Handlebars' templates
EVIL = "<img src=x onerror=alert(1)> ${alert(2)} {{constructor}} @children"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    write_project(folder, models())
    items = pd.read_parquet(folder / paths.ITEMS)
    items.loc[5, "title"] = EVIL
    items.loc[7, "title"] = "12"  # which is the id of a user too
    items.loc[8, "title"] = "4711"  # which is not
    items.to_parquet(folder / paths.ITEMS)
    measure(folder, "warp", {"rmse": None, "ndcg_at_10": 0.3})
    measure(folder, "weighted_mean", {"rmse": 1.25})
    return folder


def measure(folder: Path, model: str, metrics: dict[str, object]) -> None:
    (folder / paths.metrics(model)).parent.mkdir(parents=True)
    (folder / paths.metrics(model)).write_text(json.dumps(metrics))


@pytest.fixture(scope="module")
def ask(folder: Path) -> Questions:
    return Questions(Library.read(folder))


def movies(ask: Questions, text: str | None, model: str = BEST, weight: float = 0.5) -> str:
    return ask.movies(text, 5, model, weight)


def titles(page: str) -> list[str]:
    return [part.partition("</b>")[0] for part in page.split('<span class="rb-title"><b>')[1:]]


def test_a_user_is_answered_with_the_measure_of_the_model(ask: Questions) -> None:
    page = movies(ask, " 4 ")
    assert "User 4, " in page and "<b>warp</b>" in page and len(titles(page)) == 5
    assert "on test: no RMSE, nDCG@10 0.3000" in unescape(page)
    assert "on test" not in movies(ask, "4", "ease")  # it was not evaluated
    assert "on test: RMSE 1.2500</p>" in movies(ask, "4", "weighted_mean")


def test_a_title_is_answered_by_content_text_or_a_model(ask: Questions) -> None:
    assert "Movies similar to Heat 0 (1960)" in movies(ask, "heat 0")
    assert "director, genres and tags" in movies(ask, "heat 0")
    assert "director and text embedding" in movies(ask, "heat 0", TEXT)
    assert "<b>ease</b>" in movies(ask, "heat 0", "ease")
    assert "was read as Heat 0 (1960)" in unescape(movies(ask, "haet 0"))


def test_the_slider_weighs_genres_against_tags(ask: Questions) -> None:
    # like 0 by genres alone: 4, 8, …; by tags alone: 6, 12, 18; 5 leads, of the same director
    lists = [titles(ask.movies("heat 0", 4, CONTENT, weight)) for weight in (0.0, 1.0)]
    assert lists[0][1:] != lists[1][1:] and lists[0][0] == lists[1][0]
    assert {"Heat 6", "Heat 12", "Heat 18"} == set(lists[0][1:])


def test_text_embedding_is_led_by_the_director(ask: Questions) -> None:
    page = ask.movies("Ocean's Eleven 1", 5, TEXT, 0.5)
    assert {unescape(title) for title in titles(page)} >= {"Ocean's Eleven 13"}


def test_a_number_is_a_user_of_the_data_set_or_a_title_or_a_new_user(
    ask: Questions,
) -> None:
    both = unescape(movies(ask, "12"))
    assert "User 12, " in both and "A movie has this title too" in both
    assert "Movies similar to 12 (1967)" in movies(ask, "12 (1967)")
    assert "Movies similar to 4711" in movies(ask, "4711")
    new = unescape(movies(ask, "99"))
    assert "User '99' is not in the data set" in new and "Popular movies" in new and titles(new)


def test_text_embedding_has_no_answer_for_a_user_and_says_so(ask: Questions) -> None:
    page = movies(ask, "4", TEXT)
    assert "<b>warp</b>" in page and "so a model is used" in page


def test_liked_titles(ask: Questions) -> None:
    page = unescape(ask.liked("heat 0\n\n  queen 3 \n", 5, BEST))
    assert "A new user who likes Heat 0 (1960), The Queen 3" in page and "<b>ease</b>" in page
    assert "Model warp has no fold-in for new users" in ask.liked("heat 0", 5, "warp")


def test_a_profile_without_a_network_gets_popular_movies(ask: Questions) -> None:
    page = ask.profile("24", "M", None, "", 5, BEST)
    assert "A new user, age 24, gender M" in page and "Popular movies" in page and titles(page)


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        (lambda ask: movies(ask, ""), "Type the id of a user"),
        (lambda ask: movies(ask, None), "Type the id of a user"),
        (lambda ask: movies(ask, " \t"), "Type the id of a user"),
        (lambda ask: movies(ask, "xyzzy"), "There is no user 'xyzzy', and no movie is called"),
        (lambda ask: movies(ask, "4", "[red]"), "There is no trained model '[red]'"),
        (lambda ask: movies(ask, "heat 0", weight=float("nan")), "between 0 and 1"),
        (lambda ask: ask.movies("4", 0, BEST, 0.5), "at least 1 movie"),
        (lambda ask: ask.liked("", 5, BEST), "Type titles that you like"),
        (lambda ask: ask.liked("heat 0\nxyzzy", 5, BEST), "No movie is called 'xyzzy'"),
        (lambda ask: ask.liked("heat 0\n" * 51, 5, BEST), "51 titles are too many"),
        (lambda ask: ask.profile("", "", None, " ", 5, BEST), "at least one of age"),
        (lambda ask: ask.profile("old", "", "", "", 5, BEST), "whole number of years, not 'old'"),
        (lambda ask: ask.profile("1000", "", "", "", 5, BEST), "between 0 and 120"),
    ],
)
def test_what_cannot_be_answered_gets_a_sentence(ask: Questions, question, sentence: str) -> None:
    page = unescape(question(ask))
    assert sentence in page and page.count("<p") == 1 and page.endswith(".</p></div>")


def test_what_comes_from_data_or_users_is_escaped(ask: Questions) -> None:
    for page in (movies(ask, "heat 0"), movies(ask, EVIL), movies(ask, f"{EVIL * 3}")):
        assert "onerror" in page and "<img" not in page
        assert not set("{}$@`") & set(page)
    assert EVIL in unescape(movies(ask, "heat 0"))


@settings(max_examples=25)
@given(text=st.text(max_size=2 * LONGEST))
def test_whatever_is_typed_ends_in_an_answer(ask: Questions, text: str) -> None:
    pages = [
        movies(ask, text),
        ask.liked(text, 3, BEST),
        ask.profile(text, text, text, text, 3, BEST),
    ]
    for page in pages:
        assert "rb-answer" in page and "could not be answered" not in page


def test_an_error_of_ours_is_a_sentence_too(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    broken = Questions(Library.read(folder))
    broken.library.models._loaded["warp"] = None  # type: ignore[assignment]
    assert "see the terminal of the app" in broken.movies("4", 5, "warp", 0.5)
    assert "AttributeError" in caplog.text


def write(folder: Path, text: str) -> Path:
    (folder / paths.REPORTS).mkdir(exist_ok=True)
    (folder / paths.LEADERBOARD_CSV).write_text(text)
    return folder


def test_the_leaderboard_has_the_best_ranking_first(tmp_path: Path) -> None:
    head = "model,auc,mae,ndcg_at_10,ndcg_at_10_low,ndcg_at_5,rmse,rmse_low"
    rows = "a,1,0.7,0.1,0,0.2,0.9,0\nb,1,,0.4,0,0.3,,"
    table = Leaderboard.read(write(tmp_path, f"{head}\n{rows}\n")).table
    assert list(table) == ["model", "MAE", "nDCG@10", "nDCG@5", "RMSE"]
    assert table["model"].tolist() == ["b", "a"] and table["RMSE"].isna().tolist() == [True, False]


def test_faults_of_the_protocol_are_named_with_every_figure(tmp_path: Path) -> None:
    both = "drop_cold_items score_train_rows"
    text = f"model,faults,ndcg_at_10,rmse\na,{both},0.1,0.5\n"
    board = Leaderboard.read(write(tmp_path, text))
    assert list(board.table) == ["model", "faults", "nDCG@10", "RMSE"]
    assert [m.key for m in board.metrics] == ["ndcg_at_10", "rmse"]
    assert board.table["faults"].tolist() == [both]
    assert all(name in board.warning for name in both.split())
    measure(tmp_path, "a", {"rmse": 0.5, "faults": {"score_train_rows": True}})
    measure(tmp_path, "b", {"rmse": 0.9})
    assert on_test(tmp_path, "a").startswith("on test: RMSE 0.5000. ")
    assert "score_train_rows" in on_test(tmp_path, "a")
    assert on_test(tmp_path, "b") == "on test: RMSE 0.9000"


def test_a_leaderboard_without_faults_has_no_warning(tmp_path: Path) -> None:
    assert Leaderboard.read(write(tmp_path, "model,rmse\na,1.0\n")).warning == ""
    assert Leaderboard.read(tmp_path / "nowhere").warning == ""


@pytest.mark.slow
def test_the_page_warns_above_a_leaderboard_with_faults(tmp_path: Path) -> None:
    import gradio as gr

    from reelbench.serving.app import layout

    write(tmp_path, "model,faults,rmse\na,own_test_items_only,0.5\n")
    with gr.Blocks() as page:
        layout._leaderboard(tmp_path)
    shown = [block for block in page.blocks.values()]
    texts = [block.value for block in shown if isinstance(block, gr.Markdown)]
    assert any("own_test_items_only" in str(text) for text in texts)
    (table,) = (block for block in shown if isinstance(block, gr.Dataframe))
    assert table.datatype == ["str", "str", "number"]


def test_without_reports(tmp_path: Path) -> None:
    assert Leaderboard.read(tmp_path).table.empty and on_test(tmp_path, "svd") == ""


def test_without_ranking_metrics(tmp_path: Path) -> None:
    board = Leaderboard.read(write(tmp_path, "model,rmse\na,1.0\n"))
    assert list(board.table) == ["model", "RMSE"]
