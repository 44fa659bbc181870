"""A data set of a few seconds, in the files of ml-latest-small, with planted tastes."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

WORDS = ("Heat", "Ocean", "Star", "Night", "River", "Queen", "Machine", "Winter", "Garden", "War")
GENRES = ("Action", "Comedy", "Drama", "Romance")


def write_tiny(folder: Path, n_users: int = 40, n_items: int = 60, seed: int = 0) -> None:
    """Write ratings.csv, movies.csv and tags.csv; every user has 12 to 24 ratings."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    taste = rng.normal(size=(n_users, 2)) @ rng.normal(size=(2, n_items))
    with (folder / "movies.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["movieId", "title", "genres"])
        for item in range(n_items):
            title = f"{WORDS[item % 10]} {WORDS[item // 10]}, The ({1960 + item})"
            genres = {GENRES[item % 4], GENRES[item // 15]}
            writer.writerow([item + 1, title, "|".join(sorted(genres))])
    with (folder / "ratings.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["userId", "movieId", "rating", "timestamp"])
        for user in range(n_users):
            count = int(rng.integers(12, 25))
            items = np.sort(rng.choice(n_items, size=count, replace=False))
            times = 1_000_000_000 + np.sort(rng.choice(10**6, size=count, replace=False))
            ratings = np.clip(np.round(2 * (3.5 + taste[user, items])) / 2, 0.5, 5.0)
            for item, rating, time in zip(items, ratings, rng.permutation(times), strict=True):
                writer.writerow([user + 1, item + 1, rating, time])
    (folder / "tags.csv").write_text("userId,movieId,tag,timestamp\n1,1,slow,1000000000\n")
