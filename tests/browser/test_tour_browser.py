"""The pictures of docs/tour.md, and that what they show can be opened.

With REELBENCH_SCREENSHOTS, the folder of a finished run of MovieLens 100K, they are made anew.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from places import ROOT

FOLDER = os.environ.get("REELBENCH_SCREENSHOTS")
PICTURES = ROOT / "docs" / "assets" / "tour"
LARGEST, MOST = 120_000, 6  # bytes of a picture, and pictures
SMALL = Path(__file__).with_name("small_app.py")
#: picture → question in the address of the app; of the small project, and of MovieLens 100K
QUESTIONS = {
    "app": ("", ""),
    "list": ("you=4", "you=42"),
    "similar": ("way=similar&item=0", "way=similar&item=1"),
}


@contextmanager
def started(said: str, *command: str, folder: Path) -> Iterator[str]:
    """A server; the first address in the line that has a text. It ends with all its children."""
    samples = str(ROOT / "tests" / "serving")
    search = os.pathsep.join([str(ROOT / "src"), samples, *sys.path])
    server = subprocess.Popen(
        [sys.executable, "-u", *command],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": search},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        assert server.stdout is not None
        line = next(line for line in server.stdout if said in line)
        yield re.search(r"http://\S+", line)[0]
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return str(free.getsockname()[1])


def keep(page: Any, name: str, folder: Path) -> None:
    """The visible part, with as many colours as fit into the limit."""
    folder.mkdir(parents=True, exist_ok=True)
    picture = Image.open(BytesIO(page.screenshot())).convert("RGB")
    for colours in (256, 128, 64, 32):
        picture.quantize(colours).save(folder / f"{name}.png", optimize=True)
        if (folder / f"{name}.png").stat().st_size <= LARGEST:
            return
    raise AssertionError(f"{name}.png is larger than {LARGEST} bytes")


@pytest.mark.slow
def test_the_questions_of_the_tour(watched: Callable[..., Any], tmp_path: Path) -> None:
    own = ["-m", "reelbench.cli", "app", "--port", port()]
    small = [str(SMALL), str(tmp_path / "small"), port(), "Alien"]
    (tmp_path / "small").mkdir()
    target = PICTURES if FOLDER else tmp_path
    command, folder = (own, Path(FOLDER)) if FOLDER else (small, tmp_path)
    with started("The app is at", *command, folder=folder) as address:
        for name, questions in QUESTIONS.items():
            seen = watched(f"{address}/?{questions[bool(FOLDER)]}", width=1100)
            seen.page.locator("#columns[aria-busy=false]").wait_for()
            seen.page.locator("#columns .title").first.wait_for()
            seen.page.wait_for_timeout(500)
            keep(seen.page, name, target)
            assert seen.errors == []
            with Image.open(target / f"{name}.png") as picture:
                assert picture.size == (1100, 844) and len(picture.getcolors()) > 8


@pytest.mark.slow
@pytest.mark.skipif(not FOLDER, reason="test_report_browser and test_mlflow_ui_browser look there")
def test_pages_of_a_whole_run(watched: Callable[..., Any]) -> None:
    folder = Path(FOLDER or "")
    seen = watched((folder / "reports" / "index.html").resolve().as_uri(), width=1100)
    seen.page.wait_for_timeout(3000)
    keep(seen.page, "report", PICTURES)
    command = ["-m", "reelbench.cli", "ui", "--port", port()]
    with started("viewStateShareKey", *command, folder=folder) as address:
        seen = watched(width=1400)
        for _ in range(60):
            try:
                seen.page.goto(address)
                break
            except Exception:
                seen.page.wait_for_timeout(2000)
        seen.page.get_by_text("nDCG at 10").first.wait_for(timeout=120_000)
        seen.page.wait_for_timeout(5000)
        keep(seen.page, "mlflow", PICTURES)


def test_the_pages_show_all_pictures_and_no_others() -> None:
    pages = [(ROOT / "docs" / f"{name}.md").read_text("utf-8") for name in ("tour", "gallery")]
    shown = [set(re.findall(r"assets/tour/(\w+)\.png", page)) for page in pages]
    files = {file.stem: file.stat().st_size for file in PICTURES.glob("*.png")}
    assert shown[0] == shown[1] == files.keys() and len(files) <= MOST
    assert max(files.values()) <= LARGEST
