"""The page of the report in a headless Chromium, as a reader who was sent the file sees it."""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
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


# a chart in what is folded, or in a card, has no width to be drawn in
_SEEN = """[...document.querySelectorAll("figure.chart")]
    .filter(figure => !figure.closest("details:not([open]), dialog:not([open])"))"""
_ALL_DRAWN = f"""{_SEEN}.every(figure => figure.dataset.state === "drawn")"""


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
    bias = dataclasses.replace(model("bias</script>", 0.95, 0.1), family="knn")
    own = content(*models, bias, model("popularity", None, 0.3))
    users = pd.DataFrame({"user_idx": range(20), "age": np.arange(15, 55, 2)})
    lines = [Line(f"A movie with <b>a</b> title {i} (1990)", "Drama, War", "4.5") for i in range(9)]
    of_bias = ModelLists("bias</script>", lines, lines, 1234, lines, lines)
    lists = Lists("42", 30, 60, lines, {of_bias.model: of_bias}, [of_bias.model])
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


def draw_all(page: Any) -> None:
    """Draw every chart without scrolling to it."""
    page.evaluate(f"{_SEEN}.forEach(figure => draw(figure))")
    page.wait_for_function(_ALL_DRAWN, timeout=60_000)


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
    draw_all(found.page)
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
    widths = opened.page.evaluate(
        f"{_SEEN}.map(figure => figure.querySelector('svg')?.clientWidth ?? 0)"
    )
    assert len(widths) > 10 and min(widths) > 250
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
    draw_all(opened.page)
    assert overflow(opened.page) <= 0 and opened.said == []


def test_dark_and_light_differ_in_page_and_charts_without_a_new_drawing(opened: Opened) -> None:
    label, dot = ".chart svg .role-axis-label text", "#chart-accuracy_vs_cost svg .mark-symbol path"
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


_NAMES = r"""[...document.querySelectorAll("#chart-accuracy_vs_cost svg .mark-text.role-mark text")]
    .filter(text => +getComputedStyle(text).opacity && text.textContent)
    .map(text => {
        const name = text.textContent.replace(/[\u200b\u2009]/g, ""), range = new Range();
        const start = text.textContent.indexOf(name);
        range.setStart(text.firstChild, start);
        range.setEnd(text.firstChild, start + name.length);
        const {left, top, right, bottom} = range.getBoundingClientRect();
        return [name, left, top, right, bottom];
    })"""


@pytest.mark.parametrize("opened", [(DESKTOP, "light"), (PHONE, "light")], indirect=True)
@pytest.mark.parametrize("metric", ["nDCG@10 (higher is better)", "RMSE (lower is better)"])
def test_names_in_the_first_chart_do_not_overlap(opened: Opened, metric: str) -> None:
    figure = opened.page.locator("#chart-accuracy_vs_cost")
    figure.locator("select").first.select_option(metric)
    figure.locator("svg .role-title-text text", has_text=metric).wait_for()
    names = opened.page.evaluate(_NAMES)
    assert len(names) > 4
    for place, (name, left, top, right, bottom) in enumerate(names):
        for other, x, y, end, below in names[:place]:
            apart = min(right, end) - max(left, x) < -2 or min(bottom, below) - max(top, y) < 3
            assert apart, (name, other)


def column(page: Any, place: int) -> list[str]:
    """What a column of the leaderboard shows, without intervals and marks."""
    script = "(rows, place) => rows.map(row => row.cells[place]?.textContent.trim() ?? '')"
    found = page.locator("#board tbody tr").evaluate_all(script, place)
    return [str(text).partition("[")[0].rstrip("≈?") for text in found]


def test_the_leaderboard_sorts_filters_groups_and_hides(opened: Opened) -> None:
    page, columns = opened.page, ["RMSE", "nDCG\u200b@10"]
    titles = page.locator("#board thead th").all_text_contents()
    error, gain = map(titles.index, columns)
    headings = page.locator("#board thead button")
    headings.nth(gain).click()
    assert column(page, 0)[0] == "popularity"
    values = [float(text) for text in column(page, gain)]
    assert values == sorted(values, reverse=True)
    assert page.locator("#board th[aria-sort='descending']").count() == 1
    headings.nth(error).click()
    values = [float(text) for text in column(page, error)[:-1]]
    assert values == sorted(values) and column(page, error)[-1] == "—"
    headings.nth(error).click()
    assert column(page, error)[0] == f"{max(values):.4f}" and column(page, error)[-1] == "—"
    group, family = page.locator("[name=group]"), page.locator("[name=family]")
    group.select_option("by verdict in nDCG@10")
    heads = page.locator("#board .group").all_inner_texts()
    assert heads[0] == "the best (1)" and heads[-1].startswith("worse than the best")
    group.select_option("")
    family.select_option("neighbours")
    assert column(page, 0) == ["bias</script>"]
    family.select_option("")
    assert len(column(page, 0)) == 14
    interval = page.locator("#board .interval").first
    assert interval.is_visible()
    page.locator("[name=intervals]").uncheck()
    assert not interval.is_visible()
    more = page.locator("#board thead th", has_text="MAE")
    assert not more.is_visible()
    page.locator("[name=columns]").select_option("all")
    assert more.is_visible() and overflow(page) <= 0
    assert opened.said == []


@pytest.mark.parametrize("opened", [(PHONE, "light")], indirect=True)
def test_the_first_column_and_the_header_stay_in_sight(opened: Opened) -> None:
    page = opened.page
    page.locator("[name=columns]").select_option("all")
    page.locator("#board").evaluate("board => board.scrollTo(300, 200)")
    assert page.locator("#board").evaluate("board => board.scrollLeft") == 300
    script = """cell => {
        const board = document.getElementById("board").getBoundingClientRect();
        const own = cell.getBoundingClientRect();
        return [own.left - board.left, own.top - board.top];
    }"""
    left, _ = page.locator("#board tbody th").last.evaluate(script)
    _, top = page.locator("#board thead th").last.evaluate(script)
    assert abs(left) < 2 and abs(top) < 2


def test_a_card_is_opened_by_its_link_and_has_all_about_the_model(opened: Opened) -> None:
    page = opened.page
    page.locator("#board a", has_text="model_of_a_long_name_0").click()
    card = page.locator("dialog[open]")
    assert page.evaluate("location.hash") == "#model-model_of_a_long_name_0"
    text = card.inner_text()
    for part in ("RMSE", "0.9000", "[0.890, 0.910]", "the best", "Learning curve", "Network"):
        assert part in text
    draw_all(page)
    assert card.locator("figure.chart svg").count() == card.locator("figure.chart").count() == 6
    title = card.locator("svg .role-title-text text", has_text="Calibration of")
    assert title.text_content() == "Calibration of model_of_a_long_name_0"
    page.keyboard.press("Escape")
    assert card.count() == 0 and page.evaluate("location.hash") == ""
    page.evaluate("location.hash = encodeURIComponent('model-bias</script>')")
    page.locator("dialog[open] h2", has_text="bias</script>").wait_for()
    assert "A movie with <b>a</b> title 0" in page.locator("dialog[open]").inner_text()
    page.locator("dialog[open]").get_by_role("button", name="Close").click()
    assert page.locator("dialog[open]").count() == 0 and opened.said == []


def test_the_answer_is_painted_within_a_second(browser: Any, file: Path) -> None:
    context = browser.new_context(viewport={"width": DESKTOP, "height": 900}, offline=True)
    page = context.new_page()
    times = []
    for _ in range(3):  # the machine may be busy
        page.goto(file.as_uri())
        page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
        times.append(
            page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        )
    assert min(times) < 1_000
    answer = page.locator(".answer")
    assert answer.inner_text().startswith("Use popularity to rank movies")
    assert answer.evaluate("own => own.getBoundingClientRect().bottom") < 300
    context.close()


@pytest.mark.parametrize("shown", ["", "#model-model_of_a_long_name_0"])
def test_accessibility_by_lighthouse(
    accessibility: Callable[[str], tuple[float, list[str]]], file: Path, shown: str
) -> None:
    handler = partial(SimpleHTTPRequestHandler, directory=str(file.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:  # it opens no file
        Thread(target=server.serve_forever, daemon=True).start()
        found, failed = accessibility(f"http://127.0.0.1:{server.server_port}/{file.name}{shown}")
        server.shutdown()
    assert found >= 0.95, failed


def test_markup_in_a_name_is_text(opened: Opened) -> None:
    opened.page.locator("#chart-calibration select").select_option("bias</script>")
    assert opened.page.locator("main > section").count() == 6
    assert "<b>a</b>" in opened.page.locator("#lists ~ .columns").last.inner_text()


def test_print_is_light_and_has_every_chart(opened: Opened) -> None:
    opened.page.emulate_media(media="print", color_scheme="light")
    assert brightness(opened.page, "body", "backgroundColor") > 240
    assert not opened.page.locator(".vega-bindings").first.is_visible()
    for name in ("accuracy_vs_cost", "differences", "cohorts", "ratings_per_value"):
        assert opened.page.locator(f"#chart-{name} svg").is_visible()
    pdf = opened.page.pdf(format="A4")
    assert pdf.startswith(b"%PDF") and len(re.findall(rb"/Type\s*/Page\b", pdf)) <= 6
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
