"""The figures of the publications in Altair, each with the numbers it shows as a CSV beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import altair as alt
import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from reelbench import paths
from reelbench.columns import (
    AGE,
    BUDGET,
    ITEM_IDX,
    POPULARITY,
    RATING,
    RELEASE_DATE,
    REVENUE,
    RUNTIME,
    USER_IDX,
    VOTE_COUNT,
    YEAR,
)
from reelbench.files import atomic, write_json
from reelbench.reporting.charts import ratings
from reelbench.reporting.charts.chart import data
from reelbench.reporting.charts.style import HEIGHT, MAIN, OTHER, SERIES, SOFT, WIDTH, png
from reelbench.reporting.dataset import genres_of, means_of, sums, times_of
from replications.measure import Results, Study
from replications.published import System, Variant
from replications.results import FOLDER, Result, Spread, counts
from replications.tables import title

#: counts above these were published as these: ratings of a movie, and of a user
CLIP_MOVIE, CLIP_USER = 9_999, 199
#: a genre or year with fewer ratings is not named the highest or the lowest
FEWEST = 100
#: numeric columns of TMDB 5000, and those that the publication took the logarithm of
NUMERIC = (BUDGET, POPULARITY, REVENUE, RUNTIME, VOTE_COUNT)
_ZERO_IF_UNKNOWN = (BUDGET, REVENUE, RUNTIME)
_LOGARITHMS = (BUDGET, REVENUE)
#: of two columns with a higher correlation the later is dropped. The published threshold is not
#: known, only that columns were dropped: above 0.8 there is none to drop
CORRELATED = 0.7
#: share of the variance that the kept principal components have together, as published
VARIANCE = 0.95
#: bars of a histogram: 100 ratings of a movie in each, or 2 of a user, where counts reach so far
_BINS, _YEARS = 100, 5
_MOST_TICKS = 6
#: colour of a part, the same as in the report
_COLOUR_OF_PART = {"train": MAIN, "valid": OTHER, "test": SERIES[2]}


class Exhibit(NamedTuple):
    """A figure: its numbers, the chart of them, and conclusions in numbers."""

    table: pd.DataFrame
    chart: alt.TopLevelMixin | None
    conclusions: Mapping[str, float | str] = MappingProxyType({})


def exhibit_rows(system: System, exhibits: Mapping[str, str], study: Study) -> Results:
    """Draw the exhibits of a system's data; results by row.

    Args:
        exhibits: name of the exhibit by row, see `exhibits`.
    """
    assert system.data is not None
    shown = write_exhibits(*tables_of(study, system.data), FOLDER / study.preset)
    found = {
        row: Result(not_run=f"the data set has nothing for {n}") for row, n in exhibits.items()
    }
    for row, name in exhibits.items():
        if name in shown:
            file = str(FOLDER / study.preset / f"{name}.png")
            found[row] = _result(shown[name], file, system.row(row).published)
    return found


def tables_of(study: Study, variant: Variant) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Cleaned interactions, items and users of a variant."""
    ran = study.run(variant, upto="split")
    files = (paths.INTERACTIONS, paths.ITEMS, paths.USERS)
    interactions, items, users = (pd.read_parquet(ran.file(file)) for file in files)
    return interactions, items, users


def _result(exhibit: Exhibit, file: str, published: Mapping[str, float]) -> Result:
    """Conclusions as text, and the published figures by the names in the table's first column."""
    found = {k: f"{v:,.4g}" if isinstance(v, float) else v for k, v in exhibit.conclusions.items()}
    text = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in found.items())
    few = f", of those with at least {FEWEST} ratings" if "highest" in found else ""
    table = exhibit.table
    names = table.iloc[:, 0].astype(str).str.lower().str.replace("-", "_")
    column = next((name for name in ("mean", "share") if name in table), None)
    known = dict(zip(names, table[column], strict=True)) if column else {}
    known |= {f"{name}_percent": 100 * share for name, share in known.items()}
    # numbers in the titles of published figures are totals
    known |= {name: table[name].sum() for name in ("movies", "ratings") if name in table}
    same = counts({name: float(known[name]) for name in published if name in known})
    return Result(same=same, shown=f"{text}{few}.", files=(file,))


def write_exhibits(
    interactions: pd.DataFrame, items: pd.DataFrame, users: pd.DataFrame, folder: Path
) -> dict[str, Exhibit]:
    """Write PNG and CSV of every exhibit, and `conclusions.json`; returns the exhibits by name."""
    found = dict(exhibits(interactions, items, users))
    for name, exhibit in found.items():
        assert exhibit.chart is not None, name
        write(folder / name, exhibit.chart, exhibit.table)
    write_json(folder / "conclusions.json", {n: dict(e.conclusions) for n, e in found.items()})
    return found


def write(stem: Path, chart: alt.TopLevelMixin, table: pd.DataFrame | None = None) -> str:
    """Write a chart as PNG and its numbers as CSV; returns the name of the PNG.

    Backticks mark code on the page, and would be drawn as they are: the chart has none.
    """
    if table is not None:
        with atomic(stem.with_suffix(".csv")) as file:
            table.to_csv(file, index=False, lineterminator="\n", float_format="%.6g")
    with atomic(stem.with_suffix(".png")) as file:
        spec = json.dumps(chart.to_dict(validate=False), ensure_ascii=False).replace("`", "")
        file.write_bytes(png(json.loads(spec)))
    return str(stem.with_suffix(".png"))


def exhibits(
    interactions: pd.DataFrame, items: pd.DataFrame, users: pd.DataFrame
) -> Iterator[tuple[str, Exhibit]]:
    """All exhibits that the data set allows, with their names.

    Args:
        interactions, items, users: canonical tables; `item_idx` is the row of `items`.
    """
    yield "rating_shares", rating_shares(interactions)
    if len(users) > 1:  # else one stands for all, with one rating per movie
        yield "ratings_per_movie", activity(interactions[ITEM_IDX], CLIP_MOVIE, "movie")
        yield "ratings_per_user", activity(interactions[USER_IDX], CLIP_USER, "user")
    if len(times_of(interactions)):
        yield "ratings_per_day", ratings_per_day(interactions)
        yield "mean_per_year", mean_per_year(interactions)
    if len(genres_of(items)):
        yield "genre_shares", genre_shares(items)
        yield "mean_per_genre", mean_per_genre(interactions, items)
    if YEAR in items and items[YEAR].notna().any():
        yield "mean_per_release_year", mean_per_release_year(interactions, items)
    if AGE in users and users[AGE].notna().any():
        yield "ages", ages(users[AGE].dropna(), "user")
    numbers = movie_numbers(items)
    if set(numbers) & set(NUMERIC):
        yield "correlations", _correlations(numbers, interactions, items)
        yield "components", _components(numbers)
        yield "film_age", ages(film_age(items).dropna(), "movie")


def rating_shares(interactions: pd.DataFrame) -> Exhibit:
    """Number and share of each rating."""
    found = interactions[RATING].value_counts().sort_index().rename("ratings").reset_index()
    table = found.assign(share=found["ratings"] / found["ratings"].sum())
    first = table.iloc[int(table["ratings"].to_numpy().argmax())]
    told = {"commonest": float(first[RATING]), "its_share": float(first["share"])}
    told |= {"mean": float(interactions[RATING].mean())}
    return Exhibit(table, ratings.per_value(interactions), told)


def activity(index: pd.Series, clip: int, noun: str) -> Exhibit:
    """How many movies or users have `low` to `high` ratings; counts above `clip` are `clip`."""
    found = index.value_counts().to_numpy()
    clipped = found.clip(max=clip)
    width = max(1, -(-clipped.max(initial=1) // _BINS))
    number = np.bincount((clipped - 1) // width)
    low = 1 + width * np.arange(len(number))
    high = np.minimum(low + width - 1, clip)
    tenth = np.sort(found)[::-1][: max(1, len(found) // 10)].sum() / found.sum()
    told = {"least": found.min(), "median": np.median(found), "most": found.max()}
    told |= {"share_above_clip": (found > clip).mean(), "ratings_of_top_tenth": tenth}
    table = pd.DataFrame({"low": low, "high": high, f"{noun}s": number})
    chart = _histogram(table, f"Ratings per {noun}, clipped at {clip:,}", f"ratings of a {noun}")
    return Exhibit(table, chart, {name: float(value) for name, value in told.items()})


def ages(years: pd.Series, noun: str) -> Exhibit:
    """How many users or movies are from `low` to `high` years old, in steps of five."""
    number = np.bincount((years // _YEARS).astype(int))
    low = _YEARS * np.arange(len(number))
    table = pd.DataFrame({"low": low, "high": low + _YEARS - 1, f"{noun}s": number})
    table = table.iloc[int((number > 0).argmax()) :].reset_index(drop=True)
    told = {"youngest": years.min(), "median": years.median(), "oldest": years.max()}
    chart = _histogram(table, f"Age of {noun}s", "years")
    return Exhibit(table, chart, {name: float(value) for name, value in told.items()})


def ratings_per_day(interactions: pd.DataFrame) -> Exhibit:
    """Every day (UTC) from the first to the last, also those without a rating."""
    found = times_of(interactions).dt.floor("D").value_counts()
    found = found.reindex(pd.date_range(found.index.min(), found.index.max()), fill_value=0)
    counts = found.to_numpy()
    table = pd.DataFrame({"day": found.index.strftime("%Y-%m-%d"), "ratings": counts})
    most = int(counts.argmax())
    told: dict[str, float | str] = {
        "days": len(table),
        "days_without": int((counts == 0).sum()),
        "busiest": str(table["day"].iloc[most]),
        "ratings_of_busiest": int(counts[most]),
        "share_of_busiest": float(counts[most] / counts.sum()),
    }
    return Exhibit(table, ratings.per_day(interactions), told)


def mean_per_year(interactions: pd.DataFrame) -> Exhibit:
    """Number and mean of the ratings given in each year."""
    times = times_of(interactions)
    timed = interactions.loc[times.index].assign(year=times.dt.year)
    table = _means(sums(timed, "year"), "year")
    chart = _means_and_counts(table, "Ratings by the year they were given in", "ratings")
    return Exhibit(table, chart, extremes(table))


def mean_per_release_year(interactions: pd.DataFrame, items: pd.DataFrame) -> Exhibit:
    """Number of movies of each release year, number and mean of their ratings."""
    year = items.set_index(ITEM_IDX)[YEAR].dropna().astype(np.int64).rename("group")
    movies = year.value_counts().rename_axis("year").rename("movies").sort_index().reset_index()
    table = movies.merge(_means(_by(interactions, year), "year"), on="year", how="left")
    table["ratings"] = table["ratings"].fillna(0).astype(np.int64)
    most = table.iloc[int(table["movies"].to_numpy().argmax())]
    told = {"most_movies": int(most["year"]), "its_movies": int(most["movies"])}
    chart = _means_and_counts(table, "Movies by release year", "movies")
    return Exhibit(table, chart, told | extremes(table))


def genre_shares(items: pd.DataFrame) -> Exhibit:
    """Movies of each genre, and their share of all pairs of a movie and a genre."""
    genres = genres_of(items).astype(str).value_counts()
    table = genres.rename_axis("genre").reset_index(name="movies")
    table = table.assign(share=table["movies"] / table["movies"].sum())
    table = table.sort_values(["movies", "genre"], ascending=[False, True], ignore_index=True)
    top = zip(table["genre"].head(3), table["share"].head(3), strict=True)
    return Exhibit(table, ratings.genres(items), {genre: float(share) for genre, share in top})


def mean_per_genre(interactions: pd.DataFrame, items: pd.DataFrame) -> Exhibit:
    """Number and mean of the ratings of each genre's movies, highest mean first."""
    table = _means(_by(interactions, genres_of(items).rename("group")), "genre")
    table = table.sort_values(["mean", "genre"], ascending=[False, True], ignore_index=True)
    return Exhibit(table, ratings.mean_per_genre(interactions, items), extremes(table))


def _by(interactions: pd.DataFrame, group: pd.Series) -> pd.DataFrame:
    """Sums of the ratings by a property of their movies, see `sums`."""
    return sums(interactions, ITEM_IDX).join(group, how="inner").groupby("group").sum()


def _means(per_group: pd.DataFrame, group: str) -> pd.DataFrame:
    found = means_of(per_group).rename(columns={"n": "ratings", "half": "half_interval"})
    return found.astype({"ratings": np.int64}).rename_axis(group).reset_index()


def extremes(table: pd.DataFrame) -> dict[str, float | str]:
    """Highest and lowest mean of the groups with enough ratings, or of all if none has enough.

    Args:
        table: the groups in its first column, `ratings`, and `mean`.
    """
    enough = table[table["ratings"] >= min(FEWEST, table["ratings"].max())]
    groups, means = enough.iloc[:, 0].tolist(), enough["mean"].tolist()
    high, low = means.index(max(means)), means.index(min(means))
    of_highest = {"highest": groups[high], "highest_mean": means[high]}
    return {**of_highest, "lowest": groups[low], "lowest_mean": means[low]}


def film_age(items: pd.DataFrame) -> pd.Series:
    """Years from each movie's release to the latest in the table, float64; NaN if unknown.

    A movie without a date was released in the middle of its year.
    """
    date = pd.Series(pd.NaT, items.index, dtype="datetime64[s]")
    if RELEASE_DATE in items:
        date = pd.to_datetime(items[RELEASE_DATE], errors="coerce")
    if YEAR in items:
        middle = items[YEAR].astype("Int64").astype("string") + "-07-01"
        date = date.fillna(pd.to_datetime(middle, errors="coerce"))
    return ((date.max() - date).dt.days / 365.25).astype(np.float64)


def movie_numbers(items: pd.DataFrame) -> pd.DataFrame:
    """The numeric columns of TMDB 5000 in a table of movies, as published: nothing is missing.

    Returns:
        float64, a row per movie: the columns of `NUMERIC` that the table has, log(1 + x) of budget
        and revenue, and the age. Unknown budgets, revenues and runtimes are 0, as in the files;
        other unknown values are the median.
    """
    numbers = pd.DataFrame(index=items.index)
    for column in (name for name in NUMERIC if name in items):
        values = pd.to_numeric(items[column]).astype("Float64").astype(np.float64)
        numbers[column] = values.fillna(0.0 if column in _ZERO_IF_UNKNOWN else values.median())
    for column in (name for name in _LOGARITHMS if name in numbers):
        numbers[f"log_{column}"] = np.log1p(numbers[column].clip(lower=0))
    if RELEASE_DATE in items or YEAR in items:
        age = film_age(items)
        numbers["film_age"] = age.fillna(age.median())
    return numbers.fillna(0.0)


def dropped(numbers: pd.DataFrame, threshold: float = CORRELATED) -> list[str]:
    """Columns with a higher absolute correlation with an earlier column that is kept."""
    strong = numbers.corr().fillna(0.0).abs().to_numpy() > threshold
    kept: list[int] = []
    for place in range(len(strong)):
        if not strong[place, kept].any():
            kept.append(place)
    return [str(name) for place, name in enumerate(numbers) if place not in kept]


def components(numbers: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Principal components of the standardised columns; without that, dollars were all variance.

    Returns:
        `component` from 1, its `share` of the variance, the `cumulative` one; and how many
        components have `VARIANCE` together.
    """
    varying = numbers.loc[:, numbers.std() > 0]
    if varying.empty:
        return pd.DataFrame(columns=["component", "share", "cumulative"]), 0
    share = PCA().fit(StandardScaler().fit_transform(varying)).explained_variance_ratio_
    number = np.arange(1, len(share) + 1)
    table = pd.DataFrame({"component": number, "share": share, "cumulative": share.cumsum()})
    return table, int((table["cumulative"] < VARIANCE - 1e-12).sum()) + 1


def _correlations(
    numbers: pd.DataFrame, interactions: pd.DataFrame, items: pd.DataFrame
) -> Exhibit:
    """Of the columns and the mean vote, which is the target."""
    votes = interactions.groupby(ITEM_IDX)[RATING].mean().reindex(items[ITEM_IDX])
    rated = votes.notna().to_numpy()
    matrix = numbers[rated].assign(**{RATING: votes[rated].to_numpy()}).corr().fillna(0.0)
    gone = dropped(numbers)
    names = {name: f"{name} (dropped)" for name in gone}
    long = matrix.rename(names, axis=0).rename(names, axis=1).rename_axis("row").reset_index()
    long = long.melt("row", var_name="column", value_name="correlation")
    scale = alt.Scale(scheme="redblue", domain=[1, -1])
    chart = heat_map(long, "correlation", "Correlation of numeric columns", scale, 0.6)
    return Exhibit(matrix.rename_axis("column").reset_index(), chart)


def _components(numbers: pd.DataFrame) -> Exhibit:
    """Of the columns that are left when correlated ones are dropped."""
    table, needed = components(numbers.drop(columns=dropped(numbers)))
    text = f"{needed} components have {100 * VARIANCE:.0f} % of the variance"
    base = _chart(table, text).encode(x=alt.X("component:O", axis=alt.Axis(labelAngle=0)))
    bars = base.mark_bar(color=MAIN).encode(y=alt.Y("share:Q", axis=alt.Axis(format="%")))
    line = base.mark_line(color=OTHER, point={"color": OTHER}).encode(y="cumulative:Q")
    level = alt.Chart(alt.Data(values=[{"share": VARIANCE}])).mark_rule(color=SOFT, strokeDash=[4])
    return Exhibit(table, bars + line + level.encode(y="share:Q"))


_FROM_DATA = alt.Scale(zero=False, nice=False)


def _chart(table: pd.DataFrame, text: str, height: int = HEIGHT) -> alt.Chart:
    return alt.Chart(data(table), title=text, height=height, width=WIDTH)


def _count(column: str) -> alt.Y:
    return alt.Y(f"{column}:Q", title=f"number of {column}", axis=alt.Axis(format=",d"))


def _histogram(table: pd.DataFrame, text: str, x: str) -> alt.Chart:
    """Bars from `low` to `high` as tall as the third column says."""
    bars = _chart(table.assign(end=table["high"] + 1), text).mark_bar(color=MAIN)
    low = alt.X("low:Q", bin="binned", title=x, axis=alt.Axis(format=",d"))
    return bars.encode(x=low, x2="end:Q", y=_count(str(table.columns[2])))


def _means_and_counts(table: pd.DataFrame, text: str, counted: str) -> alt.VConcatChart:
    """Means with their intervals above, counts below, by year."""
    x = alt.X("year:Q", scale=_FROM_DATA, axis=alt.Axis(format="d", tickMinStep=1))
    base = _chart(table, text, HEIGHT // 2)
    # an interval of two or three ratings may leave the rating scale: it does not set the axis
    low, high = table["mean"].min(), table["mean"].max()
    margin = max(0.1, (high - low) / 10)
    domain = alt.Scale(domain=[low - margin, high + margin], zero=False, nice=False)
    y = alt.Y("mean:Q", scale=domain, title="mean rating")
    dots = base.mark_point(color=MAIN, filled=True, opacity=1, size=20).encode(x=x, y=y)
    error = base.mark_errorbar(color=MAIN, clip=True)
    upper = dots + error.encode(x=x, y=y, yError="half_interval:Q")
    lower = _chart(table, "", HEIGHT // 2).mark_bar(color=MAIN, size=5)
    return alt.vconcat(upper, lower.encode(x=x, y=_count(counted))).resolve_scale(x="shared")


def heat_map(
    table: pd.DataFrame, colour: str, text: str, scale: alt.Scale, white_from: float
) -> alt.LayerChart:
    """Coloured cells with a text in each.

    Args:
        table: a line per cell: `row`, `column`, the column `colour`, and `text` where the text is
            not the colour's value.
        white_from: the text is white where the colour is at least this far from 0.
    """
    height = 24 * table["row"].nunique()
    base = _chart(table, text, height).encode(
        x=alt.X("column:N", sort=None, title=None, axis=alt.Axis(labelAngle=-45)),
        y=alt.Y("row:N", sort=None, title=None),
    )
    cells = base.mark_rect().encode(color=alt.Color(f"{colour}:Q", scale=scale, legend=None))
    shown = alt.Text("text:N") if "text" in table else alt.Text(f"{colour}:Q", format=".2f")
    ink = alt.when(f"abs(datum.{colour}) > {white_from}").then(alt.value("white"))
    return cells + base.mark_text().encode(text=shown, color=ink.otherwise(alt.value("black")))


def curves(tables: Mapping[str, pd.DataFrame]) -> alt.FacetChart:
    """Errors per epoch, logarithmic: a column per training, MSE above MAE.

    Args:
        tables: by training: `epoch`, and `train_mse`, `valid_mse`, `train_mae`, `valid_mae`, where
            train has dropout switched on.
    """
    long = pd.concat(tables, names=["training"]).reset_index("training")
    long = long.melt(["training", "epoch"], var_name="curve", value_name="value")
    long[["part", "error"]] = long.pop("curve").str.split("_", expand=True)
    long["error"] = long["error"].str.upper()
    parts = [part for part in _COLOUR_OF_PART if (long["part"] == part).any()]
    colours = alt.Scale(domain=parts, range=[_COLOUR_OF_PART[part] for part in parts])
    last = int(long["epoch"].max())
    epochs = list(range(1, last + 1, -(-last // _MOST_TICKS)))
    line = alt.Chart(data(long), width=WIDTH // 3, height=HEIGHT // 2).mark_line()
    return (
        line.encode(
            x=alt.X("epoch:Q", axis=alt.Axis(values=epochs, format="d")),
            y=alt.Y("value:Q", scale=alt.Scale(type="log"), title=None),
            color=alt.Color("part:N", scale=colours, legend=alt.Legend(orient="top", title=None)),
        )
        .facet(
            column=alt.Column("training:N", sort=list(tables), title=None),
            row=alt.Row("error:N", sort=["MSE", "MAE"], title=None),
        )
        .resolve_scale(y="independent")
    )


def grouped_bars(
    values: Mapping[str, Mapping[str, Spread]], text: str
) -> tuple[alt.FacetChart, pd.DataFrame]:
    """A group per model, a bar per metric, deviations over several runs as lines; and the numbers.

    Args:
        values: figures by model and metric, up to four metrics, the same for every model.
    """
    table = pd.DataFrame(
        {"model": model, "metric": title(metric), "mean": found.mean, "deviation": found.deviation}
        for model, of_model in values.items()
        for metric, found in of_model.items()
    ).astype({"deviation": float})
    metrics = list(table["metric"].unique())
    base = alt.Chart(width=WIDTH).encode(y=alt.Y("metric:N", sort=metrics, title=None))
    colour = alt.Color(
        "metric:N",
        scale=alt.Scale(domain=metrics, range=SERIES[: len(metrics)]),
        legend=alt.Legend(orient="top", title=None, symbolType="square"),
    )
    bars = base.mark_bar().encode(x=alt.X("mean:Q", title=None), color=colour)
    lines = base.mark_errorbar().encode(x="mean:Q", xError="deviation:Q")
    header = alt.Header(labelAngle=0, labelAlign="left", labelLimit=260)
    row = alt.Row("model:N", sort=list(values), title=None, header=header)
    return alt.layer(bars, lines, data=data(table)).facet(row=row, title=text), table
