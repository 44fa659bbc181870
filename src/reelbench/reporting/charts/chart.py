"""What charts are made of: drawings in YAML, data in the spec, choosers, titles.

Charts are Vega-Lite, made with Altair. Tests check them against its schema, which takes longer than
making them.
"""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import altair as alt
import pandas as pd
import yaml

from reelbench.reporting.charts.style import HEIGHT, Spec, png

AnyChart = alt.TopLevelMixin  # any chart of Altair: a single one, layers, panels
#: what `alt.layer` makes
Layers = alt.LayerChart | alt.FacetChart
ChartT = TypeVar("ChartT", alt.Chart, Layers)

_DRAWINGS = yaml.safe_load(Path(__file__).with_name("charts.yaml").read_text(encoding="utf-8"))
_LETTERS = 48  # letters in a line below a title, on a phone
_PARSED = {"b": "boolean", "f": "number", "i": "number", "u": "number", "M": "date"}


@dataclass(frozen=True)
class Chart:
    """A chart and its texts."""

    name: str  # unique among all charts
    caption: str  # what it shows
    chart: AnyChart | None  # as Altair makes it; None if the source lacks what it would show
    #: what is chosen in each PNG of it, by the name of the file; {}: no PNG
    pictures: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    still: AnyChart | None = None  # what the PNGs show instead, where nothing can be chosen
    wide: bool = False  # whether it has a row of the page to itself
    warning: str = ""  # of a faulty protocol; below the title, as charts are shown without the page

    @cached_property
    def spec(self) -> Spec:
        """Vega-Lite, as wide as its box of the page unless the chart has a width."""
        drawn = self.chart.to_dict(validate=False) if self.chart else {}
        spec: Spec = {"description": self.caption, **drawn}
        spec.pop("config", None)  # Altair's own theme: the page has another
        if "width" not in spec and ("mark" in spec or "layer" in spec):
            spec["width"] = "container"
        if self.warning:
            title = spec.get("title", "")
            title = dict(title) if isinstance(title, Mapping) else {"text": title}
            above = [title["subtitle"]] if "subtitle" in title else []
            spec["title"] = title | {"subtitle": above + textwrap.wrap(self.warning, _LETTERS)}
        return spec

    def pngs(self) -> Iterable[tuple[str, bytes]]:
        """Name of the file and bytes of every PNG."""
        spec = replace(self, chart=self.still).spec if self.still else self.spec
        return ((name, png(spec, chosen)) for name, chosen in self.pictures.items())


def existing(charts: Iterable[Chart], warning: str = "") -> list[Chart]:
    """The charts that the source has the data for, with a warning below each title."""
    return [replace(chart, warning=warning) for chart in charts if chart.chart is not None]


def data(frame: pd.DataFrame) -> alt.InlineData:
    """The rows of a table for a spec: CSV, floats with six digits, nothing for what is unknown."""
    numbers = frame.astype({name: int for name in frame.select_dtypes("bool")})
    day, line = "%Y-%m-%d", "\n"
    text = numbers.to_csv(index=False, float_format="%.6g", date_format=day, lineterminator=line)
    parse = {str(name): _PARSED.get(kind.kind, "string") for name, kind in frame.dtypes.items()}
    return alt.InlineData(values=text, format=alt.CsvDataFormat(type="csv", parse=parse))


def drawn(name: str, **values: Any) -> Any:
    """The chart of that name in `charts.yaml`, with these values for its texts `$…`.

    Returns:
        alt.Chart, or alt.LayerChart if the drawing has layers.
    """
    return _made(_filled(_DRAWINGS[name], {"height": HEIGHT} | values))


def _made(drawing: dict[str, Any]) -> Any:
    if "layer" in drawing:
        return alt.layer(*map(_made, drawing.pop("layer")), **drawing)
    return alt.Chart(**drawing | {"encoding": alt.FacetedEncoding(**drawing["encoding"])})


def _filled(part: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(part, dict):
        return {key: _filled(value, values) for key, value in part.items()}
    if isinstance(part, list):
        return [_filled(value, values) for value in part]
    return values[part[1:]] if isinstance(part, str) and part.startswith("$") else part


def chooser(name: str, options: Sequence[str], label: str | None = None) -> alt.Parameter:
    """A list above the chart to choose from; the first option is chosen at first."""
    bind = alt.binding_select(options=list(options), name=f"{label or name} ")
    return alt.param(name=name, value=options[0], bind=bind)


def choosing(chart: ChartT, table: pd.DataFrame, *columns: str) -> ChartT:
    """The rows with a chosen value of each column, of the values in their order."""
    condition = " && ".join(f"datum.{column} == {column}" for column in columns)
    choosers = [chooser(column, list(table[column].unique())) for column in columns]
    return chart.transform_filter(condition).add_params(*choosers)


def title(expression: str) -> alt.TitleParams:
    """A title that follows what is chosen: an expression of the choosers' names."""
    return alt.TitleParams(text=alt.ExprRef(expression))
