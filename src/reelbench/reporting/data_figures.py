"""Figures of the data set. Each takes a table and is None where the source lacks what it shows."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reelbench.columns import GENRES, ITEM_IDX, RATING, TIMESTAMP, USER_IDX, YEAR
from reelbench.reporting.figures import BLUE, GREY, ORANGE, PLAIN_NUMBERS, new

# a shorter history is drawn by month
_FEWEST_YEARS = 4
# half the width of a 95 % interval of a mean, in standard errors
_NORMAL_95 = 1.96
# a release year with fewer says nothing about its movies
_FEWEST_RATINGS = 30


def ratings_per_value(interactions: pd.DataFrame) -> Figure:
    """How often every rating was given."""
    counts = interactions[RATING].value_counts().sort_index()
    values = counts.index.to_numpy(np.float64)
    step = np.diff(values).min() if len(values) > 1 else 1.0
    figure, (axes,) = new(3.0)
    axes.bar(values, counts.to_numpy(), width=0.8 * step, color=BLUE)
    mean = interactions[RATING].mean()
    axes.axvline(mean, color=ORANGE, linestyle="--", label=f"mean {mean:.2f}")
    _finish(axes, "Ratings per value", "rating", "number of ratings")
    if len(values) <= 12:
        axes.set_xticks(values)
    axes.legend()
    return figure


def ratings_over_time(interactions: pd.DataFrame) -> Figure | None:
    """Ratings per calendar year in which they were given, or per month of a short history."""
    times = interactions[TIMESTAMP].dropna()
    times = pd.to_datetime(times[times >= 0].astype(np.int64), unit="s")
    if times.empty:
        return None
    by_year = times.dt.year.max() - times.dt.year.min() + 1 >= _FEWEST_YEARS
    periods = times.dt.to_period("Y" if by_year else "M")
    counts = periods.value_counts()
    counts = counts.reindex(pd.period_range(periods.min(), periods.max()), fill_value=0)
    unit = "year" if by_year else "month"
    figure, (axes,) = new(3.0)
    axes.bar(np.arange(len(counts)), counts.to_numpy(), width=0.8, color=BLUE)
    shown = np.arange(0, len(counts), max(1, len(counts) // 8))
    axes.set_xticks(shown, list(counts.index[shown].astype(str)))
    _finish(axes, f"Ratings per {unit}", f"{unit} of the rating", "number of ratings")
    return figure


def ratings_per_user(interactions: pd.DataFrame) -> Figure:
    """How many users gave how many ratings."""
    counts = interactions[USER_IDX].value_counts().to_numpy()
    return _activity(counts, "Ratings per user", "ratings of a user", "number of users")


def ratings_per_movie(interactions: pd.DataFrame) -> Figure:
    """How many movies got how many ratings."""
    counts = interactions[ITEM_IDX].value_counts().to_numpy()
    return _activity(counts, "Ratings per movie", "ratings of a movie", "number of movies")


def _activity(counts: np.ndarray, title: str, x: str, y: str) -> Figure:
    figure, (axes,) = new(3.0)
    # edges on half numbers: no count falls on one, and 1, 2 and 3 get bars of their own
    wide = np.geomspace(counts.min(), counts.max() + 1, 24)
    edges = np.unique(np.concatenate([np.floor(wide) - 0.5, [counts.max() + 0.5]]))
    axes.hist(counts, bins=edges.tolist(), color=BLUE, edgecolor="white", linewidth=0.4)
    median = np.median(counts)
    axes.axvline(median, color=ORANGE, linestyle="--", label=f"median {median:g}")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(PLAIN_NUMBERS)
    _finish(axes, title, f"{x} (logarithmic)", y)
    axes.legend()
    return figure


def genres(items: pd.DataFrame) -> Figure | None:
    """Movies per genre; a movie counts in each of its genres."""
    by_item = genres_of(items)
    if by_item.empty:
        return None
    counts = by_item.value_counts()
    counts = counts.loc[sorted(counts.index, key=lambda name: (counts[name], name))]
    figure, (axes,) = new(1.0 + 0.19 * len(counts))
    axes.barh(counts.index, counts.to_numpy(), color=BLUE)
    axes.grid(axis="y", visible=False)
    axes.margins(y=0.01)
    axes.set_title("Movies per genre")
    axes.set_xlabel("number of movies")
    axes.xaxis.set_major_formatter(PLAIN_NUMBERS)
    return figure


def mean_rating_per_genre(interactions: pd.DataFrame, items: pd.DataFrame) -> Figure | None:
    """Mean rating of the movies of every genre with its 95 % interval."""
    by_item = genres_of(items)
    if by_item.empty:
        return None
    per_item = sums(interactions, ITEM_IDX)
    joined = per_item.join(by_item.rename("group"), how="inner").groupby("group").sum()
    means = means_of(joined).sort_values("mean", kind="stable")
    figure, (axes,) = new(1.0 + 0.19 * len(means))
    mean, half = means["mean"], means["half"]
    axes.errorbar(mean, means.index, xerr=half, fmt="o", color=BLUE, markersize=4.5)
    overall = interactions[RATING].mean()
    axes.axvline(overall, color=GREY, linestyle="--", label=f"all ratings: {overall:.2f}")
    axes.set_title("Mean rating per genre, with 95 % intervals")
    axes.set_xlabel("mean rating")
    axes.margins(y=0.03)
    axes.legend(loc="lower right")
    return figure


def release_year(interactions: pd.DataFrame, items: pd.DataFrame) -> Figure | None:
    """Mean rating and number of ratings by the year in which the movie came out."""
    if YEAR not in items or items[YEAR].isna().all():
        return None
    year = items.set_index(ITEM_IDX)[YEAR].dropna().astype(np.int64)
    per_year = sums(interactions, ITEM_IDX).join(year.rename("group"), how="inner")
    means = means_of(per_year.groupby("group").sum())
    told = means[means["n"] >= min(_FEWEST_RATINGS, means["n"].max())]
    figure, (upper, lower) = new(4.4, 2)
    mean, half = told["mean"], told["half"]
    upper.plot(mean.index, mean, color=BLUE, linewidth=1.2)
    band = upper.fill_between(mean.index, mean - half, mean + half, color=BLUE, alpha=0.2)
    band.set(linewidth=0, label=f"95 % interval, years with {_FEWEST_RATINGS} ratings")
    low, high = interactions[RATING].min(), interactions[RATING].max()
    upper.set_ylim(low, high)
    upper.legend(loc="lower left")
    lower.bar(means.index, means["n"], width=0.9, color=BLUE)
    upper.set_title("Ratings by the year in which the movie came out")
    upper.set_ylabel("mean rating")
    lower.set_ylabel("number of ratings")
    lower.set_xlabel("release year")
    lower.yaxis.set_major_formatter(PLAIN_NUMBERS)
    lower.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    return figure


def times_of(interactions: pd.DataFrame) -> pd.Series:
    """When ratings were given, UTC; without those of unknown time."""
    times = interactions[TIMESTAMP].dropna()
    return pd.to_datetime(times[times >= 0].astype(np.int64), unit="s")


def genres_of(items: pd.DataFrame) -> pd.Series:
    """A row per movie and genre, indexed by `item_idx`; empty where the source has no genres."""
    if GENRES not in items:
        return pd.Series(dtype=object)
    return items.set_index(ITEM_IDX)[GENRES].explode().dropna()


def sums(interactions: pd.DataFrame, by: str) -> pd.DataFrame:
    """Count, sum and sum of squares of the ratings of every group."""
    rating = interactions[RATING]
    columns = pd.DataFrame({"n": 1, "sum": rating, "squares": rating**2})
    return columns.groupby(interactions[by]).sum()


def means_of(per_group: pd.DataFrame) -> pd.DataFrame:
    """Mean, and half the width of its 95 % interval: unknown, so not drawn, for one rating.

    Args:
        per_group: what `sums` returned, or sums of it.
    """
    n, mean = per_group["n"], per_group["sum"] / per_group["n"]
    variance = (per_group["squares"] - n * mean**2).clip(lower=0) / (n - 1)
    half = _NORMAL_95 * np.sqrt(variance / n)
    return pd.DataFrame({"n": n, "mean": mean, "half": half})


def _finish(axes: Axes, title: str, x: str, y: str) -> None:
    axes.set_title(title)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.yaxis.set_major_formatter(PLAIN_NUMBERS)
    axes.grid(axis="x", visible=False)
