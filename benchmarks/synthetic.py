"""Synthetic ratings in the shape of MovieLens: any number, in constant memory.

    python benchmarks/synthetic.py FOLDER [n_ratings=100000] [n_users=1000] [n_items=1500] …

FOLDER then is the `data.root` of the data set `synthetic`.

Few movies get most of the ratings (Zipf), few users give most of them (log-normal). A rating is a
mean plus biases of user and movie plus the product of their factors; a movie's factors are those of
its genres plus noise, so that metadata are informative about unrated movies. Users are generated in
blocks with their own random generators: the same settings give the same bytes.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from pyarrow import csv
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt, model_validator

from reelbench.columns import GENRES, ITEM_ID, RATING, TAG, TIMESTAMP, TITLE_RAW, USER_ID
from reelbench.params import Section
from reelbench.seeds import generator

_LOG = logging.getLogger(__name__)

_BLOCK = 500_000  # ratings per block: part of the result, since each block has its own generator
_MOST = 0.25  # share of the movies that a user rates at most
_HEAVY = 0.02  # share of the movies above which a user's are drawn without replacement
_FIRST_SECOND, _LAST_SECOND = 820_454_400, 1_546_300_800  # 1996 to 2018
_DAY = 86_400
_WORDS = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
ADJECTIVES, NOUNS = _WORDS["adjectives"], _WORDS["nouns"]
#: genres with typical tags
GENRE_WORDS: list[tuple[str, list[str]]] = list(_WORDS["genres"].items())
# as GroupLens names them
_FIELDS = {
    USER_ID: pa.field("userId", pa.int64()),
    ITEM_ID: pa.field("movieId", pa.int64()),
    RATING: pa.field("rating", pa.float32()),
    TIMESTAMP: pa.field("timestamp", pa.int64()),
    TAG: pa.field("tag", pa.string()),
    TITLE_RAW: pa.field("title", pa.string()),
    GENRES: pa.field("genres", pa.string()),
}


class SyntheticConfig(Section):
    """What is generated."""

    n_users: PositiveInt = 1000
    n_items: Annotated[int, Field(ge=8)] = 1500
    n_ratings: PositiveInt = 100_000
    min_per_user: PositiveInt = 20  # smallest number of ratings of a user
    n_tags: NonNegativeInt = 3000
    factors: PositiveInt = 8
    noise: NonNegativeFloat = 0.7  # standard deviation of the noise, in stars
    seed: int = 42
    #: of the ratings: Parquet, or CSV as GroupLens publishes them
    ratings_file: Literal["ratings.parquet", "ratings.csv"] = "ratings.parquet"

    @property
    def most_per_user(self) -> int:
        """Largest number of ratings of a user."""
        return max(int(_MOST * self.n_items), 1)

    @model_validator(mode="after")
    def _fits(self) -> SyntheticConfig:
        least, most = (self.n_users * n for n in (self.min_per_user, self.most_per_user))
        if self.min_per_user > self.most_per_user or not least <= self.n_ratings <= most:
            raise ValueError(
                f"{self.n_users} users who rate {self.min_per_user} to {self.most_per_user} movies "
                f"each (a quarter of them at most) give {least} to {most} ratings"
            )
        if self.n_tags > self.n_ratings:
            raise ValueError("n_tags is larger than n_ratings")
        return self


@dataclass(frozen=True)
class _World:
    """What is drawn per user or movie, before any rating."""

    counts: np.ndarray  # int64 (n_users,), ratings of each user
    popularity: np.ndarray  # float64 (n_items,), cumulative; the last is 1
    item_bias: np.ndarray  # float64 (n_items,), in stars
    item_factors: np.ndarray  # float64 (n_items, factors)
    genres: list[np.ndarray]  # numbers of the genres of each movie, one to three


def write(config: SyntheticConfig, folder: Path) -> None:
    """Write the ratings, `movies.csv` and `tags.csv`, with the columns of GroupLens' files."""
    world = _world(config)
    _write_movies(config, world, folder / "movies.csv")
    ratings = _writer(folder / config.ratings_file, [USER_ID, ITEM_ID, RATING, TIMESTAMP])
    tags = _writer(folder / "tags.csv", [USER_ID, ITEM_ID, TAG, TIMESTAMP])
    n_ratings = n_tags = 0
    with ratings, tags:
        for number, users in enumerate(_blocks(world.counts)):
            rng = generator(config.seed, "synthetic", "ratings", str(number))
            rated = _ratings(config, world, users, rng)
            ratings.write_table(_renamed(rated))
            n_ratings += len(rated)
            wanted = config.n_tags * n_ratings // config.n_ratings - n_tags
            if wanted:
                tagged = _tags(world, rated, wanted, rng)
                tags.write_table(_renamed(tagged))
                n_tags += len(tagged)
            _LOG.info("synthetic: %s of %s ratings", f"{n_ratings:,}", f"{config.n_ratings:,}")


def _world(config: SyntheticConfig) -> _World:
    rng = generator(config.seed, "synthetic", "world")
    n_items, width = config.n_items, config.factors
    genres = [
        np.sort(rng.choice(len(GENRE_WORDS), size=size, replace=False))
        for size in rng.integers(1, 4, n_items)
    ]
    of_genre = rng.normal(size=(len(GENRE_WORDS), width))
    own = rng.normal(size=(n_items, width))
    factors = np.array([of_genre[g].mean(axis=0) for g in genres]) + 0.5 * own
    weight = rng.permutation((np.arange(n_items) + 1 + 0.02 * n_items) ** -1.1)
    popularity = np.cumsum(weight) / weight.sum()
    # popular movies are a little better, as in real data
    bias = 0.3 * rng.normal(size=n_items) + 0.1 * np.log(weight / weight.mean())
    return _World(_counts(config, rng), popularity, bias, factors, genres)


def _counts(config: SyntheticConfig, rng: np.random.Generator) -> np.ndarray:
    """Number of ratings of each user: log-normal between minimum and maximum, the sum exact."""
    weight = rng.lognormal(sigma=1.3, size=config.n_users)
    counts = np.full(config.n_users, config.min_per_user)
    while (left := config.n_ratings - counts.sum()) > 0:
        room = config.most_per_user - counts
        share = np.where(room > 0, weight, 0)
        more = np.minimum(np.floor(left * share / share.sum()).astype(np.int64), room)
        if not more.any():
            open_users = np.flatnonzero(room > 0)
            more[open_users[np.argsort(-weight[open_users], kind="stable")][:left]] = 1
        counts += more
    return counts


def _blocks(counts: np.ndarray) -> Iterator[np.ndarray]:
    """Consecutive users with about as many ratings as a block has."""
    block = (np.cumsum(counts) - counts) // _BLOCK
    starts = np.flatnonzero(np.diff(block, prepend=-1))
    yield from np.split(np.arange(len(counts)), starts[1:])


def _ratings(
    config: SyntheticConfig, world: _World, users: np.ndarray, rng: np.random.Generator
) -> pa.Table:
    """All ratings of some users, by user and movie."""
    user, item = _pairs(world, users, rng)
    place = user - users[0]
    user_factors = rng.normal(size=(len(users), config.factors)) / np.sqrt(config.factors)
    stars = 3.5 + 0.4 * rng.normal(size=len(users))[place] + world.item_bias[item]
    stars += 0.6 * np.einsum("ij,ij->i", user_factors[place], world.item_factors[item])
    stars += config.noise * rng.normal(size=len(user))
    columns = {
        USER_ID: user + 1,
        ITEM_ID: item + 1,
        RATING: np.clip(np.round(2 * stars) / 2, 0.5, 5.0),
        TIMESTAMP: _times(user, users, rng),
    }
    return pa.table(columns)


def _pairs(
    world: _World, users: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """User and movie of every rating, no pair twice, by user and movie."""
    n_items = len(world.popularity)
    wanted = world.counts[users]
    heavy = wanted > _HEAVY * n_items
    chosen = [user * n_items + _without_repeats(world, user, rng) for user in users[heavy]]
    found = np.concatenate([np.empty(0, dtype=np.int64), *chosen])
    missing = np.where(heavy, 0, wanted)
    while missing.any():
        user = np.repeat(users, missing)
        item = np.searchsorted(world.popularity, rng.random(len(user)), side="right")
        found = np.union1d(found, user * n_items + np.minimum(item, n_items - 1))
        missing = wanted - np.bincount(found // n_items - users[0], minlength=len(users))
    return np.divmod(np.sort(found), n_items)


def _without_repeats(world: _World, user: int, rng: np.random.Generator) -> np.ndarray:
    """Movies of one user, by exponential keys (Efraimidis and Spirakis 2006).

    It draws a number per movie; drawing until no movie repeats would be slow for many movies.
    """
    keys = rng.exponential(size=len(world.popularity)) / np.diff(world.popularity, prepend=0)
    n = int(world.counts[user])
    return np.argpartition(keys, n - 1)[:n]


def _times(user: np.ndarray, users: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Unix seconds: every user arrives, rates for a while, and may return."""
    arrival = rng.integers(_FIRST_SECOND, _LAST_SECOND - 400 * _DAY, len(users))
    gap = rng.exponential(40.0, len(user))
    gap += np.where(rng.random(len(user)) < 0.02, rng.exponential(20.0 * _DAY, len(user)), 0)
    order = np.lexsort((rng.random(len(user)), user))  # not in the order of the movies
    passed = np.cumsum(gap[order])
    first = np.searchsorted(user, users)
    passed -= np.repeat(passed[first] - 1, np.diff(first, append=len(user)))
    times = np.empty(len(user), dtype=np.int64)
    times[order] = np.minimum(arrival[user - users[0]] + passed.astype(np.int64), _LAST_SECOND)
    return times


def _tags(world: _World, rated: pa.Table, wanted: int, rng: np.random.Generator) -> pa.Table:
    """Words of a genre of the movie for some of the pairs, within an hour after the rating."""
    rows = np.sort(rng.choice(len(rated), size=min(wanted, len(rated)), replace=False))
    chosen = rated.take(pa.array(rows))
    items = chosen[ITEM_ID].to_numpy() - 1
    draws = rng.random((len(rows), 2))
    genres = [_pick(world.genres[i], draw) for i, draw in zip(items, draws[:, 0], strict=True)]
    words = [GENRE_WORDS[genre][1] for genre in genres]
    tags = [_pick(of_genre, draw) for of_genre, draw in zip(words, draws[:, 1], strict=True)]
    time = chosen[TIMESTAMP].to_numpy() + rng.integers(0, 3600, len(rows))
    pairs = {name: chosen[name] for name in (USER_ID, ITEM_ID)}
    return pa.table({**pairs, TAG: tags, TIMESTAMP: time})


def _pick(choices: Any, draw: float) -> Any:
    """One of the choices; `draw` is from 0 to below 1."""
    return choices[int(draw * len(choices))]


def _write_movies(config: SyntheticConfig, world: _World, file: Path) -> None:
    rng = generator(config.seed, "synthetic", "titles")
    years = 2018 - np.minimum(rng.exponential(16, config.n_items), 90).astype(int)
    pairs = rng.permutation(len(ADJECTIVES) * len(NOUNS))
    columns = {
        ITEM_ID: np.arange(config.n_items) + 1,
        TITLE_RAW: [_title(i, pairs, int(year)) for i, year in enumerate(years)],
        GENRES: ["|".join(GENRE_WORDS[g][0] for g in genres) for genres in world.genres],
    }
    with _writer(file, list(columns)) as movies:
        movies.write_table(_renamed(pa.table(columns)))


def _title(number: int, pairs: np.ndarray, year: int) -> str:
    """A unique title, with a trailing article as in MovieLens."""
    again, place = divmod(number, len(pairs))
    adjective, noun = divmod(int(pairs[place]), len(NOUNS))
    sequel = f" {again + 1}" if again else ""
    article = ", The" if number % 3 == 0 else ""
    return f"{ADJECTIVES[adjective]} {NOUNS[noun]}{sequel}{article} ({year})"


def _writer(file: Path, columns: list[str]) -> csv.CSVWriter | pq.ParquetWriter:
    schema = pa.schema([_FIELDS[name] for name in columns])
    if file.suffix == ".parquet":
        return pq.ParquetWriter(file, schema)
    return csv.CSVWriter(file, schema, write_options=csv.WriteOptions(quoting_style="needed"))


def _renamed(table: pa.Table) -> pa.Table:
    schema = pa.schema([_FIELDS[name] for name in table.column_names])
    return table.rename_columns(schema.names).cast(schema)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    place, *settings = sys.argv[1:]
    target = Path(place)
    target.mkdir(parents=True, exist_ok=True)
    write(SyntheticConfig.model_validate(dict(s.split("=", 1) for s in settings)), target)
