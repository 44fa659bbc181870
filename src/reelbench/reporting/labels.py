"""Names beside points of a scatter plot, moved apart where they would cover each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from reelbench.reporting.figures import GREY

# places to try around a point, in points: beside it, then farther away, joined to it by a line
_FAR = 16
_PLACES = [
    (side * distance, height, "left" if side > 0 else "right")
    for distance, heights in ((7, (-3,)), (_FAR, (7, -13, 17, -23, 27, -33)))
    for height in heights
    for side in (1, -1)
]
_LINE = {"arrowstyle": "-", "color": GREY, "linewidth": 0.7, "shrinkA": 0, "shrinkB": 3}
_POINT_RADIUS = 5.0


def label_points(axes: Axes, x: Sequence[float], y: Sequence[float], names: Sequence[str]) -> None:
    """Write each name at the first free place around its point, once all points are drawn."""
    figure = cast(Figure, axes.figure)
    pixels_per_point = figure.dpi / 72
    figure.draw_without_rendering()  # the layout has to be known before distances are
    points = axes.transData.transform(np.column_stack([x, y])) / pixels_per_point
    frame = Bbox(axes.get_window_extent().get_points() / pixels_per_point)
    taken = [Bbox.from_extents(*(p - _POINT_RADIUS), *(p + _POINT_RADIUS)) for p in points]
    for index in np.lexsort((points[:, 1], points[:, 0])):
        others = taken[:index] + taken[index + 1 :]
        dx, dy, side = _free_place(points[index], names[index], others, frame)
        axes.annotate(
            names[index],
            (x[index], y[index]),
            (dx, dy),
            textcoords="offset points",
            ha=side,
            arrowprops=_LINE if abs(dx) == _FAR else None,
        )
        taken.append(_box(points[index], names[index], (dx, dy, side)))


def _free_place(
    point: np.ndarray, name: str, taken: Sequence[Bbox], frame: Bbox
) -> tuple[float, float, str]:
    """The place that covers least and stays in the frame; the first of equals."""

    def cost(place: tuple[float, float, str]) -> int:
        box = _box(point, name, place)
        outside = not (frame.x0 <= box.x0 and box.x1 <= frame.x1)
        return sum(box.overlaps(other) for other in taken) + 10 * outside

    return min(_PLACES, key=cost)


def _box(point: np.ndarray, name: str, place: tuple[float, float, str]) -> Bbox:
    """Where a name would be, in points; 5.4 is a letter's usual width at this size."""
    dx, dy, side = place
    width = 5.4 * len(name)
    left = point[0] + dx - (width if side == "right" else 0)
    return Bbox.from_extents(left, point[1] + dy - 2, left + width, point[1] + dy + 9)
