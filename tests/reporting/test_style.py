from __future__ import annotations

import io
import json
import subprocess
import sys

import altair as alt
import pytest
from PIL import Image

from reelbench.reporting.charts import style

_DRAW = """
import altair as alt, hashlib
from reelbench.reporting.charts import style
chart = alt.Chart(alt.Data(values=[{"a": 1}])).mark_bar(color=style.MAIN).encode(x="a:Q")
print(hashlib.sha256(style.png(chart)).hexdigest())
"""


def _bars(**values: object) -> alt.Chart:
    chosen = alt.param(name="shown", value="first")
    rows = [{"name": name, "value": value} for name, value in values.items()]
    bars = alt.Chart(alt.Data(values=rows)).mark_bar(color=style.OTHER).encode(x="value:Q")
    return bars.transform_filter("datum.name == shown").add_params(chosen)


def _image(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png)).convert("RGB")


def _has(png: bytes, colour: str) -> bool:
    counts = _image(png).getcolors(maxcolors=1 << 20) or []
    return tuple(bytes.fromhex(colour.removeprefix("#"))) in {pixel for _, pixel in counts}


@pytest.mark.slow
def test_every_process_draws_the_same_bytes() -> None:
    command = [sys.executable, "-c", _DRAW]
    first, second = (subprocess.check_output(command, text=True) for _ in range(2))
    assert first == second


def test_a_png_has_the_colours_of_the_light_page() -> None:
    png = style.png(_bars(first=1))
    assert _has(png, style.LIGHT["other"]) and _has(png, style.LIGHT["page"])
    assert _image(png).width > 2 * style.WIDTH


def test_a_parameter_can_be_chosen_for_a_png() -> None:
    chart = _bars(first=0, second=5)
    assert not _has(style.png(chart), style.LIGHT["other"])
    assert _has(style.png(chart, {"shown": "second"}), style.LIGHT["other"])


def test_light_and_dark_name_the_same_colours() -> None:
    assert style.LIGHT.keys() == style.DARK.keys()
    for colour in (*style.SERIES, style.MAIN, style.SOFT, style.LINE, style.PAGE, style.RAISED):
        assert colour.removeprefix("var(--").removesuffix(")") in style.LIGHT
    assert json.loads(json.dumps(style.THEME)) == style.THEME
