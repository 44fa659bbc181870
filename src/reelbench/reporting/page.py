"""`index.html`: one file with everything in it, so that it opens anywhere and asks for nothing."""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
from markupsafe import Markup

from reelbench.evaluation.significance import ALPHA, RESAMPLES_PER_COMPARISON
from reelbench.reporting.charts import style
from reelbench.reporting.charts.chart import Chart
from reelbench.reporting.comparisons import BASELINE
from reelbench.reporting.content import Content, describe


def render(content: Content, charts: Mapping[str, Sequence[Chart]]) -> str:
    """The whole page.

    Args:
        charts: by section of the page, as `charts.sections` makes them; one that is missing has
            none.
    """
    return environment.get_template("page.html").render(
        content=content,
        charts=defaultdict(list, charts),
        javascript=style.javascript(),
        theme=style.THEME,
        light=style.LIGHT,
        dark=style.DARK,
    )


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
    "data_url": lambda png: f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}",
    "describe": describe,
    "json": _json,
    "thousands": "{:,}".format,
}
environment.globals |= {
    "alpha": ALPHA,
    "baseline": BASELINE,
    "per_comparison": RESAMPLES_PER_COMPARISON,
}
