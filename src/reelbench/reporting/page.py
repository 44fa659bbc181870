"""`index.html`: one file with everything in it, so that it opens anywhere and asks for nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
from markupsafe import Markup

from reelbench.evaluation.significance import ALPHA, RESAMPLES_PER_COMPARISON
from reelbench.reporting.charts import style
from reelbench.reporting.charts.chart import Chart
from reelbench.reporting.comparisons import BASELINE
from reelbench.reporting.content import Content, describe

SECTIONS = (
    *("leaderboard", "costs", "differences", "cohorts"),
    *("training", "networks", "predictions", "data"),
)


def render(content: Content, charts: Mapping[str, Sequence[Chart]]) -> str:
    """The whole page.

    Args:
        charts: by section of the page, as `charts.sections` makes them; one that is missing has
            none.
    """
    on_page = {name: [c for c in charts.get(name, ()) if c.on_page] for name in SECTIONS}
    return environment.get_template("page.html").render(
        content=content,
        charts=on_page,
        javascript=style.javascript(),
        theme=style.THEME,
        light=style.LIGHT,
        dark=style.DARK,
    )


def _data_url(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"


def _json(value: Any) -> Markup:
    """For an element <script>, where nothing but `</` and `<!--` means anything to a browser."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return Markup(text.replace("<", "\\u003c"))


#: of the templates; in HTML, markup in a title or a model's name is text
environment = jinja2.Environment(
    loader=jinja2.PackageLoader("reelbench.reporting"),
    autoescape=jinja2.select_autoescape(["html"]),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
environment.filters |= {
    "data_url": _data_url,
    "describe": describe,
    "json": _json,
    "thousands": "{:,}".format,
}
environment.globals |= {
    "alpha": ALPHA,
    "baseline": BASELINE,
    "per_comparison": RESAMPLES_PER_COMPARISON,
}
