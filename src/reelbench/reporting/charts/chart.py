"""What charts are made of: data in the spec, choosers, titles, a line to compare with.

Charts are Vega-Lite, made with Altair, which checks them against the schema.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import altair as alt
import pandas as pd

from reelbench.reporting.charts.style import SOFT, Spec, png

#: any chart of Altair: a single one, layers, panels
AnyChart = alt.TopLevelMixin
#: what `alt.layer` makes
Layers = alt.LayerChart | alt.FacetChart

# letters in a line below a title, on a phone
_LETTERS = 48
# digits of a float: enough for every metric, and short
_DIGITS = 6
_PARSED = {"b": "boolean", "f": "number", "i": "number", "u": "number", "M": "date"}


@dataclass(frozen=True)
class Drawing:
    """A chart and what is said of it.

    Attributes:
        name: unique among all charts.
        caption: what it shows.
        chart: None where the source lacks what it would show.
        pictures: what is chosen in each PNG of it, by the name of the file; {}: no PNG.
        wide: whether it has a row of the page to itself.
        on_page: False for a chart that is drawn as a PNG only.
    """

    name: str
    caption: str
    chart: AnyChart | None
    pictures: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    wide: bool = False
    on_page: bool = True


@dataclass(frozen=True)
class Chart:
    """A chart as the page shows it: attributes as those of `Drawing`.

    Attributes:
        spec: Vega-Lite, as wide as its box of the page.
    """

    name: str
    caption: str
    spec: Spec
    pictures: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    wide: bool = False
    on_page: bool = True

    def pngs(self) -> Iterable[tuple[str, bytes]]:
        """Name of the file and bytes of every PNG."""
        return ((name, png(self.spec, chosen)) for name, chosen in self.pictures.items())


def finished(drawings: Iterable[Drawing], warning: str = "") -> list[Chart]:
    """The charts that exist.

    Args:
        drawings: some of which may have no chart.
        warning: what is wrong with the protocol; it stands below each title, since a chart can be
            shown without its page.
    """
    return [
        Chart(d.name, d.caption, _spec(d.chart, d.caption, warning), d.pictures, d.wide, d.on_page)
        for d in drawings
        if d.chart is not None
    ]


def _spec(chart: AnyChart, caption: str, warning: str) -> Spec:
    spec: Spec = {"description": caption, **chart.to_dict()}
    # Altair's own theme: the page has another
    spec.pop("config", None)
    if "width" not in spec and ("mark" in spec or "layer" in spec):
        spec["width"] = "container"
    if warning:
        title = spec.get("title", "")
        title = dict(title) if isinstance(title, Mapping) else {"text": title}
        subtitle = title.get("subtitle", [])
        subtitle = [subtitle] if isinstance(subtitle, str) else list(subtitle)
        spec["title"] = title | {"subtitle": [*subtitle, *textwrap.wrap(warning, _LETTERS)]}
    return spec


def data(frame: pd.DataFrame) -> alt.InlineData:
    """The rows of a table for a spec: CSV, floats with six digits, nothing for what is unknown."""
    numbers = frame.astype({name: int for name in frame.select_dtypes("bool")})
    digits, day = f"%.{_DIGITS}g", "%Y-%m-%d"
    text = numbers.to_csv(index=False, float_format=digits, date_format=day, lineterminator="\n")
    parse = {str(name): _PARSED.get(kind.kind, "string") for name, kind in frame.dtypes.items()}
    return alt.InlineData(values=text, format=alt.CsvDataFormat(type="csv", parse=parse))


def chooser(name: str, options: Sequence[str], label: str | None = None) -> alt.Parameter:
    """A list above the chart to choose from; the first option is chosen at first."""
    bind = alt.binding_select(options=list(options), name=f"{label or name} ")
    return alt.param(name=name, value=options[0], bind=bind)


def title(expression: str) -> alt.TitleParams:
    """A title that follows what is chosen: an expression of the choosers' names."""
    return alt.TitleParams(text=alt.ExprRef(expression))


def subtitled(text: str, subtitle: str) -> alt.TitleParams:
    """A title with a second line for the numbers in it: on a phone one line is short."""
    return alt.TitleParams(text=text, subtitle=subtitle)


def level(value: float) -> alt.Chart:
    """A dashed line across the chart, to compare with."""
    line = alt.Chart(alt.Data(values=[{"level": value}]))
    return line.mark_rule(color=SOFT, strokeDash=[4, 4]).encode(y="level:Q")
