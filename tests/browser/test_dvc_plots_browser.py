"""The page of `dvc plots show` in a headless Chromium, with and without what the report leaves."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from reporting.plots_project import shown

from reelbench import paths
from reelbench.reporting.charts.style import javascript

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shown(tmp_path_factory.mktemp("project"))


def test_it_draws_without_a_network(page: Path, watched: Callable[..., Any]) -> None:
    (page.parents[1] / paths.VEGA_JS).write_text(javascript(), encoding="utf-8")
    seen = watched()
    seen.page.context.set_offline(True)
    seen.page.goto(page.as_uri())
    drawn = seen.page.locator("#reports_curves_mf_csv .marks")
    drawn.wait_for(timeout=10_000)
    assert drawn.evaluate("mark => mark.clientWidth") > 100
    assert "train_loss" in drawn.text_content()
    widths = seen.page.locator("img").evaluate_all("all => all.map(image => image.naturalWidth)")
    assert len(widths) == 1 and min(widths) > 100
    assert (seen.errors, seen.hosts) == ([], {"file"})


def test_without_the_script_it_is_dvcs_own_page(
    page: Path, watched: Callable[..., Any], tmp_path: Path
) -> None:
    """As in a fresh clone, before the report is made: it asks the CDN that DVC asks."""
    alone = shutil.copytree(page.parent, tmp_path / "dvc_plots")
    seen = watched()
    seen.page.route("https://**", lambda route: route.abort())
    seen.page.goto((alone / "index.html").as_uri())
    assert seen.hosts == {"file", "cdn.jsdelivr.net"}
