"""Networks drawn from a plain list of their layers."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import altair as alt
import pandas as pd

from reelbench.models.network.summary import INPUT, TABLE, Layer
from reelbench.reporting.charts.chart import Layers, data, drawn

# pixels: room for each letter, which is 10 high, height of a line of text, gaps
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
    right = [*(box.right for box in boxes), *(x for line in lines for x, _ in line)]
    width = max(right) + _GAP_BESIDE
    height = max(box.bottom for box in boxes) + _PAD
    # the name of each layer, in bold, and the lines below it
    texts = [
        ((box.left + box.right) / 2, box.top + _PAD + _LINE * (number + 0.5), text, number == 0)
        for box in boxes
        for number, text in enumerate(_said(box.layer))
    ]
    steps = [(i, j, *point) for i, line in enumerate(lines) for j, point in enumerate(line)]
    drawn_as = [(*b[1:], b.layer.kind in (INPUT, TABLE), b.layer.parameters > 0) for b in boxes]
    tables = {
        "lines": _table(steps, "line", "step", "x", "y"),
        "heads": _table([line[-1] for line in lines], "x", "y"),
        "boxes": _table(drawn_as, "x", "y", "right", "bottom", "given", "trained"),
        "names": _table([text[:3] for text in texts if text[3]], "x", "y", "text"),
        "others": _table([text[:3] for text in texts if not text[3]], "x", "y", "text"),
    }
    size = {"width": round(width), "height": round(height)}
    return drawn("network", **tables, across=[0, width], down=[height, 0], title=title, **size)


def _table(rows: Sequence[Sequence[Any]], *columns: str) -> alt.InlineData:
    return data(pd.DataFrame(rows, columns=columns))


def _said(layer: Layer) -> tuple[str, ...]:
    """Lines of its box: name, operation and output shape, trained parameters if there are any."""
    trained = (f"{layer.parameters:,} trained",) if layer.parameters else ()
    return (layer.label, f"{layer.what} → {layer.size}", *trained)


def _placed(layers: Sequence[Layer]) -> tuple[list[_Box], list[list[tuple[float, float]]]]:
    """Boxes and lines, layered as by Sugiyama et al. (1981): top to bottom, few crossings."""
    from grandalf.graphs import Graph, Vertex
    from grandalf.layouts import SugiyamaLayout

    vertices = {layer.name: Vertex(layer) for layer in layers}
    for vertex in vertices.values():
        texts = _said(vertex.data)
        # size of the box, which the layout reads, and its middle, which it sets
        width = max(map(len, texts)) * _LETTER + 2 * _PAD
        height = len(texts) * _LINE + 2 * _PAD
        vertex.view = SimpleNamespace(w=width, h=height, xy=(0.0, 0.0))
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
