from __future__ import annotations

import numpy as np
import pandas as pd

from reelbench.evaluation.beyond_accuracy import Movies

ITEMS = pd.DataFrame(
    {"genres": [["War"], [], ["Drama", "War"]], "year": pd.array([1995, None, 2001], dtype="Int16")}
)
TEXT = np.arange(6, dtype=np.float32).reshape(3, 2)


def test_genres_years_and_vectors() -> None:
    movies = Movies.of(ITEMS, {"text": {"text": TEXT, "words": np.array(["a", "b", "c"])}})
    assert {name: member.tolist() for name, member in movies.genres.items()} == {
        "Drama": [False, False, True],
        "War": [True, False, True],
    }
    assert np.isnan(movies.year[1]) and movies.year[2] == 2001
    assert set(movies.vectors) == {"genres", "text"}
    assert movies.vectors["genres"].tolist() == [[0, 1], [0, 0], [1, 1]]
    assert movies.vectors["text"].tolist() == TEXT.tolist()


def test_a_source_without_either_and_a_block_without_vectors() -> None:
    movies = Movies.of(ITEMS[[]], {"ids": {"n_items": np.array(3)}})
    assert (movies.genres, movies.vectors) == ({}, {})
    assert np.isnan(movies.year).all()
