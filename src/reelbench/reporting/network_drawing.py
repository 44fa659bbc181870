"""Drawing of the layers of a network, from a plain list of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from reelbench.models.network.summary import INPUT, TABLE, Layer
from reelbench.reporting.figures import BLUE, GREY

_FONT_SIZE = 7.5
# inches, of the widest letters that the font has at this size
_LETTER, _LINE = 0.073, 0.145
_PAD = 0.07
_GAP_BESIDE, _GAP_BELOW = 0.18, 0.24
_TITLE = 0.3


class _Place(NamedTuple):
    """Middle and size of each box by name, and the lines between them, in inches."""

    boxes: dict[str, tuple[float, float, float, float]]
    lines: list[list[tuple[float, float]]]
    width: float
    height: float


def drawing(networks: Mapping[str, Sequence[Layer]]) -> Figure:
    """Networks side by side, each from its inputs at the top down; drawn to one scale.

    Args:
        networks: layers by the title above them. A layer comes after those that it reads.
    """
    places = {title: _place(layers) for title, layers in networks.items()}
    width = sum(place.width for place in places.values())
    height = max(place.height for place in places.values())
    figure = Figure(figsize=(width, height + _TITLE))
    left = 0.0
    for title, place in places.items():
        box = (left / width, 0, place.width / width, height / (height + _TITLE))
        bottom = place.height - height
        axes = figure.add_axes(box, xlim=(0, place.width), ylim=(bottom, place.height))
        axes.set_axis_off()
        axes.set_title(title)
        _draw(axes, networks[title], place)
        left += place.width
    return figure


def _place(layers: Sequence[Layer]) -> _Place:
    """Layered as by Sugiyama et al. (1981): reads from top to bottom, few crossings."""
    from grandalf.graphs import Graph, Vertex
    from grandalf.layouts import SugiyamaLayout
    from grandalf.routing import EdgeViewer

    vertices = {layer.name: Vertex(layer.name) for layer in layers}
    for layer in layers:
        vertices[layer.name].view = _Box(layer)
    edges = _edges([(vertices[a], vertices[b.name]) for b in layers for a in b.inputs])
    for edge in edges:
        edge.view = EdgeViewer()
    parts = Graph(list(vertices.values()), edges).C
    left, boxes, lines, height = _GAP_BESIDE, {}, [], 0.0
    for part in parts:
        layout = SugiyamaLayout(part)
        layout.xspace, layout.yspace = _GAP_BESIDE, _GAP_BELOW
        layout.init_all(optimize=True)
        layout.draw()
        views = [vertex.view for vertex in part.sV]
        x = left - min(view.xy[0] - view.w / 2 for view in views)
        top = min(view.xy[1] - view.h / 2 for view in views)
        for vertex in part.sV:
            view = vertex.view
            boxes[vertex.data] = (view.xy[0] + x, view.xy[1] - top, view.w, view.h)
        lines += [_between(edge, x, top) for edge in part.sE]
        left = max(bx + w / 2 for bx, _, w, _ in boxes.values()) + _GAP_BESIDE
        height = max(height, *(by + h / 2 for _, by, _, h in boxes.values()))
    turned = {name: (bx, height - by + _PAD, w, h) for name, (bx, by, w, h) in boxes.items()}
    lines = [[(px, height - py + _PAD) for px, py in line] for line in lines]
    return _Place(turned, lines, left, height + 2 * _PAD)


def _edges(pairs: Sequence[tuple[Any, Any]]) -> list[Any]:
    """Edges that have the same order in every set: Grandalf keeps them in sets, which would order
    them by their addresses in memory."""
    from grandalf.graphs import Edge

    class Numbered(Edge):
        def __hash__(self) -> int:
            return int(self.data)

    return [Numbered(start, end, data=number) for number, (start, end) in enumerate(pairs)]


def _between(edge: Any, x: float, top: float) -> list[tuple[float, float]]:
    """From the lower side of a box, around others, to the upper side of another."""
    start, end = (vertex.view for vertex in edge.v)
    inner = [(px + x, py - top) for px, py in edge.view._pts[1:-1]]
    first = (start.xy[0] + x, start.xy[1] - top + start.h / 2)
    last = (end.xy[0] + x, end.xy[1] - top - end.h / 2)
    return [first, *inner, last]


class _Box:
    """Size of a box, and where its middle is put: what the layout asks of a vertex."""

    def __init__(self, layer: Layer) -> None:
        lines = _lines(layer)
        self.w = max(map(len, lines)) * _LETTER + 2 * _PAD
        self.h = len(lines) * _LINE + 2 * _PAD
        self.xy = (0.0, 0.0)


def _lines(layer: Layer) -> tuple[str, ...]:
    """What its box says."""
    trained = (f"{layer.parameters:,} trained",) if layer.parameters else ()
    return (layer.label, f"{layer.what} → {layer.size}", *trained)


def _draw(axes: Axes, layers: Sequence[Layer], place: _Place) -> None:
    for line in place.lines:
        _arrow(axes, line)
    for layer in layers:
        x, y, width, height = place.boxes[layer.name]
        axes.add_patch(_patch(layer, (x - width / 2, y - height / 2), width, height))
        first, *others = _lines(layer)
        top = y + height / 2 - _PAD - _LINE / 2
        _text(axes, x, top, first, weight="bold")
        for number, text in enumerate(others, start=1):
            _text(axes, x, top - number * _LINE, text)


def _patch(layer: Layer, corner: tuple[float, float], width: float, height: float) -> Any:
    """Given in grey, trained in blue, everything else in white."""
    given = layer.kind in (INPUT, TABLE)
    face = "#F3F4F6" if given else "#DCEBF5" if layer.parameters else "white"
    edge = BLUE if layer.parameters else GREY
    style = "round,pad=0,rounding_size=0.05"
    return FancyBboxPatch(
        corner, width, height, boxstyle=style, facecolor=face, edgecolor=edge, linewidth=0.8
    )


def _arrow(axes: Axes, points: Sequence[tuple[float, float]]) -> None:
    *before, last = points
    axes.plot(*zip(*before, last, strict=True), color=GREY, linewidth=0.8, zorder=0.5)
    style = {"arrowstyle": "-|>", "color": GREY, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", last, before[-1], arrowprops=style, zorder=0.5)


def _text(axes: Axes, x: float, y: float, text: str, **style: Any) -> None:
    axes.text(x, y, text, ha="center", va="center", fontsize=_FONT_SIZE, **style)
