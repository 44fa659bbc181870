"""`index.html`, one file with everything in it, which needs no network, and `leaderboard.md`."""

import base64
import gzip
import html
import json
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jinja2
from markupsafe import Markup

from reelbench.evaluation.metrics import RatingMetric
from reelbench.evaluation.significance import ALPHA, RESAMPLES_OF_FAMILY
from reelbench.reporting.charts import style
from reelbench.reporting.charts.chart import Chart
from reelbench.reporting.comparisons import BASELINE, WITHOUT_TEXT
from reelbench.reporting.content import Content, describe
from reelbench.reporting.tables import MISSING, Cell, Column, Table


def render(content: Content, charts: Mapping[str, Sequence[Chart]]) -> str:
    """The whole page, with charts by section as `charts.sections` makes them."""
    page = environment.get_template("page.html")
    return page.render(content=content, charts=defaultdict(list, charts), style=style)


def leaderboard(content: Content) -> str:
    """The leaderboard, and how to read it, in Markdown."""

    def table(columns: Sequence[Column], show: Callable[[Column, Cell], str]) -> Table:
        rows = []
        for model, cells in content.rows:
            by_column = dict(zip(content.columns, cells, strict=True))
            rows.append([model, *(show(column, by_column[column]) for column in columns)])
        return Table(["model", *(c.title for c in columns)], "l" + "r" * len(columns), rows)

    def main(column: Column, cell: Cell) -> str:
        text = f"**{cell.text}**" if cell.best else cell.text
        return f"{text} {cell.interval}".strip() if isinstance(column, RatingMetric) else text

    known = {key for r in content.results for key in r.metrics.get("intervals", {})}
    # those of rating metrics stand in the first table
    ranking = [c for c in content.columns if c.key in known and not isinstance(c, RatingMetric)]
    text = environment.get_template("leaderboard.md").render(
        content=content,
        leaderboard=table(content.columns, main),
        intervals=table(ranking, lambda column, cell: cell.interval or MISSING),
    )
    return f"{text}\n"


def _marked(text: str) -> Markup:
    """Markdown with nothing but names of models in backticks."""
    return Markup(re.sub("`([^`]+)`", r"<b>\1</b>", html.escape(str(text))))


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
_FILTERS: dict[str, Callable[..., Any]] = {
    "data_url": lambda png: f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}",
    "describe": describe,
    "json": _json,
    "family": style.family,
    "marked": _marked,
    # in gzip, which browsers unpack themselves
    "packed": lambda text: base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode("ascii"),
    "thousands": "{:,}".format,
}
environment.filters |= _FILTERS
environment.globals |= {"alpha": ALPHA, "baseline": BASELINE, "of_family": RESAMPLES_OF_FAMILY}
environment.globals |= {"missing": MISSING, "without_text": WITHOUT_TEXT}
