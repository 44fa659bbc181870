"""`reelbench serve` and `reelbench ui`: mistakes of a user end in one sentence."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tracked_project import write_params, write_project
from typer.testing import CliRunner, Result

from reelbench.cli import app
from reelbench.tracking import ui
from reelbench.tracking.record import read_model, read_pipeline
from reelbench.tracking.store import Store

pytestmark = pytest.mark.slow

NAME = "toy.temporal_user"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_project()
    return tmp_path


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands of servers, which are not started."""
    found: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        found.append(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(ui, "subprocess", SimpleNamespace(run=run))
    return found


def serve(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["serve", *arguments])


def refused(result: Result, told: str) -> None:
    assert result.exit_code == 2 and isinstance(result.exception, SystemExit)
    assert result.stderr.count("\n") == 1 and result.stderr.startswith("serve: ")
    assert told in result.stderr


def test_before_the_first_run(project: Path, started: list[list[str]]) -> None:
    refused(serve(), f"no champion of {NAME} at sqlite:///mlflow.db yet: run `make repro` first")
    assert not started and not Path("mlflow.db").exists()


def test_the_champion_of_these_data_is_looked_for(
    project: Path, started: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    monkeypatch.setattr("reelbench.reporting.charts.models.of_training", lambda *_: {})
    monkeypatch.setattr("reelbench.reporting.charts.models.of_evaluation", lambda *_: {})
    database = project / "mlflow.db"
    store = Store(f"sqlite:///{database}", project / "mlruns", log_model=True)
    refused(serve(), "there is no champion")  # a store without any
    store.mirror(read_model("bias"))
    store.mirror_pipeline(read_pipeline(["bias"], "ndcg_at_10"))
    assert serve("--port", "5999").exit_code == 0
    assert f"models:/{NAME}@champion" in started[0] and "5999" in started[0]
    other = project / "other"
    other.mkdir()
    shutil.copy(database, other)
    assert not ui.has_champion(f"sqlite:///{other / 'mlflow.db'}", "toy.random")


@contextmanager
def server(answers: dict[str, int]) -> Iterator[str]:
    """A tracking server that knows of a few registered models."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = parse_qs(urlsplit(self.path).query)
            assert urlsplit(self.path).path == "/api/2.0/mlflow/registered-models/alias"
            assert asked["alias"] == ["champion"]
            self.send_response(answers.get(asked["name"][0], 404))
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()


@pytest.mark.parametrize(
    ("answers", "served"), [({}, False), ({NAME: 200}, True), ({NAME: 401}, True)]
)
def test_a_server_is_asked(
    project: Path, started: list[list[str]], answers: dict[str, int], served: bool
) -> None:
    with server(answers) as uri:
        write_params(("bias",), uri=uri)
        result = serve()
    assert bool(started) == served
    if not served:
        refused(result, f"there is no champion of {NAME} at {uri} yet")


def test_a_server_that_is_away(project: Path, started: list[list[str]]) -> None:
    with socket.socket() as bound:  # a port that is taken, but where nobody listens
        bound.bind(("127.0.0.1", 0))
        write_params(("bias",), uri=f"http://127.0.0.1:{bound.getsockname()[1]}")
        refused(serve(), "does not answer")
    assert not started


def test_a_password_is_in_no_message_and_on_no_command_line(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_params(("bias",), name="environment", uri="environment")
    asked: list[tuple[list[str], dict[str, str]]] = []

    def run(command: list[str], env: dict[str, str], **_: Any) -> Any:
        asked.append((command, env))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(ui, "subprocess", SimpleNamespace(run=run))
    with server({NAME: 200}) as uri:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri.replace("//", "//me:s3/c@ret%21@"))
        assert serve().exit_code == 0
        (command, env), shown = asked[0], CliRunner().invoke(app, ["ui"])
    assert env["MLFLOW_TRACKING_URI"] == uri and "s3/c" not in str(command)
    assert (env["MLFLOW_TRACKING_USERNAME"], env["MLFLOW_TRACKING_PASSWORD"]) == ("me", "s3/c@ret!")
    refused(serve(), "does not answer")
    for said in (serve().stderr, shown.stderr):
        assert "127.0.0.1" in said and "s3/c" not in said
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql+psycopg2://me:s3/c@ret@host/db")
    assert serve().exit_code == 0
    assert asked[1][1]["MLFLOW_TRACKING_URI"] == "postgresql+psycopg2://me:s3%2Fc%40ret@host/db"
    assert "s3/c" not in CliRunner().invoke(app, ["ui"]).stderr
    for address in ("ftp://me:s3/c@host", "https://host?token=s3/c", "http://me:s3/c ret@host", ""):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        refused(serve(), "MLFLOW_TRACKING_URI ")
        assert "s3/c" not in serve().stderr


@pytest.mark.parametrize("command", ["serve", "ui", "app"])
@pytest.mark.parametrize("port", ["0", "65536", "-1"])
def test_a_port_that_there_is_not(command: str, port: str) -> None:
    result = CliRunner().invoke(app, [command, "--port", port])
    said = re.sub(r"\x1b\[[0-9;]*m", "", result.stderr)  # colours, if this runs in CI
    assert result.exit_code == 2 and "Invalid value for '--port'" in said
