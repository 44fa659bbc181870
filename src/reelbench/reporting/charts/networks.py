"""Networks drawn from a plain list of their layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import altair as alt
import pandas as pd

from reelbench.models.network.summary import INPUT, TABLE, Layer
from reelbench.reporting.charts.chart import Layers, data
from reelbench.reporting.charts.style import LINE, MAIN, PAGE, RAISED, SOFT, TEXT

# pixels: size of the letters, room for each, height of a line of text, gaps
_FONT_SIZE = 10
_LETTER, _LINE = 6.4, 14.0
_PAD = 7.0
_GAP_BESIDE, _GAP_BELOW = 17.0, 24.0


class _Box(NamedTuple):
    """A layer's box: pixels from the left and from the top of the drawing."""

    layer: Layer
    left: float
    top: float
    right: float
    bottom: float


def network(title: str, layers: Sequence[Layer]) -> Layers:
    """One network as large as its boxes need: inputs grey, trained layers with a blue edge."""
    boxes, lines = _placed(layers)
    ends = [*(box.right for box in boxes), *(x for line in lines for x, _ in line)]
    width = max(ends) + _GAP_BESIDE
    height = max(box.bottom for box in boxes) + _PAD
    x = alt.X("x:Q", scale=alt.Scale(domain=[0, width], nice=False), axis=None)
    y = alt.Y("y:Q", scale=alt.Scale(domain=[height, 0], nice=False), axis=None)
    marks = [*_lines(lines), _boxes(boxes), *_texts(boxes)]
    return alt.layer(
        *(mark.encode(x=x, y=y) for mark in marks),
        title=title,
        width=round(width),
        height=round(height),
    )


def _chart(rows: Sequence[Sequence[Any]], *columns: str) -> alt.Chart:
    return alt.Chart(data(pd.DataFrame(rows, columns=columns)))


def _lines(lines: Sequence[Sequence[tuple[float, float]]]) -> list[alt.Chart]:
    """Lines from box to box, and the heads of the arrows."""
    points = [(i, j, *point) for i, line in enumerate(lines) for j, point in enumerate(line)]
    paths = _chart(points, "line", "step", "x", "y").mark_line(color=SOFT, strokeWidth=1)
    # the tip, not the middle, is where the line ends
    heads = _chart([line[-1] for line in lines], "x", "y").mark_point(
        shape="triangle-down", filled=True, color=SOFT, size=26, opacity=1, yOffset=-3
    )
    return [paths.encode(detail=alt.Detail("line:N"), order=alt.Order("step:Q")), heads]


def _boxes(boxes: Sequence[_Box]) -> alt.Chart:
    rows = [(*box[1:], box.layer.kind in (INPUT, TABLE), box.layer.parameters > 0) for box in boxes]
    chart = _chart(rows, "x", "y", "right", "bottom", "given", "trained")
    return chart.mark_rect(cornerRadius=5, fillOpacity=1, strokeWidth=1.2).encode(
        x2=alt.X2("right:Q"),
        y2=alt.Y2("bottom:Q"),
        fill=alt.when("datum.given").then(alt.value(RAISED)).otherwise(alt.value(PAGE)),
        stroke=alt.when("datum.trained").then(alt.value(MAIN)).otherwise(alt.value(LINE)),
    )


def _texts(boxes: Sequence[_Box]) -> list[alt.Chart]:
    """The name of each layer in bold, and the lines below it."""
    rows = [
        ((box.left + box.right) / 2, box.top + _PAD + _LINE * (number + 0.5), text, number == 0)
        for box in boxes
        for number, text in enumerate(_said(box.layer))
    ]
    names, others = (
        _chart([row[:3] for row in rows if row[3] == first], "x", "y", "text").encode(
            text=alt.Text("text:N")
        )
        for first in (True, False)
    )
    return [
        names.mark_text(fontSize=_FONT_SIZE, color=TEXT, fontWeight="bold"),
        others.mark_text(fontSize=_FONT_SIZE, color=TEXT),
    ]


def _said(layer: Layer) -> tuple[str, ...]:
    """Lines of its box: name, operation and output shape, trained parameters if there are any."""
    trained = (f"{layer.parameters:,} trained",) if layer.parameters else ()
    return (layer.label, f"{layer.what} → {layer.size}", *trained)


class _View:
    """Size of a box and its middle: what the layout reads and sets."""

    def __init__(self, layer: Layer) -> None:
        texts = _said(layer)
        self.w = max(map(len, texts)) * _LETTER + 2 * _PAD
        self.h = len(texts) * _LINE + 2 * _PAD
        self.xy = (0.0, 0.0)


def _placed(layers: Sequence[Layer]) -> tuple[list[_Box], list[list[tuple[float, float]]]]:
    """Boxes and lines, layered as by Sugiyama et al. (1981): top to bottom, few crossings."""
    from grandalf.graphs import Graph, Vertex
    from grandalf.layouts import SugiyamaLayout

    vertices = {layer.name: Vertex(layer) for layer in layers}
    for vertex in vertices.values():
        vertex.view = _View(vertex.data)
    edges = _edges([(vertices[a], vertices[b.name]) for b in layers for a in b.inputs])
    boxes, lines, left = [], [], _GAP_BESIDE
    for part in Graph(list(vertices.values()), edges).C:
        layout = SugiyamaLayout(part)
        layout.xspace, layout.yspace = _GAP_BESIDE, _GAP_BELOW
        layout.init_all(optimize=True)
        layout.draw()
        views = [vertex.view for vertex in part.sV]
        x = left - min(view.xy[0] - view.w / 2 for view in views)
        y = _PAD - min(view.xy[1] - view.h / 2 for view in views)
        for vertex, view in zip(part.sV, views, strict=True):
            box_left, top = view.xy[0] - view.w / 2 + x, view.xy[1] - view.h / 2 + y
            boxes.append(_Box(vertex.data, box_left, top, box_left + view.w, top + view.h))
        lines += [_between(edge, x, y) for edge in part.sE]
        left = max(box.right for box in boxes) + _GAP_BESIDE
    return boxes, lines


def _edges(pairs: Sequence[tuple[Any, Any]]) -> list[Any]:
    """Edges that have the same order in every set.

    Grandalf keeps them in sets, which would order them by their addresses in memory.
    """
    from grandalf.graphs import Edge
    from grandalf.routing import EdgeViewer

    class Numbered(Edge):
        def __hash__(self) -> int:
            return int(self.data)

    edges = [Numbered(start, end, data=number) for number, (start, end) in enumerate(pairs)]
    for edge in edges:
        edge.view = EdgeViewer()
    return edges


def _between(edge: Any, x: float, y: float) -> list[tuple[float, float]]:
    """From the lower side of a box, around others, to the upper side of another."""
    start, end = (vertex.view for vertex in edge.v)
    inner = [(px + x, py + y) for px, py in edge.view._pts[1:-1]]
    first = (start.xy[0] + x, start.xy[1] + y + start.h / 2)
    last = (end.xy[0] + x, end.xy[1] + y - end.h / 2)
    return [first, *inner, last]
