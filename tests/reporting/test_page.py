from __future__ import annotations

import base64
import dataclasses
import gzip
import json
import re
from html.parser import HTMLParser

import pytest
from reporting_samples import CONFIG, LEAK, content, result

from reelbench.models.network.summary import INPUT, Layer
from reelbench.reporting import page
from reelbench.reporting.charts import sections
from reelbench.reporting.comparisons import every_pair

pytestmark = pytest.mark.slow

RESULTS = (result("popularity", None, 0.4), result("bias", 0.9), result("svd<i>", 0.8))
VOID = {"meta", "img", "br", "link", "input"}


class Outline(HTMLParser):
    """Tags that are opened and closed, and what the page would load."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        self.loaded += [str(values[key]) for key in ("src", "href", "srcset") if key in values]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def html() -> str:
    c = content(*RESULTS)
    return page.render(c, sections.charts(c) | {"training": []})


def test_is_well_formed_and_self_contained(html: str) -> None:
    outline = Outline()
    outline.feed(html)
    assert outline.open == []
    # the icon, which a browser would ask for otherwise
    assert outline.loaded[0] == "data:,"
    assert all(link.startswith("#") for link in outline.loaded[1:])
    style = html[html.index("<style>") : html.index("</style>")]
    assert "url(" not in style and "@import" not in style


def test_starts_with_the_doctype(html: str) -> None:
    # anything before it puts browsers into quirks mode
    assert html.lstrip().lower().startswith("<!doctype html>")


def test_the_charts_are_specs_that_hold_their_data(html: str) -> None:
    found = re.findall(r'<script type="application/json">(.+?)</script>', html)
    specs = [json.loads(text) for text in found]
    assert len(specs) == html.count('<figure class="chart') == 10
    assert all(spec["width"] == "container" and spec["description"] for spec in specs)
    assert all("url" not in spec.get("data", {}) for spec in specs)
    # charts with what a model's name would end
    assert any("svd<i>" in json.dumps(spec) for spec in specs)


def test_every_table_of_the_charts_is_there_once(html: str) -> None:
    [found] = re.findall(r'<script type="application/json" id="datasets">(.+?)</script>', html)
    tables = json.loads(found)
    named = re.findall(r'"name":"(data-\w+)"', html)
    assert set(named) == set(tables) and len(set(tables.values())) == len(tables) == 10


def test_one_bundle_draws_them_all(html: str) -> None:
    packed = re.findall(r'<script type="text/plain" id="library">(.+?)</script>', html)
    [library] = [gzip.decompress(base64.b64decode(text)).decode() for text in packed]
    assert library.count("window.vegaEmbed=") == 1
    assert html.count("<script>") == html.count("</script>") - html.count("<script type") == 1


def test_markup_in_data_is_text(html: str) -> None:
    assert "svd&lt;i&gt;" in html and "svd<i>" not in html
    assert "3 twice &amp; &lt;same&gt;" in html


def test_says_what_the_leaderboard_says(html: str) -> None:
    assert LEAK in html
    assert "0.8000" in html and "[0.790, 0.810]" in html
    assert "Better than bias" in html
    board = html[html.index('id="board"') :]
    assert board.index("svd&lt;i&gt;</a>") < board.index("bias</a>") < board.index("popularity</a>")


def test_sections_without_charts_are_left_out(html: str) -> None:
    assert "Learning curve" not in html
    c = content(*RESULTS)
    assert page.render(c, sections.charts(c)).count("<h3>Learning curve</h3>") == len(RESULTS)


def test_networks_as_charts_with_their_layers_as_a_table() -> None:
    layers = [Layer("user_idx", INPUT), Layer("top<i>", "Dense", ("user_idx",), (3, 4), 1_200)]
    c = content(dataclasses.replace(result("dnn"), layers=layers))
    html = page.render(c, sections.charts(c))
    outline = Outline()
    outline.feed(html)
    assert outline.open == []
    assert 'id="chart-network_dnn"' in html
    assert "dnn: 1,200 trained parameters in 2 layers" in html
    cells = ["Dense", "3 by 4", "1,200", "user idx"]
    assert re.findall(r"<td[^>]*>(.*?)</td>", html.split("top&lt;i&gt;</th>")[1])[:4] == cells
    assert "inputs are grey" not in page.render(content(*RESULTS), {})


def test_comparisons_of_many_models_leave_room_for_the_rest() -> None:
    """The page may have 1.5 MB, with cohorts, networks, lists and the data set."""
    results = [result(f"model_{i}", 0.9 + i / 90, 0.1 + i / 300) for i in range(42)]
    c = dataclasses.replace(content(*results), pairs=every_pair(results, CONFIG, 1))
    assert len(c.pairs) == 2 * 42 * 41 / 2
    assert len(page.render(c, sections.charts(c)).encode()) < 900_000


def test_with_a_single_user_nothing_is_claimed() -> None:
    alone = [
        dataclasses.replace(own, per_user=own.per_user[:1])
        for own in (result("bias", 0.9), result("svd", 0.8))
    ]
    c = dataclasses.replace(content(*alone), pairs=every_pair(alone, CONFIG, 1))
    html = page.render(c, sections.charts(c))
    assert "Undecided against bias" in html and "Minimum detectable" not in html
    assert [row[-1] for table in c.best_tables.values() for row in table.rows] == ["—", "—"]


def test_adapts_to_phone_and_to_dark_mode(html: str) -> None:
    assert 'name="viewport" content="width=device-width' in html
    assert "prefers-color-scheme: dark" in html
    # tables wider than the screen scroll in a box of their own
    # (the bundle knows of tables, too)
    tables = html[: html.index("<script>")]
    assert tables.count("<table>") == tables.count('class="scroll"')


def test_a_split_that_does_not_name_its_leak() -> None:
    c = content(*RESULTS)
    c.dataset.split.pop("leak")
    assert "still leaks" not in page.render(c, {})
