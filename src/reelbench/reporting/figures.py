"""How every figure of the report looks, and how it becomes the same bytes each time."""

from __future__ import annotations

import io
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import matplotlib as mpl
import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

# Okabe and Ito's palette, which the common kinds of colour blindness keep apart
BLUE = "#0072B2"
ORANGE = "#D55E00"
GREY = "#6B7280"

#: 0.001, 0.1, 1, 10, 1,000: for axes of counts and for logarithmic ones
PLAIN_NUMBERS = FuncFormatter(lambda value, _: f"{value:,.6g}")

#: of a figure that shares its row of the page; a wider one has a row to itself
WIDTH_INCHES = 5.4
_DPI = 165
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so the machine's fonts do not matter
    "font.size": 9.0,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#E5E7EB",
    "grid.linewidth": 0.7,
    "xtick.color": "#374151",
    "ytick.color": "#374151",
    "legend.frameon": False,
    "figure.constrained_layout.w_pad": 0.09,
    "figure.constrained_layout.h_pad": 0.09,
}


class Picture(NamedTuple):
    """A figure as it is stored and shown: name of the file, caption, and the bytes of a PNG."""

    name: str
    caption: str
    png: bytes
    #: whether it has a row of the page to itself
    wide: bool = False


def style() -> AbstractContextManager[None]:
    """Context in which a figure has to be drawn: `with style(): ...`."""
    # from the defaults and not from the user's matplotlibrc, which would change the bytes
    return mpl.style.context(["default", _STYLE])


def new(
    height: float, panels: int = 1, *, side_by_side: bool = False, width: float = WIDTH_INCHES
) -> tuple[Figure, list[Axes]]:
    """Figure with one or more panels.

    Args:
        height, width: inches.
        panels: number of axes.
        side_by_side: panels in a row with a common vertical axis; else in a column with a common
            horizontal one.
    """
    # not through pyplot: it keeps every figure, and picks a window system
    figure = Figure(figsize=(width, height), layout="constrained")
    shape = (1, panels) if side_by_side else (panels, 1)
    axes = figure.subplots(*shape, squeeze=False, sharey=side_by_side, sharex=not side_by_side)
    return figure, list(axes.flat)


def small_multiples(panels: int, columns: int, height: float) -> tuple[Figure, list[Axes]]:
    """Wide figure of small panels with common axes, row by row; places left over stay empty.

    Args:
        height: inches of a row.
    """
    rows = -(-panels // columns)
    figure = Figure(figsize=(1.8 * columns, 0.6 + height * rows), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).flat)
    for empty in axes[panels:]:
        empty.set_visible(False)
    for above in axes[max(0, panels - columns) : panels]:
        above.tick_params(labelbottom=True)
    return figure, axes[:panels]


def png(figure: Figure, colours: int | None = None) -> bytes:
    """Bytes of the figure; without metadata, which would name the version of matplotlib.

    Args:
        colours: at most so many, for a quarter of the bytes where a drawing has few; None: all.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    return buffer.getvalue() if colours is None else _of_few(buffer, colours)


def _of_few(image: io.BytesIO, colours: int) -> bytes:
    from PIL import Image

    few = Image.open(image).convert("RGB").quantize(colours, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    few.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
