"""What is seen to before the app opens."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from threading import Event

import pytest
from serving_samples import BOARD, models, write_project
from typer.testing import CliRunner

from reelbench import paths
from reelbench.cli import app
from reelbench.models.base import Recommender
from reelbench.serving.app import server
from reelbench.serving.app.server import HOST, stay_here
from reelbench.serving.library import Library


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("reelbench.seeds.pin_runtime", lambda threads: None)
    for name in ("GRADIO_ANALYTICS_ENABLED", "HF_HUB_DISABLE_TELEMETRY", "HF_HUB_OFFLINE"):
        monkeypatch.setenv(name, "True")
    monkeypatch.setenv("NO_PROXY", "example.org")
    monkeypatch.setenv("no_proxy", "")


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


def test_gradio_is_told_to_stay_here() -> None:
    stay_here()
    assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"
    assert os.environ["NO_PROXY"] == "example.org,127.0.0.1"
    assert os.environ["no_proxy"] == "127.0.0.1"


@pytest.fixture
def library(tmp_path: Path) -> Library:
    write_project(tmp_path, models())
    return Library.read(tmp_path)


def test_on_small_data_every_model_is_ready(library: Library) -> None:
    done = Event()
    server.read_first(library)
    server.in_background(library, done.set)
    assert done.wait(30)
    known = library.models
    assert set(known._loaded) == set(known.names)


def test_the_best_model_is_ready_before_the_page_opens_unless_it_is_a_network(
    library: Library,
) -> None:
    server.read_first(library)
    assert set(library.models._loaded) == {"warp"}
    other = Library.read(library.root)
    (library.root / paths.layers("warp")).write_text('[{"name": "dense"}]')
    server.read_first(other)
    assert not other.models._loaded


def test_on_large_data_only_what_answers_by_default(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_SMALL", 10)
    server.warm(library)
    best = next(iter(BOARD))
    # profiles are answered by popular movies here
    assert set(library.models._loaded) == {best, "weighted_mean"}


def test_what_fails_while_models_are_loaded_is_still_written(
    library: Library, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
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
    server.in_background(library, done.set)
    assert loading.wait(30)
    os.write(2, b"why it failed\n")
    written.set()
    assert done.wait(30)
    assert "why it failed" in capfd.readouterr().err


def test_a_model_that_cannot_be_loaded_keeps_no_other_waiting(
    library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    broken = library.root / paths.model_dir("warp")
    for file in broken.glob("*.npz"):
        file.write_bytes(b"")
    server.warm(library)
    assert set(library.models._loaded) == set(library.models.names) - {"warp"}
    assert "model warp is not ready" in caplog.text
