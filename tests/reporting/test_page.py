from __future__ import annotations

import base64
import re
from html.parser import HTMLParser

import pytest
from reporting_samples import LEAK, content, result

from reelbench.reporting import page, pictures
from reelbench.reporting.content import Content
from reelbench.reporting.figures import Picture

RESULTS = (result("popularity", None, 0.4), result("bias", 0.9), result("svd<i>", 0.8))
VOID = {"meta", "img", "br", "link"}


class Outline(HTMLParser):
    """Tags that are opened and closed, and what the page would load."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        self.images += [values] if tag == "img" else []
        self.loaded += [str(values[key]) for key in ("src", "href", "srcset") if key in values]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def sections(c: Content) -> dict[str, list[Picture]]:
    return {
        "leaderboard": pictures.of_leaderboard(c.results, c.k),
        "costs": pictures.of_costs(c.results, c.k),
        "training": [],
        "predictions": [],
        "data": [],
    }


@pytest.fixture(scope="module")
def html() -> str:
    c = content(*RESULTS)
    return page.render(c, sections(c))


def test_is_well_formed_and_self_contained(html: str) -> None:
    outline = Outline()
    outline.feed(html)
    assert outline.open == []
    assert len(outline.images) == 2
    assert all(url.startswith("data:image/png;base64,") for url in outline.loaded)
    assert all(image["alt"] for image in outline.images)
    assert "<script" not in html and "url(" not in html and "@import" not in html


def test_starts_with_the_doctype(html: str) -> None:
    # anything before it puts browsers into quirks mode
    assert html.lstrip().lower().startswith("<!doctype html>")


def test_images_are_the_figures(html: str) -> None:
    encoded = re.search(r'src="data:image/png;base64,([^"]+)"', html)
    assert base64.b64decode(encoded[1])[:8] == b"\x89PNG\r\n\x1a\n"


def test_markup_in_data_is_text(html: str) -> None:
    assert "svd&lt;i&gt;" in html and "svd<i>" not in html
    assert "3 twice &amp; &lt;same&gt;" in html


def test_says_what_the_leaderboard_says(html: str) -> None:
    assert LEAK in html
    assert "0.8000" in html and "[0.790, 0.810]" in html
    assert "Better than bias" in html
    assert html.index("svd&lt;i&gt;</th>") < html.index("bias</th>") < html.index("popularity</th>")


def test_sections_without_figures_are_left_out(html: str) -> None:
    assert "Learning curves" not in html
    c = content(*RESULTS)
    with_curves = sections(c) | {"training": pictures.of_training(c.results)}
    assert "Learning curves" in page.render(c, with_curves)


def test_adapts_to_phone_and_to_dark_mode(html: str) -> None:
    assert 'name="viewport" content="width=device-width' in html
    assert "prefers-color-scheme: dark" in html
    # tables wider than the screen scroll in a box of their own
    assert html.count("<table>") == html.count('class="scroll"')


def test_a_split_that_does_not_name_its_leak() -> None:
    c = content(*RESULTS)
    c.dataset.split.pop("leak")
    assert "still leaks" not in page.render(c, sections(c))
