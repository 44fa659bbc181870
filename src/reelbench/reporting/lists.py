"""What models recommend: the top and the bottom of the ranking for one test user."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from reelbench import paths
from reelbench.columns import GENRES, ITEM_IDX, RANK, RATING, SCORE, TITLE, USER_ID, USER_IDX, YEAR
from reelbench.reporting.comparisons import best_of, compared_metrics
from reelbench.reporting.dataset import Dataset
from reelbench.reporting.results import Result

#: of every list
LENGTH = 10
# shown for comparison if they are on the leaderboard
_PLAIN = ("bias", "popularity")


class Line(NamedTuple):
    """A movie in a list.

    Attributes:
        movie: title and year.
        genres: joined; empty where unknown.
        value: the number of the list, as text.
        given: the test rating of the user; empty without one.
    """

    movie: str
    genres: str
    value: str
    given: str = ""


@dataclass(frozen=True)
class ModelLists:
    """Lists of one model.

    Attributes:
        first: top of the ranking with scores.
        last: bottom of the same ranking, the last place first; empty if it is not stored.
        n_ranked: movies in the whole ranking; 0 if that is not stored.
        lowest: test movies with the lowest predictions; empty for a model that only ranks.
        unseen: movies recommended to the fewest users, the most rated first, with that number.
    """

    model: str
    first: list[Line]
    last: list[Line]
    n_ranked: int
    lowest: list[Line]
    unseen: list[Line]


@dataclass(frozen=True)
class Lists:
    """Lists of a few models for one user.

    Attributes:
        user: identifier in the source.
        n_train: ratings of the user in train.
        n_users: number of users with stored rankings.
        liked: movies with the highest train ratings of the user.
    """

    user: str
    n_train: int
    n_users: int
    liked: list[Line]
    models: list[ModelLists]


def read_lists(dataset: Dataset, results: Sequence[Result], k: int) -> Lists | None:
    """Lists for the test user with the median number of train ratings, the first of equals.

    Args:
        results: in the order of the leaderboard.
        k: cutoff of the metrics that choose the models.
    """
    shown = [r for r in _shown(results, k) if paths.recommendations(r.name).is_file()]
    if not shown:
        return None
    tables = {r.name: pd.read_parquet(paths.recommendations(r.name)) for r in shown}
    train = pd.read_parquet(paths.TRAIN, columns=[USER_IDX, ITEM_IDX, RATING])
    users = tables[shown[0].name][USER_IDX].unique()
    counts = train[USER_IDX].value_counts().reindex(sorted(users), fill_value=0)
    user = _median(counts)
    movies = _Movies(dataset.items, train[ITEM_IDX].value_counts())
    own = train[train[USER_IDX] == user].sort_values([RATING, ITEM_IDX], ascending=[False, True])
    liked = [movies.line(i, f"{r:g}") for i, r in _pairs(own, RATING)]
    lists = [_of_model(r, tables[r.name], _bottom(r.name, user), user, movies) for r in shown]
    return Lists(_name(dataset.users, user), int(counts[user]), len(users), liked, lists)


def _shown(results: Sequence[Result], k: int) -> list[Result]:
    """The best model in each metric, and the plain ones."""
    names = set(_PLAIN)
    for metric in compared_metrics(k):
        known = [r for r in results if r.metrics.get(metric.key) is not None]
        for predicts in (True, False):
            own = [r for r in known if r.predicts_ratings == predicts]
            names |= {best_of(own, metric)} if own else set()
    return [r for r in results if r.name in names]


def _median(counts: pd.Series) -> int:
    """The user whose count is in the middle."""
    ordered = counts.sort_values(kind="stable")
    return int(ordered.index[(len(ordered) - 1) // 2])


def _bottom(model: str, user: int) -> pd.DataFrame:
    """Last places of one user, from the very last upwards."""
    file = paths.last_places(model)
    if not file.is_file():
        return pd.DataFrame(columns=[USER_IDX, ITEM_IDX, SCORE, RANK])
    table = pd.read_parquet(file)
    return table[table[USER_IDX] == user].sort_values(RANK, ascending=False)


def _of_model(
    result: Result, table: pd.DataFrame, bottom: pd.DataFrame, user: int, movies: _Movies
) -> ModelLists:
    own = table[table[USER_IDX] == user].sort_values(RANK)
    tested = result.predictions[result.predictions[USER_IDX] == user]
    given = dict(_pairs(tested, RATING, None))
    first = [movies.line(i, _score(score), given.get(i)) for i, score in _pairs(own, SCORE)]
    last = [movies.line(i, _score(score), given.get(i)) for i, score in _pairs(bottom, SCORE)]
    n_ranked = int(bottom[RANK].max()) if len(bottom) else 0
    low = tested.dropna(subset=[SCORE]).sort_values([SCORE, ITEM_IDX])
    lowest = [movies.line(i, f"{score:.2f}", given[i]) for i, score in _pairs(low, SCORE)]
    # users see the first ten
    times = table.loc[table[RANK] <= LENGTH, ITEM_IDX].value_counts()
    unseen = [movies.line(i, f"{n:,}") for i, n in movies.least(times)]
    return ModelLists(result.name, first, last, n_ranked, lowest, unseen)


def _score(score: float) -> str:
    """Three digits: a score may be a rating, a share or a number of ratings."""
    return f"{score:#.3g}".rstrip(".")


def _pairs(table: pd.DataFrame, column: str, most: int | None = LENGTH) -> list[tuple[int, float]]:
    top = table.head(most) if most is not None else table
    return list(zip(top[ITEM_IDX].astype(int), top[column].astype(float), strict=True))


def _name(users: pd.DataFrame, user: int) -> str:
    known = users[users[USER_IDX] == user] if {USER_ID, USER_IDX} <= set(users) else users[:0]
    return str(known[USER_ID].iloc[0]) if len(known) else f"number {user}"


class _Movies:
    """Descriptions of movies.

    Args:
        items: the table `items`.
        counts: number of train ratings by `item_idx`, without movies that have none.
    """

    def __init__(self, items: pd.DataFrame, counts: pd.Series) -> None:
        self.items = items.set_index(ITEM_IDX)
        self.counts = counts.reindex(self.items.index, fill_value=0)

    def line(self, item: int, value: str, given: float | None = None) -> Line:
        row = self.items.loc[item].to_dict() if item in self.items.index else {}
        year = row.get(YEAR)
        title = str(row.get(TITLE) or f"movie {item}")
        genres = row.get(GENRES)
        return Line(
            movie=title if year is None or pd.isna(year) else f"{title} ({int(year)})",
            genres="" if genres is None else ", ".join(map(str, genres)),
            value=value,
            given="" if given is None else f"{given:g}",
        )

    def least(self, times: pd.Series) -> list[tuple[int, int]]:
        """Movies in the fewest lists, those with the most train ratings first."""
        table = pd.DataFrame({"times": times.reindex(self.items.index, fill_value=0)})
        table = table.assign(known=-self.counts).sort_values(["times", "known"], kind="stable")
        return [(int(str(item)), int(n)) for item, n in table["times"].head(LENGTH).items()]
