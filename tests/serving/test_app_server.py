"""How the app is served: what is seen to before it opens, and who may ask it."""

from __future__ import annotations

import http.client
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest
import uvicorn
from serving_samples import models, write_project
from typer.testing import CliRunner

from reelbench import paths
from reelbench.cli import app
from reelbench.models.base import Recommender
from reelbench.serving import app as server
from reelbench.serving.app import HOST, LARGEST
from reelbench.serving.library import Library
from reelbench.serving.questions import Questions, Wanted


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("reelbench.seeds.pin_runtime", lambda threads: None)


def test_outside_of_a_project() -> None:
    done = CliRunner().invoke(app, ["app"])
    assert done.exit_code == 2 and done.stderr.startswith("app: ") and "make repro" in done.stderr


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    write_project(tmp_path, {})
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = CliRunner().invoke(app, ["app", "--port", str(port)])
    assert done.exit_code == 2
    assert f"port {port} on 127.0.0.1 is not available" in done.stderr and "--port" in done.stderr


@pytest.fixture
def questions(tmp_path: Path) -> Questions:
    write_project(tmp_path, models())
    return Questions(Library.read(tmp_path))


def test_what_answers_need_is_loaded_and_no_network(questions: Questions) -> None:
    library, done = questions.library, Event()
    (library.root / paths.layers("warp")).write_text('[{"name": "dense"}]')
    server.read_first(questions)
    server.in_background(questions, done.set)
    assert done.wait(60)
    assert {"mixed", "stars", "titles"} <= set(vars(library))
    assert "ease" in library.models._loaded and "warp" not in library.models._loaded


def test_what_is_answered_at_once(questions: Questions) -> None:
    (questions.library.root / paths.layers("warp")).write_text('[{"name": "dense"}]')
    ease, unknown = Wanted(model="ease"), Wanted(model="nothing")
    assert not questions.at_once() and not questions.at_once(Wanted())
    server.warm(questions)
    assert questions.at_once() and questions.at_once(Wanted()) and questions.at_once(ease)
    assert not questions.at_once(unknown) and not questions.at_once(Wanted(why="0"))
    assert not questions.at_once(Wanted(way="similar", by="warp"))  # a network
    answering, finish = Event(), Event()

    def network() -> None:
        with questions._network:
            answering.set()
            assert finish.wait(30)

    thread = Thread(target=network)
    thread.start()
    assert answering.wait(30) and not questions.at_once(Wanted())
    finish.set()
    thread.join()
    assert questions.at_once(Wanted())


def test_what_fails_while_models_are_loaded_is_still_written(
    questions: Questions, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The reason why a question of another thread failed stays on the terminal."""
    loading, written = Event(), Event()

    def load(folder: Path) -> Recommender:
        loading.set()
        assert written.wait(30)
        return kept(folder)

    kept = Recommender.load
    monkeypatch.setattr(Recommender, "load", load)
    done = Event()
    server.in_background(questions, done.set)
    assert loading.wait(30)
    os.write(2, b"why it failed\n")
    written.set()
    assert done.wait(60)
    assert "why it failed" in capfd.readouterr().err


def test_a_model_that_cannot_be_loaded_is_named(
    questions: Questions, caplog: pytest.LogCaptureFixture
) -> None:
    for file in (questions.library.root / paths.model_dir("warp")).glob("*.npz"):
        file.write_bytes(b"")
    server.warm(questions)
    assert "not ready" in caplog.text


@pytest.fixture
def port(questions: Questions) -> Iterator[int]:
    """Of a server that runs."""
    with server._bound(0) as opened:
        number = opened.getsockname()[1]
        opened.listen()
        config = uvicorn.Config(server.page(questions, number), log_level="error")
        running = uvicorn.Server(config)
        thread = Thread(target=running.run, kwargs={"sockets": [opened]})
        thread.start()
        yield number
        running.should_exit = True
        thread.join(30)


def ask(
    port: int, path: str, body: str | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and content of an answer."""
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    method = "GET" if body is None else "POST"
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, given)
    answer = connection.getresponse()
    found = answer.status, dict(answer.getheaders()), answer.read()
    connection.close()
    return found


def test_the_page_and_nothing_else_can_be_read(port: int) -> None:
    for path, start in (("/", b"<!doctype html>"), ("/app.css", b"/*"), ("/app.js", b'"use')):
        status, headers, content = ask(port, path)
        assert status == 200 and content.startswith(start)
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
    for path in (
        "/params.yaml",
        "/data/clean/items.parquet",
        "/../params.yaml",
        "/..%2fparams.yaml",
        "/app.css/../../../library.py",
        "//etc/passwd",
        "/__init__.py",
        "/docs",
        "/openapi.json",
        "/api/answer",
        "/api/",
    ):
        assert ask(port, path)[0] in (404, 405), path


def test_other_hosts_and_origins_are_refused(port: int) -> None:
    own = f"http://{HOST}:{port}"
    assert ask(port, "/api/about", Origin=own, Sec_Fetch_Site="same-origin")[0] == 200
    assert ask(port, "/api/about", Host=f"localhost:{port}")[0] == 200
    for headers in (
        {"Host": "evil.example"},
        {"Host": f"evil.example:{port}"},
        {"Host": HOST},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": f"http://{HOST}:{port + 1}"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ):
        for body in (None, "{}"):
            path = "/api/about" if body is None else "/api/answer"
            status, _, content = ask(port, path, body, **headers)
            assert status == 403 and b"movies" not in content, headers
    # a link on another page may open the app
    assert ask(port, "/", Sec_Fetch_Site="cross-site")[0] == 200


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        ("", 422, "This cannot be read"),
        ("[" * 5000, 422, "This cannot be read"),
        ('{"k": 0}', 422, "k: Input should be greater than or equal to 1."),
        ('{"way": "similar", "item": "<b>"}', 400, "There is no movie with the id '<b>'."),
        ("x" * (LARGEST + 1), 413, "This is too much at once."),
    ],
)
def test_nonsense_gets_a_sentence(port: int, body: str, status: int, sentence: str) -> None:
    found, headers, content = ask(port, "/api/answer", body)
    assert found == status and sentence in json.loads(content)["error"]
    assert headers["content-type"] == "application/json"


def test_ten_thousand_letters(port: int) -> None:
    assert json.loads(ask(port, f"/api/titles?q={'x' * 10_000}")[2]) == []
    body = json.dumps({"you": {"user": "x" * 10_000}})
    status, _, content = ask(port, "/api/answer", body)
    assert status == 200 and len(json.loads(content)["movies"]) == 10


def test_an_error_of_ours_is_a_sentence_too(
    port: int, questions: Questions, caplog: pytest.LogCaptureFixture
) -> None:
    questions.library.models._loaded["warp"] = None  # type: ignore[assignment]
    status, _, content = ask(port, "/api/answer", '{"you": {"user": "4"}, "model": "warp"}')
    assert status == 500 and "the terminal of the app has the cause" in json.loads(content)["error"]
    assert "AttributeError" in caplog.text
