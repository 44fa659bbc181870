"""What charts are made of: data in the spec, choosers, titles, a line to compare with.

Charts are Vega-Lite, made with Altair, which checks them against the schema.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

import altair as alt
import numpy as np
import pandas as pd

from reelbench.faults import Fault, warning
from reelbench.reporting.charts.style import SOFT

# of a line below a title, on a phone
_LETTERS = 48
# of a float: enough for every metric, and short
_DIGITS = 6


class Chart(NamedTuple):
    """A chart as the page shows it.

    Attributes:
        name: of its own on the page.
        caption: what it shows.
        spec: Vega-Lite.
        wide: whether it has a row of the page to itself.
    """

    name: str
    caption: str
    spec: dict[str, Any]
    wide: bool = False


#: name, caption and chart, which is None where the source lacks what it shows
Drawn = Iterator[tuple[str, str, alt.TopLevelMixin | None]]


def finished(drawn: Drawn, *, wide: bool = False) -> list[Chart]:
    """The charts that there are, each as wide as its box of the page."""
    return [
        Chart(name, caption, _spec(chart, caption), wide)
        for name, caption, chart in drawn
        if chart is not None
    ]


def _spec(chart: Any, caption: str) -> dict[str, Any]:
    return dict(chart.properties(width="container", description=caption).to_dict())


def data(frame: pd.DataFrame) -> alt.Data:
    """The rows of a table for a spec: six digits, nothing for what is unknown."""
    rows = frame.to_dict("records")
    return alt.Data(
        values=[{str(k): _plain(v) for k, v in row.items() if not _missing(v)} for row in rows]
    )


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def _plain(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value


def chooser(name: str, options: Sequence[str], label: str | None = None) -> alt.Parameter:
    """A list above the chart to choose from; the first option is chosen at first."""
    bind = alt.binding_select(options=list(options), name=f"{label or name} ")
    return alt.param(name=name, value=options[0], bind=bind)


def title(expression: str, faults: Collection[Fault] = ()) -> alt.TitleParams:
    """A title that follows what is chosen: an expression of the choosers' names.

    Below it, if the protocol has faults, what they are: a chart can be saved without its page.
    """
    text = alt.ExprRef(expression)
    if not faults:
        return alt.TitleParams(text=text)
    return alt.TitleParams(text=text, subtitle=textwrap.wrap(warning(faults), _LETTERS))


def subtitled(text: str, subtitle: str) -> alt.TitleParams:
    """A title with a second line for the numbers in it: on a phone one line is short."""
    return alt.TitleParams(text=text, subtitle=subtitle)


def level(value: float) -> alt.Chart:
    """A dashed line across the chart, to compare with."""
    line = alt.Chart(alt.Data(values=[{"level": value}]))
    return line.mark_rule(color=SOFT, strokeDash=[4, 4]).encode(y="level:Q")
