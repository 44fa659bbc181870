"""A headless Chromium for pages that are looked at as a person does.

The machine's own Chromium is driven; where there is none, these tests are skipped.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_LIGHTHOUSE = "12.8.2"
_FLAGS = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking"


@dataclass
class Watched:
    """A page, and what it did beside showing itself.

    Attributes:
        page: of Playwright.
        errors: what the console was told as an error, and exceptions that nobody caught.
        hosts: that requests went to; not those of `data:` and `blob:`, which stay in the browser.
    """

    page: Any
    errors: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self._asked(request.url))
        self.page.on("websocket", lambda socket: self._asked(socket.url))

    def _said(self, message: Any) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} ({message.location.get('url', '')})")

    def _asked(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob"):
            self.hosts.add(parts.hostname or parts.scheme)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, once for all tests."""
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program is None:
        pytest.skip(f"there is no Chromium here ({', '.join(_PROGRAMS)})")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def watched(browser: Any) -> Iterator[Callable[..., Watched]]:
    """Makes pages: `watched(width=390, dark=True)`, or `watched(url)` to open one at once."""
    contexts = []

    def make(url: str | None = None, width: int = 1280, dark: bool = False) -> Watched:
        context = browser.new_context(
            viewport={"width": width, "height": 844}, color_scheme="dark" if dark else "light"
        )
        contexts.append(context)
        made = Watched(context.new_page())
        if url is not None:
            made.page.goto(url)
        return made

    yield make
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def lighthouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lighthouse, installed by npm."""
    if shutil.which("npm") is None:
        pytest.skip("there is no npm here")
    folder = tmp_path_factory.mktemp("lighthouse")
    command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder)]
    subprocess.run([*command, f"lighthouse@{_LIGHTHOUSE}"], check=True, capture_output=True)
    return folder / "node_modules" / ".bin" / "lighthouse"


@pytest.fixture
def accessibility(
    browser: Any, lighthouse: Path, tmp_path: Path
) -> Callable[[str], tuple[float, list[str]]]:
    """From an address to Lighthouse's score for accessibility, 0 to 1, and the audits that fail."""

    def measure(address: str) -> tuple[float, list[str]]:
        written = tmp_path / "lighthouse.json"
        command = [str(lighthouse), address, "--only-categories=accessibility", "--output=json"]
        command += [f"--output-path={written}", "--quiet", f"--chrome-flags={_FLAGS}"]
        chromium = shutil.which("chromium") or browser.browser_type.executable_path
        environment = os.environ | {"CHROME_PATH": chromium}
        subprocess.run(command, check=True, capture_output=True, env=environment, timeout=300)
        found = json.loads(written.read_text(encoding="utf-8"))
        failed = [name for name, audit in found["audits"].items() if audit["score"] == 0]
        return float(found["categories"]["accessibility"]["score"]), failed

    return measure
