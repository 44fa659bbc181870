"""Charts of the data set. Each is None if the source lacks what it shows."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from reelbench.columns import AGE, ITEM_IDX, RATING, YEAR
from reelbench.reporting.charts.chart import AnyChart, data
from reelbench.reporting.charts.style import FREE, HEIGHT, MAIN, OTHER, ROW, SOFT
from reelbench.reporting.dataset import genres_of, means_of, sums, times_of

# more values than this are drawn in as many equal bins
_MOST_BARS = 12
# a longer history is drawn by week
_MOST_DAYS = 4000
# of a curve over ranks: evenly many per power of ten
_MOST_RANKS = 300
# the mean of a release year with fewer is noise
_FEWEST_RATINGS = 30
_NUMBER = alt.Axis(format=",d", tickMinStep=1)
_YEAR = alt.X(
    "year:Q",
    scale=alt.Scale(zero=False, nice=False),
    axis=alt.Axis(format="d", tickMinStep=1),
    title="release year",
)
_MEAN = alt.Tooltip("mean:Q", format=".3f", title="mean rating")


def per_value(interactions: pd.DataFrame) -> alt.LayerChart:
    """How often each rating was given, with percentages."""
    rating = interactions[RATING]
    binned = pd.cut(rating, _MOST_BARS) if rating.nunique() > _MOST_BARS else rating
    counts = binned.value_counts().sort_index()
    names = [f"{v:g}" if isinstance(v, float) else str(v) for v in counts.index]
    table = pd.DataFrame({"rating": names, "ratings": counts.to_numpy()})
    table["share"] = table["ratings"] / len(rating)
    x = alt.X("rating:O", sort=None, axis=alt.Axis(labelAngle=0))
    bars = _columns(table, x, "ratings", [alt.Tooltip("share:Q", format=".2%")])
    shares = bars.mark_text(dy=-7).encode(text=alt.Text("share:Q", format=".1%"))
    name = alt.Title("How often each rating was given", subtitle=f"mean {rating.mean():.2f}")
    return (bars + shares).properties(title=name)


def per_year(interactions: pd.DataFrame) -> alt.Chart | None:
    """Ratings per calendar year in which they were given, and what they were."""
    times = times_of(interactions)
    if times.empty:
        return None
    own = interactions.loc[times.index, RATING].groupby(times.dt.year)
    found = own.agg(ratings="size", mean="mean").rename_axis("year")
    found = found.reindex(range(found.index.min(), found.index.max() + 1))
    x = alt.X("year:O", axis=alt.Axis(labelAngle=0, labelOverlap=True))
    return _columns(found.fillna({"ratings": 0}).reset_index(), x, "ratings", [_MEAN]).properties(
        title="Ratings per year"
    )


def _columns(
    table: pd.DataFrame, x: alt.X, count: str, tooltip: Sequence[alt.Tooltip] = ()
) -> alt.Chart:
    """A vertical bar per row; numbers below it are those of `count` and of `tooltip`."""
    shown = [x.shorthand, alt.Tooltip(f"{count}:Q", format=","), *tooltip]
    bars = alt.Chart(data(table), height=HEIGHT).mark_bar(color=MAIN)
    return bars.encode(x=x, y=alt.Y(f"{count}:Q", axis=_NUMBER), tooltip=shown)


def per_day(interactions: pd.DataFrame) -> alt.Chart | None:
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
    when = f"{unit}:T"
    dates = "%Y" if days > 1500 else "%b %Y" if days > 60 else "%-d %b %Y"
    area = alt.Chart(data(table), title=f"Ratings per {unit}", height=HEIGHT).mark_area(
        color=MAIN, interpolate="step", line={"color": MAIN}, opacity=0.5
    )
    return area.encode(
        x=alt.X(
            when, timeUnit="utcyearmonthdate", title=None, axis=alt.Axis(labelAngle=0, format=dates)
        ),
        y=alt.Y("ratings:Q", axis=_NUMBER),
        tooltip=[
            alt.Tooltip(when, timeUnit="utcyearmonthdate", title=unit),
            alt.Tooltip("ratings:Q"),
        ],
    )


def long_tail(interactions: pd.DataFrame, by: str, noun: str) -> AnyChart:
    """Ratings of each user or movie (`noun`, by its column) by rank, both axes logarithmic."""
    counts = np.sort(interactions[by].value_counts().to_numpy())[::-1]
    ranks = np.unique(np.geomspace(1, len(counts), _MOST_RANKS).astype(int))
    share = np.cumsum(counts) / counts.sum()
    table = pd.DataFrame({"rank": ranks, "ratings": counts[ranks - 1], "share": share[ranks - 1]})
    log = alt.Scale(type="log", nice=False)
    points = alt.OverlayMarkDef(color=MAIN, size=14)
    line = alt.Chart(data(table)).mark_line(color=MAIN, point=points)
    line = line.encode(
        x=alt.X("rank:Q", scale=log, title=f"rank of the {noun} (logarithmic)"),
        y=alt.Y("ratings:Q", scale=alt.Scale(type="log"), title="ratings (logarithmic)"),
        tooltip=[
            *(alt.Tooltip(f"{name}:Q", format=",") for name in ("rank", "ratings")),
            alt.Tooltip("share:Q", format=".1%", title="share up to here"),
        ],
    )
    half = int(np.searchsorted(share, 0.5)) + 1
    rule = alt.Chart(alt.Data(values=[{"half": half}])).mark_rule(color=OTHER, strokeDash=[4, 4])
    note = f"{half:,} of {len(counts):,} {noun}s have half of them"
    name = alt.Title(f"Ratings per {noun}", subtitle=note)
    return (line + rule.encode(x=alt.X("half:Q", scale=log))).properties(title=name, height=HEIGHT)


def genres(items: pd.DataFrame) -> alt.Chart | None:
    """Movies per genre; a movie counts in each of its genres."""
    by_item = genres_of(items)
    if by_item.empty:
        return None
    table = by_item.value_counts().rename_axis("genre").reset_index(name="movies")
    bars = alt.Chart(data(table), title="Movies per genre", height=ROW * len(table))
    return bars.mark_bar(color=MAIN).encode(
        x=alt.X("movies:Q", axis=_NUMBER, title=None),
        y=alt.Y("genre:N", sort="-x", title=None),
        tooltip=[alt.Tooltip("genre:N"), alt.Tooltip("movies:Q", format=",")],
    )


def mean_per_genre(interactions: pd.DataFrame, items: pd.DataFrame) -> AnyChart | None:
    """Mean rating of the movies of every genre with its 95 % interval."""
    by_item = genres_of(items)
    if by_item.empty:
        return None
    per_item = sums(interactions, ITEM_IDX)
    joined = per_item.join(by_item.rename("genre"), how="inner").groupby("genre").sum()
    table = _bounds(means_of(joined)).rename_axis("genre").reset_index()
    order = list(table.sort_values("mean", ascending=False, kind="stable")["genre"])
    base = alt.Chart(data(table)).encode(y=alt.Y("genre:N", sort=order, title=None))
    overall = interactions[RATING].mean()
    line = alt.Chart(alt.Data(values=[{"mean": overall}])).mark_rule(color=SOFT, strokeDash=[4, 4])
    return alt.layer(
        base.mark_point(color=MAIN, filled=True, opacity=1, size=60).encode(
            x=alt.X("mean:Q", scale=FREE, title=None),
            tooltip=[
                alt.Tooltip("genre:N"),
                _MEAN,
                alt.Tooltip("n:Q", format=",", title="ratings"),
            ],
        ),
        base.mark_rule(color=MAIN, strokeWidth=2).encode(x=alt.X("low:Q"), x2=alt.X2("high:Q")),
        line.encode(x=alt.X("mean:Q")),
        title=alt.Title("Mean rating per genre", subtitle=f"95 % intervals; all: {overall:.2f}"),
        height=ROW * len(table),
    )


def mean_per_year(interactions: pd.DataFrame, items: pd.DataFrame) -> AnyChart | None:
    """Mean rating by the year in which the movie came out, with its 95 % interval."""
    table = _release_years(interactions, items)
    if table is None:
        return None
    shown = table[table["n"] >= min(_FEWEST_RATINGS, table["n"].max())]
    base = alt.Chart(data(shown)).encode(x=_YEAR)
    note = f"95 % intervals; years with {_FEWEST_RATINGS} ratings or more"
    return alt.layer(
        base.mark_area(color=MAIN, opacity=0.2).encode(
            y=alt.Y("low:Q", scale=FREE, title="mean rating"), y2=alt.Y2("high:Q")
        ),
        base.mark_line(color=MAIN, point=alt.OverlayMarkDef(color=MAIN, size=18)).encode(
            y=alt.Y("mean:Q", scale=FREE),
            tooltip=[alt.Tooltip("year:Q", format="d"), _MEAN, alt.Tooltip("n:Q", format=",")],
        ),
        title=alt.Title("Mean rating per release year", subtitle=note),
        height=HEIGHT,
    )


def per_release_year(interactions: pd.DataFrame, items: pd.DataFrame) -> alt.Chart | None:
    """Number of ratings by the year in which the movie came out."""
    table = _release_years(interactions, items)
    if table is None:
        return None
    bars = _columns(table.rename(columns={"n": "ratings"}), _YEAR, "ratings", [_MEAN])
    return bars.mark_bar(color=MAIN, size=4).properties(title="Ratings per release year")


def _release_years(interactions: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame | None:
    if YEAR not in items or items[YEAR].isna().all():
        return None
    year = items.set_index(ITEM_IDX)[YEAR].dropna().astype(np.int64).rename("year")
    per_year = sums(interactions, ITEM_IDX).join(year, how="inner").groupby("year").sum()
    return _bounds(means_of(per_year)).rename_axis("year").reset_index()


def _bounds(means: pd.DataFrame) -> pd.DataFrame:
    """The ends of the intervals: the mean itself for one rating, whose spread is unknown."""
    half = means.pop("half").fillna(0.0)
    return means.assign(low=means["mean"] - half, high=means["mean"] + half)


def ages(users: pd.DataFrame) -> alt.Chart | None:
    """Users by age where it is known; a data set with coded ages has a bar per code."""
    if AGE not in users or users[AGE].isna().all():
        return None
    known = users[AGE].dropna().astype(np.int64)
    coded = known.nunique() <= _MOST_BARS
    floor = known if coded else known // 5 * 5
    counts = floor.value_counts().sort_index()
    names = counts.index.map(str if coded else lambda age: f"{age}-{age + 4}")
    table = pd.DataFrame({"age": names, "users": counts.to_numpy()})
    x = alt.X("age:O", sort=None, axis=alt.Axis(labelAngle=-45))
    name = alt.Title("Ages of users", subtitle=f"median {known.median():g}")
    return _columns(table, x, "users").properties(title=name)
