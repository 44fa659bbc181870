"""Figures of trust: which differences are real, and whether predictions mean what they say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from reelbench.columns import MEAN_GIVEN, MEAN_PREDICTED
from reelbench.reporting.comparisons import Pair
from reelbench.reporting.figures import BLUE, GREY, new, small_multiples
from reelbench.reporting.results import Result, thick_bins

# worse, no difference shown, better
_COLOURS = ListedColormap(["#F2C4A8", "#F3F4F6", "#A9D2EA"])
# Okabe and Ito's palette without its yellow, which white paper swallows
_LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_STYLES = ("-", "--")
_FAINT = "#D1D5DB"
# models whose differences have room for four decimals, and whose lines can be told apart
_MOST_WITH_DECIMALS = 10
_MOST_LINES = 8


def significance_matrix(pairs: Sequence[Pair]) -> Figure | None:
    """Row less column in one metric; coloured where a paired test tells the two apart.

    Args:
        pairs: all of one metric, in the order of the leaderboard.
    """
    if not pairs:
        return None
    names = list(dict.fromkeys([pairs[0].first, *(pair.second for pair in pairs)]))
    place = {name: number for number, name in enumerate(names)}
    verdicts = np.full((len(names), len(names)), np.nan)
    few = len(names) <= _MOST_WITH_DECIMALS
    figure, (axes,) = new(1.3 + 0.42 * len(names)) if few else _square(len(names))
    for pair in pairs:
        for turned in (pair, pair.reversed()):
            y, x = place[turned.first], place[turned.second]
            better = turned.better
            verdicts[y, x] = 0 if better is None else 1 if better == turned.first else -1
            difference = turned.comparison.difference
            text = f"{difference:+.4f}" if few else _thousandths(difference)
            axes.text(x, y, text, ha="center", va="center", fontsize=7.5 if few else 6)
    axes.imshow(verdicts, cmap=_COLOURS, vmin=-1, vmax=1, aspect="auto")
    slant = {"rotation": 30, "ha": "right"} if few else {"rotation": 90}
    axes.set_xticks(range(len(names)), names, **slant)
    axes.set_yticks(range(len(names)), names)
    axes.grid(visible=False)
    unit = "" if few else ", in thousandths"
    axes.set_title(f"{pairs[0].metric.title}: row less column{unit}")
    axes.set_xlabel("blue: row better, orange: row worse, grey: no difference shown", color=GREY)
    return figure


def _thousandths(difference: float) -> str:
    number = round(1000 * difference)
    return f"{number:+d}" if number else "0"


def _square(models: int) -> tuple[Figure, list[Axes]]:
    """Figure of a matrix of many models, with room for their names."""
    return new(1.9 + 0.25 * models, width=1.4 + 0.3 * models)


def calibration(results: Sequence[Result]) -> Figure | None:
    """Whether predictions mean what they say, of every model that predicts ratings.

    A line per model of mean given against mean predicted ratings; for more models than a reader
    can tell lines apart, a panel per model of what the mean given rating is above the prediction.
    """
    shown = [result for result in results if len(result.calibration)]
    if not shown:
        return None
    return _calibration_panels(shown) if len(shown) > _MOST_LINES else _calibration_lines(shown)


def _calibration_lines(results: Sequence[Result]) -> Figure:
    figure, (axes,) = new(4.2)
    for number, result in enumerate(results):
        table = thick_bins(result)
        axes.plot(
            table[MEAN_PREDICTED],
            table[MEAN_GIVEN],
            _STYLES[number // len(_LINES)],
            color=_LINES[number % len(_LINES)],
            marker="o",
            markersize=3,
            linewidth=1.2,
            label=result.name,
        )
    ends = np.array(axes.get_xlim())
    axes.plot(ends, ends, "--", color=GREY, linewidth=1, label="perfect")
    axes.set_title("Predicted ratings against what was given")
    axes.set_xlabel("mean predicted rating of a bin")
    axes.set_ylabel("mean given rating")
    axes.legend(fontsize=8)
    return figure


def _calibration_panels(results: Sequence[Result]) -> Figure:
    figure, panels = small_multiples(len(results), columns=6, height=1.35)
    tables = [thick_bins(result) for result in results]
    for axes, result, own in zip(panels, results, tables, strict=True):
        for table in tables:
            axes.plot(*_excess(table), color=_FAINT, linewidth=0.8)
        axes.plot(*_excess(own), "o-", color=BLUE, markersize=2.5, linewidth=1.2)
        axes.axhline(0, color=GREY, linewidth=0.8, linestyle="--")
        axes.set_title(result.name, fontsize=9)
    figure.suptitle("Mean given rating less the predicted one", x=0.01, ha="left", weight="bold")
    figure.supxlabel("mean predicted rating of a bin; grey: the other models", fontsize=9)
    return figure


def _excess(table: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Predicted rating, and what the given one is above it."""
    return table[MEAN_PREDICTED], table[MEAN_GIVEN] - table[MEAN_PREDICTED]
