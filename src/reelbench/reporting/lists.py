"""What models recommend: the top and the bottom of the ranking for one test user."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from reelbench import paths
from reelbench.columns import GENRES, ITEM_IDX, RANK, RATING, SCORE, TITLE, USER_ID, USER_IDX, YEAR
from reelbench.reporting.comparisons import best_of, compared_metrics, having
from reelbench.reporting.dataset import Dataset
from reelbench.reporting.results import Result

LENGTH = 10  # of every list
_PLAIN = ("bias", "popularity")  # shown for comparison if they are on the leaderboard


class Line(NamedTuple):
    """A movie in a list."""

    movie: str  # title and year
    genres: str  # joined; empty where unknown
    value: str  # the number of the list, as text
    given: str = ""  # the test rating of the user; empty without one


@dataclass(frozen=True)
class ModelLists:
    """Lists of one model."""

    model: str
    first: list[Line]  # top of the ranking with scores
    last: list[Line]  # bottom of the same ranking, the last place first; empty if it is not stored
    n_ranked: int  # movies in the whole ranking; 0 if that is not stored
    lowest: list[Line]  # test movies with the lowest predictions; empty for a model that only ranks
    #: movies recommended to the fewest users, the most rated first, with that number
    unseen: list[Line]


@dataclass(frozen=True)
class Lists:
    """Lists of all models for one user."""

    user: str  # identifier in the source
    n_train: int  # ratings of the user in train, or in profile where train has none
    n_users: int  # number of users with stored rankings
    liked: list[Line]  # movies with the highest of these ratings
    models: dict[str, ModelLists]  # by name, in the order of the leaderboard
    compared: list[str]  # the best models, and the plain ones


def read_lists(dataset: Dataset, results: Sequence[Result], k: int) -> Lists | None:
    """Lists for the test user with the median number of known ratings, the first of equals.

    The best models are those by the metrics at a cutoff k.
    """
    shown = having(results, compared_metrics(k)[1])  # imported predictions of ratings rank nothing
    shown = [r for r in shown if paths.recommendations(r.name).is_file()]
    if not shown:
        return None
    parts = [paths.TRAIN, *([paths.PROFILE] if paths.PROFILE.exists() else [])]
    rows = [pd.read_parquet(part, columns=[USER_IDX, ITEM_IDX, RATING]) for part in parts]
    train, given = rows[0], pd.concat(rows)
    first = pd.read_parquet(paths.recommendations(shown[0].name), columns=[USER_IDX])
    users = sorted(first[USER_IDX].unique())
    counts = given[USER_IDX].value_counts().reindex(users, fill_value=0)
    user = int(counts.sort_values(kind="stable").index[(len(users) - 1) // 2])
    movies = _movies(dataset.items, train)
    own = _of_user(given, user).sort_values([RATING, ITEM_IDX], ascending=[False, True])
    liked = _lines(movies, own, RATING, "{:g}".format)
    lists = {r.name: _of_model(r, user, movies) for r in shown}
    named = {USER_ID, USER_IDX} <= set(dataset.users)
    known = _of_user(dataset.users, user)[USER_ID].tolist() if named else []
    name = str(known[0]) if known else f"number {user}"
    compared = [name for name in _compared(results, k) if name in lists]
    return Lists(name, int(counts[user]), len(users), liked, lists, compared)


def _compared(results: Sequence[Result], k: int) -> list[str]:
    names = set(_PLAIN)
    for metric in compared_metrics(k):
        for predicts in (True, False):
            own = [r for r in having(results, metric) if r.predicts_ratings == predicts]
            names |= {best_of(own, metric)} if own else set()
    return [r.name for r in results if r.name in names]


def _of_model(result: Result, user: int, movies: pd.DataFrame) -> ModelLists:
    table = pd.read_parquet(paths.recommendations(result.name))
    file = paths.last_places(result.name)
    bottom = _of_user(pd.read_parquet(file) if file.is_file() else table[:0], user)
    tested = _of_user(result.predictions, user)
    low = tested.dropna(subset=[SCORE]).sort_values([SCORE, ITEM_IDX])
    times = table.loc[table[RANK] <= LENGTH, ITEM_IDX].value_counts()  # users see the first ten
    least = movies.assign(times=times.reindex(movies.index, fill_value=0)).reset_index()
    least = least.sort_values(["times", "count"], ascending=[True, False], kind="stable")
    given = tested.set_index(ITEM_IDX)[RATING]
    return ModelLists(
        result.name,
        first=_lines(movies, _of_user(table, user).sort_values(RANK), SCORE, _score, given),
        last=_lines(movies, bottom.sort_values(RANK, ascending=False), SCORE, _score, given),
        n_ranked=int(bottom[RANK].max()) if len(bottom) else 0,
        lowest=_lines(movies, low, SCORE, "{:.2f}".format, given),
        unseen=_lines(movies, least, "times", "{:,.0f}".format),
    )


def _of_user(table: pd.DataFrame, user: int) -> pd.DataFrame:
    return table[table[USER_IDX] == user]


def _score(score: float) -> str:
    """Three digits: a score may be a rating, a share or a number of ratings."""
    return f"{score:#.3g}".rstrip(".")


def _movies(items: pd.DataFrame, train: pd.DataFrame) -> pd.DataFrame:
    """By `item_idx`: `movie`, title and year; `genres`, joined; `count` of train ratings."""
    nothing = [None] * len(items)
    titles, years, genres = (items.get(name, nothing) for name in (TITLE, YEAR, GENRES))
    index = pd.Index(items[ITEM_IDX])
    movies = [
        f"{title or f'movie {item}'}{'' if pd.isna(year) else f' ({int(year)})'}"
        for title, item, year in zip(titles, index, years, strict=True)
    ]
    joined = ["" if own is None else ", ".join(map(str, own)) for own in genres]
    counts = train[ITEM_IDX].value_counts().reindex(index, fill_value=0)
    return pd.DataFrame({"movie": movies, "genres": joined, "count": counts}, index)


def _lines(
    movies: pd.DataFrame,
    table: pd.DataFrame,
    column: str,
    text: Callable[[float], str],
    given: pd.Series | None = None,
) -> list[Line]:
    """The first movies of a table with a number, as text, and what the user gave them in test."""
    top = table.head(LENGTH)
    named = movies.loc[top[ITEM_IDX]]
    rated = {} if given is None else given.map("{:g}".format).to_dict()
    rows = zip(top[ITEM_IDX], named["movie"], named["genres"], top[column], strict=True)
    return [Line(movie, of, text(value), rated.get(item, "")) for item, movie, of, value in rows]
