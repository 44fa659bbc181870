"""`reelbench recommend` and `reelbench similar` as they are typed."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from serving_samples import BOARD, models, write_project
from typer.testing import CliRunner, Result

from reelbench import paths
from reelbench.cli import app
from reelbench.serving import capitalized
from reelbench.serving.cli import suppress_stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    write_project(folder, models())
    return folder


@pytest.fixture(autouse=True)
def there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr("reelbench.seeds.pin_runtime", lambda threads: None)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "100"})


@pytest.mark.parametrize(
    ("arguments", "model"),
    [
        (("recommend", "--user", "4"), "warp"),
        (("recommend", "--user", "4", "--model", "ease", "-k", "3"), "ease"),
        (("recommend", "--user", "99"), "weighted_mean"),
        (("recommend", "--liked", "heat 0", "--liked", "ocean's eleven 1"), "ease"),
        (("recommend", "--title", "heat 0"), "mixed"),
        (("similar", "heat 0"), "mixed"),
        (("recommend", "--title", "heat 0", "--model", "ease"), "ease"),
        (("recommend", "--age", "24", "--gender", "M", "--zip", "10003"), "weighted_mean"),
        (("recommend",), "weighted_mean"),
        (("similar", "heat 0", "--model", "content", "--genre-weight", "0.2"), "content"),
        (("similar", "heat 0", "--model", "text", "--k", "2"), "text"),
    ],
)
def test_every_form_is_answered_as_a_table_and_as_json(
    arguments: tuple[str, ...], model: str
) -> None:
    shown = run(*arguments)
    assert shown.exit_code == 0, shown.stderr
    answer = json.loads(run(*arguments, "--json").stdout)
    assert answer["model"] == model and answer["recommendations"]
    assert shown.stdout.startswith(f"{capitalized(answer['for'])} (model: {model})")
    for movie in answer["recommendations"]:
        assert movie["title"] in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("recommend", "--title", "xyzzy"), "no movie is called 'xyzzy'"),
        (("recommend", "--user", "4", "--title", "heat 0"), "choose one"),
        (("recommend", "--user", "4", "--model", "[red]"), "no trained model '[red]'"),
        (("recommend", "--user", "4", "-k", "0"), "at least 1 movie"),
        (("recommend", "--age", "1000"), "between 0 and 120"),
        (("recommend", "--liked", "[/bold]"), "no movie is called '[/bold]'"),
        (("similar", ""), "no movie is called ''"),
        (("predict", "--user", "99", "--title", "heat 0"), "user '99' is not in the data set"),
        (("predict", "--user", "4", "--title", "xyzzy"), "no movie is called 'xyzzy'"),
        (("explain", "--user", "99", "--title", "heat 0"), "user '99' is not in the data set"),
        (("explain", "--user", "4", "--title", "heat 0", "--popular", "2"), "less than or equal"),
        (("recommend", "--genre", "aa"), "no movie has the genre 'aa'"),
        (("recommend", "--age", "24", "--from", "1990"), "filters and sliders go with"),
        (("similar", "heat 0", "--genre-weight", "nan"), "between 0 and 1"),
    ],
)
def test_nonsense_gets_one_sentence_and_exit_code_2(
    arguments: tuple[str, ...], message: str
) -> None:
    done = run(*arguments)
    assert done.exit_code == 2 and not done.stdout
    assert message in done.stderr and done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"{arguments[0]}: ")


def answered(*arguments: str) -> Any:
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def test_filters_are_those_of_the_app(folder: Path) -> None:
    items = pd.read_parquet(folder / paths.ITEMS).set_index("item_id")
    every = answered("recommend", "--user", "4", "-k", "50", "--diversity", "0.01")
    genre, year = items["genres"].iloc[0][0], int(items["year"].median())
    asked = ("recommend", "--user", "4", "--genre", genre, "--from", str(year), "-k", "50")
    few = answered(*asked)
    assert every["model"] == few["model"] == "warp"
    kept = [
        movie["title"]
        for movie in every["recommendations"]
        if genre in movie["genres"] and movie["year"] is not None and movie["year"] >= year
    ]
    assert sorted(movie["title"] for movie in few["recommendations"]) == sorted(kept) != []
    assert all(movie["score"] is None and movie["reasons"] for movie in few["recommendations"])
    rated = answered(*asked, "--rated")["recommendations"]
    assert len(rated) > len(kept)
    popular = answered("recommend", "--user", "4", "--popular", "1", "-k", "50")["recommendations"]
    rare = answered("recommend", "--user", "4", "--popular", "-1", "-k", "50")["recommendations"]
    counts = [sum(movie["rating_count"] for movie in half[:5]) for half in (popular, rare)]
    assert counts[0] > counts[1]
    near = answered("similar", "heat 0", "--genre", genre, "--model", "content")
    assert all(genre in movie["genres"] for movie in near["recommendations"])
    assert "heat 0" not in [movie["title"] for movie in near["recommendations"]]
    liked = answered("recommend", "--liked", "heat 0", "--to", str(year))
    assert all(movie["year"] <= year for movie in liked["recommendations"])


def test_what_the_models_think_of_a_movie(folder: Path) -> None:
    found = answered("predict", "--user", "4", "--title", "heat 0")
    assert set(found["models"]) == set(BOARD) | {"weighted_mean"}
    ranks = {name: own["rank"] for name, own in found["models"].items()}
    ease = answered("recommend", "--user", "4", "--model", "ease", "-k", "50")["recommendations"]
    place = {movie["title"]: movie["rank"] for movie in ease}
    for movie in ease[:3]:
        own = answered("predict", "--user", "4", "--title", movie["title"])
        assert own["models"]["ease"]["rank"] == place[movie["title"]] and own["given"] is None
        assert own["of"] == len(ease)
    assert all(1 <= rank <= found["of"] for rank in ranks.values())
    assert found["models"]["ease"]["stars"] is None  # it only ranks
    shown = run("predict", "--user", "4", "--title", "heat 0")
    assert shown.exit_code == 0 and all(name in shown.stdout for name in BOARD)


def test_why_a_movie_is_on_the_list_or_is_not() -> None:
    ranked = answered("recommend", "--user", "4", "--model", "ease", "-k", "50")["recommendations"]
    for movie in (ranked[0], ranked[2], ranked[5]):  # the last have the same score
        asked = ("explain", "--user", "4", "--title", movie["title"], "--model", "ease", "-k", "3")
        found = answered(*asked)
        assert (found["rank"], found["of"]) == (movie["rank"], len(ranked))
        assert found["listed"] == (movie["rank"] <= 3) and found["refused"] == []
        assert found["reasons"] and all(one["rank"] < found["rank"] for one in found["lifts"])
        shown = run(*asked).stdout
        assert f"{'is on' if found['listed'] else 'is not on'} the list of 3" in shown
    last = answered("explain", "--user", "4", "--title", ranked[-1]["title"], "--model", "ease")
    assert last["lifts"], "no rating lifts the last movie"
    out = answered("explain", "--user", "4", "--title", ranked[0]["title"], "--to", "1900")
    assert not out["listed"] and out["refused"] == ["is not known to be from 1900 or earlier"]


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(text=st.text(max_size=30))
def test_whatever_is_typed_ends_without_a_trace(text: str) -> None:
    for option in ("--user", "--title", "--liked", "--occupation", "--model"):
        done = run("recommend", f"{option}={text}")
        assert done.exit_code in (0, 2)
        assert done.exception is None or isinstance(done.exception, SystemExit)


def test_every_command_of_the_page_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_project(tmp_path, {})
    items = pd.read_parquet(tmp_path / paths.ITEMS)
    items.loc[:2, "title"] = ["Heat", "Alien", "Toy Story"]
    items["genres"] = [["Drama", "Comedy"]] * len(items)
    items.to_parquet(tmp_path / paths.ITEMS)
    users = pd.read_parquet(tmp_path / paths.USERS)
    users.assign(user_id=["42", *users["user_id"][1:]]).to_parquet(tmp_path / paths.USERS)
    monkeypatch.chdir(tmp_path)
    page = Path(__file__).parents[2] / "docs" / "recommend.md"
    program = ".venv/bin/reelbench "
    lines = [line for line in page.read_text().splitlines() if line.startswith(program)]
    assert len(lines) >= 6
    for line in lines:
        done = run(*shlex.split(line.removeprefix(program), comments=True))
        assert done.exit_code == 0, f"{line}: {done.stderr}"


def test_outside_of_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("recommend")
    assert done.exit_code == 2 and "make repro" in done.stderr


def test_without_a_command_the_typical_steps_are_shown() -> None:
    done = run()
    shown = done.stdout + done.stderr
    for step in ("make repro", "make ui", "recommend --user", "recommend --liked", "similar"):
        assert step in shown


def test_only_what_is_written_meanwhile_is_dropped(capfd: pytest.CaptureFixture[str]) -> None:
    os.write(2, b"before\n")
    with pytest.raises(KeyError), suppress_stderr():
        os.write(2, b"meanwhile\n")
        raise KeyError
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "before\nafter\n"


@pytest.mark.parametrize(
    ("charset", "shown"),
    [("ascii", "Am?lie ?? [b]Ca$$h[/b]"), ("cp1252", "Amélie ?? [b]Ca$$h[/b]")],
)
def test_what_a_terminal_cannot_show_is_a_question_mark(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, charset: str, shown: str
) -> None:
    title = "Amélie 日本 [b]Ca$$h[/b]"
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    items = pd.read_parquet(tmp_path / paths.ITEMS)
    items.assign(title=[title, *items["title"][1:]]).to_parquet(tmp_path / paths.ITEMS)
    monkeypatch.chdir(tmp_path)
    runner, wide = CliRunner(charset=charset), {"COLUMNS": "200"}
    table = runner.invoke(app, ["similar", title], env=wide)
    assert table.exit_code == 0 and shown in table.stdout
    miss = runner.invoke(app, ["similar", "Zwölf 日"], env=wide)
    assert miss.exit_code == 2 and "no movie is called" in miss.stderr and "?" in miss.stderr
    answer = json.loads(runner.invoke(app, ["similar", title, "--json"], env=wide).stdout)
    assert title in answer["for"]
