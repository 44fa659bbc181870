"""The page of the report in a headless Chromium, as a reader who was sent the file sees it."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from places import ROOT
from reporting.plots_project import shown
from reporting.reporting_samples import CONFIG, content, dataset, result

from reelbench import paths
from reelbench.models.network.summary import INPUT, Layer
from reelbench.provenance import Provenance
from reelbench.reporting import page as report_page
from reelbench.reporting.charts import sections
from reelbench.reporting.charts.style import javascript
from reelbench.reporting.comparisons import every_pair
from reelbench.reporting.content import Content
from reelbench.reporting.lists import Line, Lists, ModelLists
from reelbench.reporting.results import Result

pytestmark = pytest.mark.slow


_PNG = b"\x89PNG\r\n\x1a\n"


LAYERS = [Layer("user_idx", INPUT), Layer("a_layer_of_a_long_name", "Dense", ("user_idx",), (3, 4))]


DESKTOP, PHONE = 1280, 390


# a chart in what is folded has no width to be drawn in
_ALL_DRAWN = """[...document.querySelectorAll("figure.chart")]
    .filter(figure => !figure.closest("details:not([open])"))
    .every(figure => figure.dataset.state === "drawn")"""


def model(name: str, rmse: float | None, ndcg: float) -> Result:
    cohorts = {"by": ["activity"] * 3, "cohort": ["1-9 ratings", "10-99 ratings", "100 and more"]}
    numbers = {"n_test": [20, 20, 20], "rmse": [rmse] * 3, "ndcg_at_10": [ndcg, ndcg / 2, ndcg]}
    bins = {"mean_predicted": [2.0, 3.0, 4.0], "mean_given": [2.2, 3.0, 3.9], "n_test": [20] * 3}
    return dataclasses.replace(
        result(name, rmse, ndcg),
        layers=LAYERS if name.endswith("_0") else (),
        cohorts=pd.DataFrame(cohorts | numbers),
        calibration=pd.DataFrame(bins if rmse else {}),
    )


def reported() -> Content:
    """What a report of a whole run holds, with names that are long or look like markup."""
    names = [f"model_of_a_long_name_{number}" for number in range(12)]
    models = [model(name, 0.9 + i / 50, 0.1 + i / 99) for i, name in enumerate(names)]
    own = content(*models, model("bias</script>", 0.95, 0.1), model("popularity", None, 0.3))
    users = pd.DataFrame({"user_idx": range(20), "age": np.arange(15, 55, 2)})
    lines = [Line(f"A movie with <b>a</b> title {i} (1990)", "Drama, War", "4.5") for i in range(9)]
    lists = Lists("42", 30, 60, lines, [ModelLists("bias", lines, lines, 1234, lines, lines)])
    hashes = [("data/split/train.parquet", "0123456789abcdef" * 4)]
    made = Provenance([("seed", "42")], hashes, ["altair 6.3.0"], "git checkout " + "a" * 40)
    return dataclasses.replace(
        own,
        dataset=dataclasses.replace(dataset(), users=users),
        pairs=every_pair(own.results, CONFIG, 1),
        lists=lists,
        provenance=made,
    )


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    whole = reported()
    written = tmp_path_factory.mktemp("report") / "index.html"
    written.write_text(report_page.render(whole, sections.charts(whole)), encoding="utf-8")
    return written


@dataclasses.dataclass
class Opened:
    """A page, what it said and what it asked for."""

    page: Any
    said: list[str] = dataclasses.field(default_factory=list)
    requests: list[str] = dataclasses.field(default_factory=list)


@pytest.fixture(scope="module", params=[(DESKTOP, "light")])
def opened(browser: Any, file: Path, request: pytest.FixtureRequest) -> Iterator[Opened]:
    """Opened once for all tests of one size and scheme: drawing it takes seconds."""
    width, scheme = request.param
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True
    )
    found = Opened(context.new_page())
    found.page.on("console", lambda message: found.said.append(message.text))
    found.page.on("pageerror", lambda error: found.said.append(str(error)))
    context.on("request", lambda asked: found.requests.append(asked.url))
    found.page.goto(file.as_uri())
    found.page.wait_for_function(_ALL_DRAWN, timeout=20_000)
    yield found
    context.close()


def brightness(page: Any, selector: str, style: str) -> float:
    """Mean of red, green and blue of a computed style, from 0 to 255."""
    script = "([selector, style]) => getComputedStyle(document.querySelector(selector))[style]"
    text = page.evaluate(script, [selector, style])
    return float(np.mean([float(n) for n in text[text.index("(") + 1 : -1].split(",")[:3]]))


def overflow(page: Any) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))


@pytest.mark.parametrize(
    "opened", [(w, s) for w in (DESKTOP, PHONE) for s in ("light", "dark")], indirect=True
)
def test_every_chart_is_drawn_and_nothing_is_asked_for(
    opened: Opened, file: Path, tmp_path: Path
) -> None:
    figures = opened.page.locator("figure.chart")
    assert figures.count() > 20
    assert figures.locator("svg").count() == figures.count()
    widths = figures.locator("svg").evaluate_all("all => all.map(svg => svg.clientWidth)")
    assert min(widths) > 250
    assert opened.said == []
    assert file.as_uri() in opened.requests
    assert set(opened.requests) <= {file.as_uri(), "data:,"}
    assert overflow(opened.page) <= 0
    picture = tmp_path / "page.png"
    opened.page.screenshot(path=picture, full_page=True)
    assert picture.read_bytes().startswith(_PNG) and picture.stat().st_size > 100_000


@pytest.mark.parametrize("opened", [(PHONE, "dark")], indirect=True)
def test_opened_details_fit_a_phone_too(opened: Opened) -> None:
    opened.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    opened.page.wait_for_function(_ALL_DRAWN)
    assert overflow(opened.page) <= 0 and opened.said == []


def test_dark_and_light_differ_in_page_and_charts_without_a_new_drawing(opened: Opened) -> None:
    label, dot = ".chart svg .role-axis-label text", "#chart-leaderboard svg .mark-symbol path"
    seen = []
    for scheme in ("dark", "light"):
        opened.page.emulate_media(color_scheme=scheme)
        paper = brightness(opened.page, "body", "backgroundColor")
        fills = [brightness(opened.page, selector, "fill") for selector in (label, dot)]
        seen.append((paper, *(abs(fill - paper) for fill in fills)))
    (dark, *others), (light, *contrasts) = seen
    assert light > 240 and dark < 40
    assert min(contrasts + others) > 70


def test_a_chosen_metric_and_a_tooltip(opened: Opened) -> None:
    figure = opened.page.locator("#chart-leaderboard")
    assert figure.locator("svg .mark-symbol path").count() == 13
    figure.locator("select").select_option("nDCG@10 (higher is better)")
    figure.locator("svg .role-title-text text", has_text="nDCG").wait_for()
    assert figure.locator("svg .mark-symbol path").count() == 14
    figure.locator("svg .mark-symbol path").first.hover()
    tooltip = opened.page.locator("#vg-tooltip-element.visible")
    tooltip.wait_for()
    assert "nDCG@10" in tooltip.inner_text()


def test_differences_from_a_chosen_model(opened: Opened) -> None:
    figure = opened.page.locator("#chart-differences")
    assert figure.locator("svg .mark-symbol.role-mark path").count() == 12
    metric, against = figure.locator("select").all()
    metric.select_option("nDCG@10")
    against.select_option("bias</script>")
    title = "nDCG@10: every model against bias</script>"
    figure.locator("svg .role-title-text text", has_text=title).wait_for()
    assert figure.locator("svg .mark-symbol.role-mark path").count() == 13
    metric.select_option("RMSE")
    against.select_option("popularity")
    figure.locator(
        "svg .role-title-text text", has_text="against model_of_a_long_name_0"
    ).wait_for()
    assert figure.locator("svg .mark-symbol.role-mark path").count() == 12
    assert opened.said == []


def test_markup_in_a_name_is_text(opened: Opened) -> None:
    opened.page.locator("#chart-calibration select").select_option("bias</script>")
    assert opened.page.locator("main section").count() > 6
    assert "<b>a</b>" in opened.page.locator("#lists ~ details").last.inner_text()


def test_print_is_light_and_has_every_chart(opened: Opened) -> None:
    opened.page.emulate_media(media="print", color_scheme="light")
    assert brightness(opened.page, "body", "backgroundColor") > 240
    assert not opened.page.locator(".vega-bindings").first.is_visible()
    assert opened.page.locator("figure.chart svg").last.is_visible()
    assert opened.page.pdf(format="A4").startswith(b"%PDF")
    opened.page.emulate_media(media="screen")


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
