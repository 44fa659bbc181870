"""The app in a headless Chromium."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).with_name("small_app.py")
BOX, LIKED = "User id or movie title", "Titles that you like, one per line"
#: the first answer of a network waits for TensorFlow, on a busy machine for long
PATIENCE = 60_000
#: a title that would run if it were not escaped
EVIL = "<img src=x onerror=\"console.error('run')\"> ${alert(2)} {{constructor}} @children"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("project")


@pytest.fixture(scope="module")
def address(browser: Any, folder: Path) -> Iterator[str]:
    """Of the running app; without a browser it is not started."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    samples = str(SCRIPT.parents[1] / "serving")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([samples, *sys.path])}
    command = [sys.executable, "-u", str(SCRIPT), str(folder), str(port), EVIL]
    log = folder / "errors.txt"
    with log.open("w") as errors:
        app = subprocess.Popen(
            command, env=environment, text=True, stdout=subprocess.PIPE, stderr=errors
        )
        assert app.stdout is not None
        started = any(line.startswith("The app is at") for line in app.stdout)
        assert started, log.read_text()
        yield f"http://127.0.0.1:{port}"
        app.terminate()
        app.wait()
    assert "Traceback" not in log.read_text()


@pytest.fixture
def seen(watched: Callable[..., Any], address: str) -> Iterator[Any]:
    """The page, which must neither complain nor ask anybody else."""
    made = watched(address)
    made.page.set_default_timeout(PATIENCE)
    yield made
    assert made.errors == []
    assert made.hosts == {"127.0.0.1"}


def asked(page: Any, text: str) -> Any:
    """What the first tab answers."""
    page.get_by_label(BOX).fill(text)
    page.get_by_label(BOX).press("Enter")
    return page.locator("#movies-answer")


def test_a_user(seen: Any) -> None:
    answer = asked(seen.page, "4")
    answer.get_by_text("User 4, ").wait_for()
    assert answer.locator("ol > li").count() == 10
    assert answer.get_by_text("on test: RMSE 0.9000, nDCG@10 0.3000").is_visible()
    assert answer.get_by_text("People who liked").count()


def test_a_title_and_a_typing_error(seen: Any) -> None:
    answer = asked(seen.page, "heat 0")
    answer.get_by_text("Movies similar to Heat 0 (1960)").wait_for()
    answer = asked(seen.page, "ocaen's eleven 1")
    answer.get_by_text("was read as Ocean's Eleven 1 (1961)").wait_for()


@pytest.mark.parametrize("typed", ["xyzzy", "<b>bold</b>", "${1+1} {{this}}", "[/red] `*_"])
def test_nonsense_gets_a_sentence(seen: Any, typed: str) -> None:
    answer = asked(seen.page, typed)
    answer.get_by_text(f"There is no user '{typed}', and no movie is called").wait_for()
    assert answer.locator("ol").count() == 0


def test_nothing_gets_a_sentence(seen: Any) -> None:
    seen.page.locator("#movies-ask").click()
    seen.page.get_by_text("Type the id of a user").wait_for()
    seen.page.get_by_role("tab", name="Liked").click()
    seen.page.locator("#liked-ask").click()
    seen.page.get_by_text("Type titles that you like").wait_for()


def test_a_title_of_the_data_does_not_run(seen: Any) -> None:
    answer = asked(seen.page, "heat 0")
    title = answer.locator(".rb-title b", has_text="<img")
    title.wait_for()
    assert title.text_content() == EVIL
    assert answer.locator("img").count() == 0


def test_another_model_and_the_slider(seen: Any) -> None:
    page = seen.page
    page.get_by_label("Model").first.click()
    page.get_by_role("option", name="text embedding").click()
    asked(page, "heat 0").get_by_text("director and text embedding").wait_for()
    page.get_by_label("Model").first.click()
    page.get_by_role("option", name="content").click()
    page.get_by_role("spinbutton", name="Tags ↔ genres").fill("0")
    page.get_by_role("spinbutton", name="Tags ↔ genres").press("Tab")
    answer = asked(page, "heat 0")
    # by tags alone: the movie of the same director, and the three with the same tag
    answer.locator("ol > li:nth-child(4)").wait_for()
    answer.locator("ol > li:nth-child(5)").wait_for(state="detached")
    assert answer.get_by_text("director, genres and tags").is_visible()


def test_liked_titles(seen: Any) -> None:
    page = seen.page
    page.get_by_role("tab", name="Liked").click()
    page.get_by_label(LIKED).fill("heat 0\nthe queen 3")
    page.locator("#liked-ask").click()
    page.get_by_text("A new user who likes Heat 0 (1960), The Queen 3").wait_for()
    assert page.locator("#liked-answer ol > li").count() == 10


def test_a_profile(seen: Any) -> None:
    page = seen.page
    page.get_by_role("tab", name="Profile").click()
    page.get_by_label("Age in years").fill("24")
    page.get_by_label("Gender").click()
    page.get_by_role("option", name="F", exact=True).click()
    page.get_by_label("Occupation").fill("astronaut")
    page.get_by_label("Zip code").fill("10003")
    page.locator("#profile-ask").click()
    answer = page.locator("#profile-answer")
    answer.get_by_text("A new user, age 24, gender F").wait_for()
    assert answer.get_by_text("Model: net").is_visible()
    assert answer.get_by_text("Occupation 'astronaut' is unknown or too rare").is_visible()
    page.get_by_label("Age in years").fill("old")
    page.locator("#profile-ask").click()
    answer.get_by_text("An age is a whole number of years, not 'old'.").wait_for()


def test_the_leaderboard(seen: Any) -> None:
    seen.page.get_by_role("tab", name="Leaderboard").click()
    board = seen.page.locator("#leaderboard")
    # a copy of the table that is never seen measures the width of columns
    for text in ("nDCG@10", "warp", "0.3000"):
        board.get_by_text(text).locator("visible=true").first.wait_for()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_wider_than_the_screen(
    watched: Callable[..., Any], address: str, tmp_path: Path, width: int, dark: bool
) -> None:
    made = watched(address, width=width, dark=dark)
    asked(made.page, "heat 0").locator("ol").wait_for(timeout=PATIENCE)
    for tab in ("Movies", "Liked", "Profile", "Leaderboard"):
        made.page.get_by_role("tab", name=tab).click()
        made.page.screenshot(path=tmp_path / f"{tab}-{width}.png", full_page=True)
        assert made.page.evaluate("document.documentElement.scrollWidth") <= width, tab
    paper = made.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, paper[paper.index("(") + 1 : -1].split(",")[:3])) < 200) == dark
    assert made.errors == [] and made.hosts == {"127.0.0.1"}


# last, so that everything has been asked
def test_the_app_itself_asks_nobody(address: str, folder: Path) -> None:
    asked_of = set((folder / "connections.txt").read_text().split())
    assert asked_of <= {"127.0.0.1", "localhost", "::1"}, asked_of
    assert "127.0.0.1" in asked_of  # Gradio calls itself, so that the record is one
