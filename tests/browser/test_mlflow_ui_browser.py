"""MLflow's real UI, as `make ui` starts it, shows every model with its metrics and draws them."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tracked_project import METRICS, write_evaluation, write_project

MODELS = ("bias", "svd", "fm")
SECONDS_TO_START = 180  # on a machine that is busy with much else
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Link to the leaderboard that `reelbench ui` prints; the server runs."""
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_project(MODELS, timeout=300)
        for number, model in enumerate(MODELS):
            write_evaluation(model, METRICS | {"rmse": 0.91 + number / 100, "ndcg_at_10": None})
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    # a process group of its own: the server has children
    server = subprocess.Popen(
        [sys.executable, "-m", "reelbench.cli", "ui", "--port", str(port)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "src")},
        stdout=(folder / "said.txt").open("w"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield link(folder / "said.txt", server)
    finally:
        os.killpg(server.pid, signal.SIGKILL)


def link(said: Path, server: subprocess.Popen[bytes]) -> str:
    end = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < end and server.poll() is None:
        text = said.read_text()
        found = re.search(r"toy/temporal_user: (http://127\.0\.0\.1:\d+/#\S+)", text)
        if found and "startup complete" in text:
            return found[1]
        time.sleep(0.5)
    raise AssertionError(said.read_text()[-4000:])


def test_the_runs_table_has_every_model_with_its_metrics(
    address: str, watched: Callable[..., Any], tmp_path: Path
) -> None:
    seen = watched(address, width=1800)
    for model in MODELS:
        seen.page.get_by_role("link", name=model, exact=True).wait_for(timeout=60_000)
    text = seen.page.inner_text("body")
    assert {"RMSE", "train s", "peak MB"} <= set(text.split("\n"))
    assert all(f"0.9{digit}00 [0.8500, 0.9500]" in text for digit in "123")
    assert seen.hosts == {"127.0.0.1"}


def test_the_differences_are_of_those_parameters_that_differ(
    address: str, watched: Callable[..., Any]
) -> None:
    seen = watched(f"{address}&compareRunsMode=CHART", width=1800)
    seen.page.get_by_text("Show differences only").wait_for(timeout=60_000)
    seen.page.get_by_text("user_damping", exact=True).wait_for(timeout=60_000)
    text = seen.page.inner_text("body").split("\n")
    assert {"5.0", "6.0", "7.0"} <= set(text)
    assert not {"item_damping", "features", "code", "seed"} & set(text)
    seen.page.get_by_text("Show differences only").click()
    seen.page.get_by_text("item_damping", exact=True).wait_for(timeout=60_000)


def test_the_compare_page_draws(address: str, watched: Callable[..., Any]) -> None:
    seen = watched(address, width=1800)
    links = [seen.page.get_by_role("link", name=model, exact=True) for model in MODELS]
    for found in links:
        found.wait_for(timeout=60_000)
    runs = [found.get_attribute("href").rpartition("/")[2] for found in links]
    experiment = re.search(r"experiments/(\d+)", address)[1]
    query = f"runs={quote(json.dumps(runs))}&experiments={quote(json.dumps([experiment]))}"
    seen.page.goto(f"{address.partition('#')[0]}#/compare-runs?{query}")
    seen.page.get_by_text("Comparing 3 Runs from 1 Experiment").first.wait_for(timeout=60_000)
    seen.page.locator(".parcoords .y-axis").first.wait_for(timeout=60_000)
    assert seen.page.locator(".parcoords .y-axis").count() >= 2
    # lines are on canvases that are painted by WebGL: the axes are what can be counted
    assert seen.page.locator(".js-plotly-plot canvas").count() > 0
    text = seen.page.inner_text("body")
    assert "test/rmse" in text and "user_damping" in text
    assert seen.hosts == {"127.0.0.1"}
