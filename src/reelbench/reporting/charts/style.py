"""How every chart looks, in the page, as a PNG and in MLflow, and what draws it.

Colours in a chart are CSS variables of the page, so that a chart follows the page from light to
dark and to print; in a PNG they are those of the light page.
"""

import io
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import altair as alt
import yaml

Spec = dict[str, Any]  # Vega-Lite, or a part of it, as JSON

_STYLE = yaml.safe_load(Path(__file__).with_name("style.yaml").read_text(encoding="utf-8"))
LIGHT, DARK = _STYLE["light"], _STYLE["dark"]  # colours of the page by CSS variable
#: modules of models by the name of their family; its colour is `--family-1` and so on
FAMILIES: dict[str, list[str]] = _STYLE["families"]
THEME: Spec = _STYLE["theme"]  # configuration of Vega-Lite

#: of what a chart is about, what it is compared with, and text
MAIN, OTHER, SOFT, TEXT = (f"var(--{name})" for name in ("main", "other", "soft", "text"))
PAGE = "var(--page)"
SERIES = (MAIN, OTHER, "var(--third)", "var(--fourth)")  # of up to four series in one chart

#: pixels: height of a chart, and of a row in a chart with a row per model or genre
HEIGHT = 260
ROW = 18
WIDTH = 480  # pixels: width of a PNG whose chart names none


def png(chart: alt.TopLevelMixin | Spec, chosen: Mapping[str, object] | None = None) -> bytes:
    """A PNG of a chart as the light page shows it, twice as many pixels either way.

    The bytes depend on the versions of vl-convert and Pillow and on nothing else of the machine.

    Args:
        chart: of Altair, or its Vega-Lite; one without a width of its own becomes `WIDTH` wide. It
            looks like `THEME`: a configuration of its own is ignored.
        chosen: value of a parameter of the chart by its name; the others keep their first value.
    """
    import vl_convert
    from PIL import Image

    found: Spec = (
        chart.to_dict(validate=False) if isinstance(chart, alt.TopLevelMixin) else dict(chart)
    )
    if ("mark" in found or "layer" in found) and found.get("width", "container") == "container":
        found["width"] = WIDTH
    values = chosen or {}
    found["params"] = [
        parameter | ({"value": values[parameter["name"]]} if parameter["name"] in values else {})
        for parameter in found.get("params", ())
    ]
    # vl-convert brings this font, so that every machine draws the same PNG
    theme = THEME | {"background": PAGE, "font": "Liberation Sans", "padding": 10}
    text = json.dumps(found | {"config": theme})
    for name, colour in LIGHT.items():
        text = text.replace(f"var(--{name})", colour)
    drawn = vl_convert.vegalite_to_png(text, scale=2)
    buffer = io.BytesIO()  # the same picture in a tenth of the bytes: vl-convert hardly compresses
    Image.open(io.BytesIO(drawn)).convert("RGB").save(buffer, format="PNG")
    return buffer.getvalue()


def family(module: str) -> str:
    """Name of the family of a model, by the module of its class."""
    return next((name for name, own in FAMILIES.items() if module in own), list(FAMILIES)[-1])


@cache
def javascript() -> str:
    """A classic script of 0.9 MB with Vega, Vega-Lite and Vega-Embed that defines `vegaEmbed`."""
    import vl_convert

    version = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    # its stub asks for a snippet that it can do without
    bundle: str = vl_convert.javascript_bundle(vl_version=version)  # type: ignore[call-arg]
    return bundle.replace("</script", "<\\/script")  # in an element <script>, this would end it
