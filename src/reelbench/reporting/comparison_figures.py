"""Figures of trust: which differences are real, and whether predictions mean what they say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from reelbench.columns import MEAN_GIVEN, MEAN_PREDICTED, N_TEST
from reelbench.reporting.comparisons import Pair
from reelbench.reporting.figures import GREY, new
from reelbench.reporting.results import Result

# worse, no difference shown, better
_COLOURS = ListedColormap(["#F2C4A8", "#F3F4F6", "#A9D2EA"])
# Okabe and Ito's palette without its yellow, which white paper swallows
_LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_STYLES = ("-", "--", ":", "-.")
# bins with fewer ratings jump about
_FEWEST_RATINGS = 20


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
    figure, (axes,) = new(1.3 + 0.42 * len(names))
    for pair in pairs:
        for row, column, sign in ((pair.first, pair.second, 1), (pair.second, pair.first, -1)):
            y, x = place[row], place[column]
            verdicts[y, x] = 0 if pair.better is None else 1 if pair.better == row else -1
            text = f"{sign * pair.comparison.difference:+.4f}"
            axes.text(x, y, text, ha="center", va="center", fontsize=7.5)
    axes.imshow(verdicts, cmap=_COLOURS, vmin=-1, vmax=1, aspect="auto")
    axes.set_xticks(range(len(names)), names, rotation=30, ha="right")
    axes.set_yticks(range(len(names)), names)
    axes.grid(visible=False)
    title = pairs[0].metric.title
    axes.set_title(f"{title}: row less column")
    axes.set_xlabel("blue: row better, orange: row worse, grey: no difference shown", color=GREY)
    return figure


def calibration(results: Sequence[Result]) -> Figure | None:
    """Mean given against mean predicted rating, a line per model that predicts ratings."""
    shown = [result for result in results if len(result.calibration)]
    if not shown:
        return None
    figure, (axes,) = new(4.2)
    for number, result in enumerate(shown):
        table = result.calibration
        table = table[table[N_TEST] >= min(_FEWEST_RATINGS, table[N_TEST].max())]
        axes.plot(
            table[MEAN_PREDICTED],
            table[MEAN_GIVEN],
            _STYLES[number // len(_LINES) % len(_STYLES)],
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
