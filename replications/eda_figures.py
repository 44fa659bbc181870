"""The figures of the five publications, each beside a CSV with the numbers that it shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reelbench.columns import ITEM_IDX, RATING, YEAR
from reelbench.files import atomic, write_json
from reelbench.reporting import figures
from reelbench.reporting.figures import BLUE, GREY, ORANGE, PLAIN_NUMBERS
from replications import eda, movie_numbers
from replications.eda import DAY, GENRE, HALF, HIGH, LOW, MEAN, MOVIES, RATINGS, USERS


@dataclass(frozen=True)
class Exhibit:
    """A figure, what it shows, and the conclusions as numbers."""

    name: str
    table: pd.DataFrame
    figure: Figure
    conclusions: dict[str, Any]


def exhibits(
    interactions: pd.DataFrame, items: pd.DataFrame, users: pd.DataFrame
) -> Iterator[Exhibit]:
    """All figures that the data set allows; to be drawn within `figures.style()`."""
    shown = eda.tables(interactions, items, users)
    told = eda.conclusions(interactions, users, shown)
    for name, table in shown.items():
        yield Exhibit(name, table, _DRAWN[name](table), told[name])
    numbers = movie_numbers.movie_numbers(items, zero_is_missing=False)
    if set(numbers) & set(movie_numbers.COLUMNS):
        yield from _of_numbers(numbers, interactions, items)


def write(
    interactions: pd.DataFrame, items: pd.DataFrame, users: pd.DataFrame, folder: Path
) -> dict[str, dict[str, Any]]:
    """Write NAME.png and NAME.csv of every exhibit, and `conclusions.json`.

    Args:
        interactions, items, users: canonical tables; `item_idx` is the row of `items`.

    Returns:
        What is in `conclusions.json`: numbers by the name of the figure.
    """
    found = {}
    with figures.style():
        for exhibit in exhibits(interactions, items, users):
            with atomic(folder / f"{exhibit.name}.csv") as temporary:
                exhibit.table.to_csv(
                    temporary, index=False, lineterminator="\n", float_format="%.6g"
                )
            with atomic(folder / f"{exhibit.name}.png") as temporary:
                temporary.write_bytes(figures.png(exhibit.figure))
            found[exhibit.name] = exhibit.conclusions
    write_json(folder / "conclusions.json", found)
    return found


def _of_numbers(
    numbers: pd.DataFrame, interactions: pd.DataFrame, items: pd.DataFrame
) -> Iterator[Exhibit]:
    gone = movie_numbers.dropped(movie_numbers.correlations(numbers))
    kept = numbers.drop(columns=gone)
    # the target stands in the matrix, and is no column of the components
    votes = interactions.groupby(ITEM_IDX)[RATING].mean().reindex(items[ITEM_IDX])
    rated = votes.notna().to_numpy()
    with_votes = numbers[rated].assign(**{RATING: votes[rated].to_numpy()})
    matrix = movie_numbers.correlations(with_votes)
    of_rating = matrix[RATING].drop(RATING)
    strongest = int(of_rating.abs().to_numpy().argmax())
    yield Exhibit(
        "correlations",
        matrix.rename_axis("column").reset_index(),
        _matrix(matrix, gone),
        {
            "dropped": gone,
            "most_like_rating": str(of_rating.index[strongest]),
            "its_correlation": float(of_rating.iloc[strongest]),
        },
    )
    pca = movie_numbers.components(kept)
    told = {"needed": pca.needed, "of": len(pca.table), "first": float(pca.table["share"].max())}
    everything = movie_numbers.components(numbers)
    told |= {"needed_without_dropping": everything.needed, "of_all": len(everything.table)}
    yield Exhibit("components", pca.table, _scree(pca), told)
    age = movie_numbers.film_age(items).dropna()
    table = _binned(age)
    span = {"median_years": float(age.median()), "oldest_years": float(age.max())}
    yield Exhibit("film_age", table, _bars_of(table, "Age of movies", "years", MOVIES), span)


def _binned(years: pd.Series, width: int = 5) -> pd.DataFrame:
    counts = np.bincount((years // width).astype(int))
    low = width * np.arange(len(counts))
    return pd.DataFrame({LOW: low, HIGH: low + width - 1, MOVIES: counts})


def _shares(table: pd.DataFrame) -> Figure:
    figure, (axes,) = figures.new(3.0)
    step = np.diff(table[RATING]).min() if len(table) > 1 else 1.0
    bars = axes.bar(table[RATING], table[RATINGS], width=0.8 * step, color=BLUE)
    if len(table) <= 12:
        axes.bar_label(bars, [f"{100 * share:.1f} %" for share in table[eda.SHARE]], fontsize=8)
        axes.set_xticks(table[RATING])
    return _labelled(figure, axes, "Share of every rating", "rating", "number of ratings")


def _genre_shares(table: pd.DataFrame) -> Figure:
    figure, (axes,) = figures.new(1.0 + 0.19 * len(table))
    rising = table.iloc[::-1]
    bars = axes.barh(rising[GENRE], 100 * rising[eda.SHARE], color=BLUE)
    axes.bar_label(bars, [f"{100 * share:.1f} %" for share in rising[eda.SHARE]], padding=2)
    axes.margins(x=0.12, y=0.01)
    axes.grid(axis="y", visible=False)
    axes.set_title("Share of every genre")
    axes.set_xlabel("% of all pairs of a movie and a genre")
    return figure


def _genre_means(table: pd.DataFrame) -> Figure:
    figure, (axes,) = figures.new(1.0 + 0.19 * len(table))
    rising = table.iloc[::-1]
    axes.errorbar(rising[MEAN], rising[GENRE], xerr=rising[HALF], fmt="o", color=BLUE, markersize=4)
    axes.margins(y=0.03)
    axes.set_title("Mean rating per genre, with 95 % intervals")
    axes.set_xlabel("mean rating")
    return figure


def _per_year(table: pd.DataFrame) -> Figure:
    return _two_panels(table, RATINGS, "Ratings by the year in which they were given")


def _per_release_year(table: pd.DataFrame) -> Figure:
    return _two_panels(table, MOVIES, "Movies by the year in which they came out")


def _two_panels(table: pd.DataFrame, counted: str, title: str) -> Figure:
    figure, (upper, lower) = figures.new(4.4, 2)
    upper.errorbar(table[YEAR], table[MEAN], yerr=table[HALF], fmt=".", color=BLUE, markersize=4)
    lower.bar(table[YEAR], table[counted], width=0.8, color=BLUE)
    upper.set_ylabel("mean rating")
    lower.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    _labelled(figure, lower, "", "year", f"number of {counted}")
    upper.set_title(title)
    return figure


def _per_day(table: pd.DataFrame) -> Figure:
    figure, (axes,) = figures.new(3.0, width=2 * figures.WIDTH_INCHES)
    axes.plot(pd.to_datetime(table[DAY]), table[RATINGS], color=BLUE, linewidth=0.7)
    return _labelled(figure, axes, "Ratings per day", "day", "number of ratings")


def _per_movie(table: pd.DataFrame) -> Figure:
    title = f"Ratings per movie, clipped at {eda.CLIP_MOVIE:,}"
    return _bars_of(table, title, "ratings of a movie", MOVIES)


def _per_user(table: pd.DataFrame) -> Figure:
    title = f"Ratings per user, clipped at {eda.CLIP_USER:,}"
    return _bars_of(table, title, "ratings of a user", USERS)


def _ages(table: pd.DataFrame) -> Figure:
    return _bars_of(table, "Age of users", "years", USERS)


def _bars_of(table: pd.DataFrame, title: str, x: str, counted: str) -> Figure:
    figure, (axes,) = figures.new(3.0)
    width = table[HIGH] - table[LOW] + 1
    axes.bar(table[LOW], table[counted], width=0.95 * width, align="edge", color=BLUE)
    return _labelled(figure, axes, title, x, f"number of {counted}")


def _matrix(matrix: pd.DataFrame, gone: list[str]) -> Figure:
    names = [f"{name} (dropped)" if name in gone else name for name in matrix.columns]
    figure, (axes,) = figures.new(4.6, width=1.3 * figures.WIDTH_INCHES)
    axes.imshow(matrix.to_numpy(), cmap="RdBu_r", vmin=-1, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axes.set_yticks(range(len(names)), names)
    axes.grid(False)
    for (row, column), value in np.ndenumerate(matrix.to_numpy()):
        ink = "white" if abs(value) > 0.6 else "black"
        axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=ink, fontsize=7)
    axes.set_title("Correlation of numeric columns")
    return figure


def _scree(pca: movie_numbers.Components) -> Figure:
    figure, (axes,) = figures.new(3.0)
    axes.bar(pca.table["component"], 100 * pca.table["share"], color=BLUE)
    axes.plot(pca.table["component"], 100 * pca.table["cumulative"], "o-", color=ORANGE)
    axes.axhline(100 * movie_numbers.VARIANCE, color=GREY, linestyle="--")
    axes.axvline(pca.needed, color=GREY, linestyle="--")
    axes.set_xticks(pca.table["component"])
    title = f"{pca.needed} components hold {100 * movie_numbers.VARIANCE:g} % of the variance"
    return _labelled(figure, axes, title, "component", "% of the variance")


def _labelled(figure: Figure, axes: Axes, title: str, x: str, y: str) -> Figure:
    axes.set_title(title)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.yaxis.set_major_formatter(PLAIN_NUMBERS)
    axes.grid(axis="x", visible=False)
    return figure


_DRAWN = {
    "rating_shares": _shares,
    "ratings_per_movie": _per_movie,
    "ratings_per_user": _per_user,
    "ratings_per_day": _per_day,
    "mean_per_year": _per_year,
    "genre_shares": _genre_shares,
    "mean_per_genre": _genre_means,
    "mean_per_release_year": _per_release_year,
    "ages": _ages,
}
