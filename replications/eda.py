"""What the five publications show of their data, as tables that are computed from ours.

A share is of the whole, 0 to 1. Every table is what the figure of the same name shows
(`eda_figures`); `conclusions` says in numbers what the publications say in words.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from reelbench.columns import AGE, GENRES, ITEM_IDX, RATING, TIMESTAMP, USER_IDX, YEAR
from reelbench.reporting.dataset import genres_of, means_of, sums, times_of

GENRE, DAY = "genre", "day"
RATINGS, MOVIES, USERS, SHARE = "ratings", "movies", "users", "share"
MEAN, HALF = "mean", "half_interval"
LOW, HIGH = "low", "high"
#: more ratings of a movie or a user than these were counted as these
CLIP_MOVIE, CLIP_USER = 9_999, 199
#: a genre or year with fewer ratings is not named the highest or the lowest
FEWEST = 100
_AGE_BIN = 5
_BINS = 50

Tables = dict[str, pd.DataFrame]


def rating_shares(interactions: pd.DataFrame) -> pd.DataFrame:
    """`rating`, how many `ratings` have it, and their `share`."""
    counts = interactions[RATING].value_counts().sort_index()
    return pd.DataFrame(
        {RATING: counts.index, RATINGS: counts.to_numpy(), SHARE: counts.to_numpy() / counts.sum()}
    )


def genre_shares(items: pd.DataFrame) -> pd.DataFrame:
    """`genre`, its `movies`, and their `share` of all pairs of a movie and a genre, descending.

    A movie counts in each of its genres, so that shares add up to 1 over all genres.
    """
    counts = genres_of(items).value_counts()
    frame = pd.DataFrame({GENRE: counts.index.astype(str), MOVIES: counts.to_numpy()})
    frame[SHARE] = frame[MOVIES] / max(1, frame[MOVIES].sum())
    return frame.sort_values([MOVIES, GENRE], ascending=[False, True], ignore_index=True)


def mean_per_genre(interactions: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
    """`genre`, `ratings`, their `mean` and half its 95 % interval; highest mean first."""
    by_item = genres_of(items).rename("group")
    per_genre = sums(interactions, ITEM_IDX).join(by_item, how="inner").groupby("group").sum()
    frame = _with_means(per_genre, GENRE)
    return frame.sort_values([MEAN, GENRE], ascending=[False, True], ignore_index=True)


def mean_per_year(interactions: pd.DataFrame) -> pd.DataFrame:
    """`year` in which ratings were given, `ratings`, their `mean` and half its 95 % interval."""
    times = times_of(interactions)
    timed = interactions.loc[times.index].assign(**{YEAR: times.dt.year})
    return _with_means(sums(timed, YEAR), YEAR)


def mean_per_release_year(interactions: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
    """`year` in which movies came out, `movies`, `ratings`, `mean` and half its 95 % interval.

    A year without a rating has no mean.
    """
    year = items.set_index(ITEM_IDX)[YEAR].dropna().astype(np.int64).rename("group")
    per_year = sums(interactions, ITEM_IDX).join(year, how="inner").groupby("group").sum()
    means = _with_means(per_year, YEAR)
    movies = year.value_counts().rename_axis(YEAR).rename(MOVIES).sort_index().reset_index()
    joined = movies.merge(means, on=YEAR, how="left")
    return joined.assign(**{RATINGS: joined[RATINGS].fillna(0).astype(np.int64)})


def ratings_per_day(interactions: pd.DataFrame) -> pd.DataFrame:
    """`day` (UTC) and `ratings`, every day from the first to the last, also those without any."""
    counts = times_of(interactions).dt.floor("D").value_counts()
    if counts.empty:
        return pd.DataFrame({DAY: pd.Series(dtype=str), RATINGS: pd.Series(dtype=np.int64)})
    counts = counts.reindex(pd.date_range(counts.index.min(), counts.index.max()), fill_value=0)
    return pd.DataFrame({DAY: counts.index.strftime("%Y-%m-%d"), RATINGS: counts.to_numpy()})


def ratings_per_movie(interactions: pd.DataFrame, clip: int = CLIP_MOVIE) -> pd.DataFrame:
    """How many `movies` have from `low` to `high` ratings; what is above `clip` counts as it."""
    return _histogram(interactions[ITEM_IDX], clip, MOVIES)


def ratings_per_user(interactions: pd.DataFrame, clip: int = CLIP_USER) -> pd.DataFrame:
    """How many `users` have given from `low` to `high` ratings; likewise."""
    return _histogram(interactions[USER_IDX], clip, USERS)


def ages(users: pd.DataFrame) -> pd.DataFrame:
    """How many `users` are from `low` to `high` years old, in steps of five."""
    known = users[AGE].dropna().astype(np.int64) // _AGE_BIN
    counts = np.bincount(known)
    first = int(known.min()) if len(known) else 0
    low = np.arange(len(counts))[first:] * _AGE_BIN
    return pd.DataFrame({LOW: low, HIGH: low + _AGE_BIN - 1, USERS: counts[first:]})


def tables(interactions: pd.DataFrame, items: pd.DataFrame, users: pd.DataFrame) -> Tables:
    """All tables that the data set allows, by name."""
    found = {"rating_shares": rating_shares(interactions)}
    if len(users) > 1:  # else one stands for everybody, and rates every movie once
        found["ratings_per_movie"] = ratings_per_movie(interactions)
        found["ratings_per_user"] = ratings_per_user(interactions)
    if (interactions[TIMESTAMP].fillna(-1) >= 0).any():
        found["ratings_per_day"] = ratings_per_day(interactions)
        found["mean_per_year"] = mean_per_year(interactions)
    if GENRES in items and len(genres_of(items)):
        found["genre_shares"] = genre_shares(items)
        found["mean_per_genre"] = mean_per_genre(interactions, items)
    if YEAR in items and items[YEAR].notna().any():
        found["mean_per_release_year"] = mean_per_release_year(interactions, items)
    if AGE in users and users[AGE].notna().any():
        found["ages"] = ages(users)
    return found


def conclusions(
    interactions: pd.DataFrame, users: pd.DataFrame, shown: Tables
) -> dict[str, dict[str, Any]]:
    """What can be read off the figures, in numbers, by the name of the table."""
    found: dict[str, dict[str, Any]] = {"rating_shares": _commonest(interactions, shown)}
    for name, index, clip in (
        ("ratings_per_movie", ITEM_IDX, CLIP_MOVIE),
        ("ratings_per_user", USER_IDX, CLIP_USER),
    ):
        if name in shown:
            found[name] = _activity(interactions[index], clip)
    if "genre_shares" in shown:
        top = shown["genre_shares"].head(3)
        pairs = zip(top[GENRE], top[SHARE], strict=True)
        found["genre_shares"] = {genre: float(share) for genre, share in pairs}
    for name, group in (
        ("mean_per_genre", GENRE),
        ("mean_per_year", YEAR),
        ("mean_per_release_year", YEAR),
    ):
        if name in shown:
            found[name] = _extremes(shown[name], group)
    if "mean_per_release_year" in shown:
        found["mean_per_release_year"] = (
            _fullest(shown["mean_per_release_year"]) | found["mean_per_release_year"]
        )
    if "ratings_per_day" in shown:
        found["ratings_per_day"] = _busiest(shown["ratings_per_day"])
    if "ages" in shown:
        age = users[AGE].dropna().astype(np.float64)
        numbers = {"youngest": age.min(), "median": age.median(), "oldest": age.max()}
        found["ages"] = {name: float(value) for name, value in numbers.items()}
    return found


def _with_means(per_group: pd.DataFrame, group: str) -> pd.DataFrame:
    means = means_of(per_group)
    columns = {RATINGS: means["n"].astype(np.int64), MEAN: means["mean"], HALF: means["half"]}
    return pd.DataFrame(columns).rename_axis(group).reset_index()


def _histogram(index: pd.Series, clip: int, counted: str) -> pd.DataFrame:
    counts = index.value_counts().to_numpy().clip(max=clip)
    width = max(1, -(-counts.max(initial=1) // _BINS))
    number = np.bincount((counts - 1) // width)
    low = 1 + width * np.arange(len(number))
    return pd.DataFrame({LOW: low, HIGH: np.minimum(low + width - 1, clip), counted: number})


def _commonest(interactions: pd.DataFrame, shown: Tables) -> dict[str, float]:
    shares = shown["rating_shares"]
    row = int(shares[RATINGS].to_numpy().argmax())
    return {
        "commonest": float(shares[RATING].iloc[row]),
        "its_share": float(shares[SHARE].iloc[row]),
        "mean": float(interactions[RATING].mean()),
    }


def _activity(index: pd.Series, clip: int) -> dict[str, float]:
    counts = index.value_counts().to_numpy()
    rows = {"least": counts.min(), "median": np.median(counts), "most": counts.max()}
    shares = {"share_above_clip": (counts > clip).mean()}
    # how uneven it is: ratings of the busiest tenth
    tenth = np.sort(counts)[::-1][: max(1, len(counts) // 10)].sum() / counts.sum()
    return {k: float(v) for k, v in (rows | shares | {"ratings_of_top_tenth": tenth}).items()}


def _extremes(table: pd.DataFrame, group: str) -> dict[str, Any]:
    """Highest and lowest mean among the groups with ratings enough, or all if none has."""
    told = table[table[RATINGS] >= min(FEWEST, table[RATINGS].max())]
    groups, means = told[group].tolist(), told[MEAN].to_numpy()
    high, low = int(means.argmax()), int(means.argmin())
    return {
        "highest": groups[high],
        "highest_mean": float(means[high]),
        "lowest": groups[low],
        "lowest_mean": float(means[low]),
    }


def _fullest(per_year: pd.DataFrame) -> dict[str, Any]:
    """The year in which most movies came out."""
    row = int(per_year[MOVIES].to_numpy().argmax())
    return {
        "most_movies": int(per_year[YEAR].iloc[row]),
        "its_movies": int(per_year[MOVIES].iloc[row]),
    }


def _busiest(per_day: pd.DataFrame) -> dict[str, Any]:
    counts = per_day[RATINGS].to_numpy()
    row = int(counts.argmax())
    return {
        "days": len(per_day),
        "days_without": int((counts == 0).sum()),
        "busiest": str(per_day[DAY].iloc[row]),
        "ratings_of_busiest": int(counts[row]),
        "share_of_busiest": float(counts[row] / counts.sum()),
    }
