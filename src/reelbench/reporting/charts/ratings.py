"""Charts of the data set. Each is None if the source lacks what it shows."""

import altair as alt
import numpy as np
import pandas as pd

from reelbench.columns import AGE, ITEM_IDX, RATING, YEAR
from reelbench.reporting.charts.chart import AnyChart, data, drawn
from reelbench.reporting.charts.style import ROW
from reelbench.reporting.dataset import genres_of, means_of, sums, times_of

_MOST_BARS = 12  # more values than this are drawn in as many equal bins
_MOST_DAYS = 4000  # a longer history is drawn by week
_MOST_RANKS = 300  # of a curve over ranks: evenly many per power of ten
_FEWEST_RATINGS = 30  # the mean of a release year with fewer is noise


def per_value(interactions: pd.DataFrame) -> AnyChart:
    """How often each rating was given, with percentages."""
    rating = interactions[RATING]
    binned = pd.cut(rating, _MOST_BARS) if rating.nunique() > _MOST_BARS else rating
    counts = binned.value_counts().sort_index()
    names = [f"{v:g}" if isinstance(v, float) else str(v) for v in counts.index]
    table = pd.DataFrame({"rating": names, "ratings": counts.to_numpy()})
    table["share"] = table["ratings"] / len(rating)
    return drawn("per_value", data=data(table), note=f"mean {rating.mean():.2f}")


def per_day(interactions: pd.DataFrame) -> AnyChart | None:
    """Ratings per day, or per week of a long history."""
    times = times_of(interactions)
    if times.empty:
        return None
    days = (times.max() - times.min()).days
    daily = days <= _MOST_DAYS
    counts = times.dt.to_period("D" if daily else "W").value_counts()
    counts = counts.reindex(pd.period_range(counts.index.min(), counts.index.max()), fill_value=0)
    unit = "day" if daily else "week"
    table = pd.DataFrame({unit: counts.index.start_time, "ratings": counts.to_numpy()})
    dates = "%Y" if days > 1500 else "%b %Y" if days > 60 else "%-d %b %Y"
    title = f"Ratings per {unit}"
    return drawn("per_day", data=data(table), unit=unit, dates=dates, title=title)


def long_tail(interactions: pd.DataFrame, by: str, noun: str) -> AnyChart:
    """Ratings of each user or movie (`noun`, by its column) by rank, both axes logarithmic."""
    counts = np.sort(interactions[by].value_counts().to_numpy())[::-1]
    ranks = np.unique(np.geomspace(1, len(counts), _MOST_RANKS).astype(int))
    share = np.cumsum(counts) / counts.sum()
    table = pd.DataFrame({"rank": ranks, "ratings": counts[ranks - 1], "share": share[ranks - 1]})
    half = int(np.searchsorted(share, 0.5)) + 1
    return drawn(
        "long_tail",
        data=data(table),
        axis=f"rank of the {noun} (logarithmic)",
        half=alt.Data(values=[{"half": half}]),
        title=f"Ratings per {noun}",
        note=f"{half:,} of {len(counts):,} {noun}s have half of them",
    )


def genres(items: pd.DataFrame) -> AnyChart | None:
    """Movies per genre; a movie counts in each of its genres."""
    by_item = genres_of(items)
    if by_item.empty:
        return None
    table = by_item.value_counts().rename_axis("genre").reset_index(name="movies")
    return drawn("genres", data=data(table), height=ROW * len(table))


def mean_per_genre(interactions: pd.DataFrame, items: pd.DataFrame) -> AnyChart | None:
    """Mean rating of the movies of every genre with its 95 % interval."""
    by_item = genres_of(items)
    if by_item.empty:
        return None
    per_item = sums(interactions, ITEM_IDX)
    joined = per_item.join(by_item.rename("genre"), how="inner").groupby("genre").sum()
    table = _bounds(means_of(joined)).rename_axis("genre").reset_index()
    order = list(table.sort_values("mean", ascending=False, kind="stable")["genre"])
    mean = interactions[RATING].mean()
    overall = alt.Data(values=[{"mean": mean}])
    shown = {"order": order, "overall": overall, "height": ROW * len(table)}
    note = f"95 % intervals; all: {mean:.2f}"
    return drawn("mean_per_genre", data=data(table), note=note, **shown)


def mean_per_year(interactions: pd.DataFrame, items: pd.DataFrame) -> AnyChart | None:
    """Mean rating by the year in which the movie came out, with its 95 % interval."""
    if YEAR not in items or items[YEAR].isna().all():
        return None
    year = items.set_index(ITEM_IDX)[YEAR].dropna().astype(np.int64).rename("year")
    per_year = sums(interactions, ITEM_IDX).join(year, how="inner").groupby("year").sum()
    table = _bounds(means_of(per_year)).rename_axis("year").reset_index()
    shown = table[table["n"] >= min(_FEWEST_RATINGS, table["n"].max())]
    note = f"95 % intervals; years with {_FEWEST_RATINGS} ratings or more"
    return drawn("mean_per_year", data=data(shown), note=note)


def _bounds(means: pd.DataFrame) -> pd.DataFrame:
    """The ends of the intervals: the mean itself for one rating, whose spread is unknown."""
    half = means.pop("half").fillna(0.0)
    return means.assign(low=means["mean"] - half, high=means["mean"] + half)


def ages(users: pd.DataFrame) -> AnyChart | None:
    """Users by age where it is known; a data set with coded ages has a bar per code."""
    if AGE not in users or users[AGE].isna().all():
        return None
    known = users[AGE].dropna().astype(np.int64)
    coded = known.nunique() <= _MOST_BARS
    floor = known if coded else known // 5 * 5
    counts = floor.value_counts().sort_index()
    names = counts.index.map(str if coded else lambda age: f"{age}-{age + 4}")
    table = pd.DataFrame({"age": names, "users": counts.to_numpy()})
    return drawn("ages", data=data(table), note=f"median {known.median():g}")
