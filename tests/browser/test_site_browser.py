"""The documentation in a headless Chromium, opened from disk as `make docs` leaves it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from places import ROOT

pytestmark = pytest.mark.slow

PAGES = ("index", "concepts", "models", "metrics", "extending", "api", "recommend")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True)
    return folder


@pytest.mark.parametrize("width", [390, 1280])
def test_pages_need_no_network_and_fit(site: Path, watched: Callable[..., Any], width: int) -> None:
    for name in PAGES:
        seen = watched((site / f"{name}.html").as_uri(), width=width)
        assert (seen.errors, seen.hosts) == ([], {"file"}), name
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= width, name


def test_search_finds_a_term(site: Path, watched: Callable[..., Any]) -> None:
    seen = watched((site / "index.html").as_uri())
    seen.page.locator(".md-search__input").click()
    seen.page.keyboard.type("interval")
    found = seen.page.locator(".md-search-result__item", has_text="Glossary")
    found.wait_for(timeout=10_000)
    assert (seen.errors, seen.hosts) == ([], {"file"})


def test_the_reference_has_parameters_from_comments(site: Path) -> None:
    text = (site / "api.html").read_text(encoding="utf-8")
    assert "reelbench.models.EASE" in text and "L2 penalty λ, in ratings" in text
    assert "Järvelin" in (site / "metrics.html").read_text(encoding="utf-8")
