"""What is seen to before the app opens."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from serving_samples import write_project
from typer.testing import CliRunner

from reelbench.cli import app
from reelbench.serving.app.server import HOST, stay_here


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
    assert f"port {port} of 127.0.0.1 cannot be had" in done.stderr and "--port" in done.stderr


def test_gradio_is_told_to_stay_here() -> None:
    stay_here()
    assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"
    assert os.environ["NO_PROXY"] == "example.org,127.0.0.1"
    assert os.environ["no_proxy"] == "127.0.0.1"
