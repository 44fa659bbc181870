"""What `clean` and `split` do to ratings, tags and movies, in pandas and nothing else.

Started by `data.py` in a folder with data/raw; writes to data/pandas.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

RAW, OUT = Path("data/raw"), Path("data/pandas")
PAIR = ["user_idx", "item_idx"]


def main() -> None:
    """Read, check, number, take repeated pairs out, sort, divide per user by time, write."""
    OUT.mkdir(parents=True, exist_ok=True)
    movies = pd.read_csv(RAW / "movies.csv")
    ratings = pd.read_csv(RAW / "ratings.csv")
    if not ratings["rating"].between(0.5, 5).all() or ratings.isna().any().any():
        raise SystemExit("a rating cannot be used")
    users = pd.Index(sorted(ratings["userId"].unique()))
    items = pd.Index(movies["movieId"])
    clean = numbered(ratings, users, items).sort_values(["timestamp", "rating"])
    clean = clean.drop_duplicates(PAIR, keep="last")
    clean = clean.sort_values(["user_idx", "timestamp", "item_idx"], ignore_index=True)
    clean.to_parquet(OUT / "interactions.parquet")
    movies.to_parquet(OUT / "items.parquet")
    tags = numbered(pd.read_csv(RAW / "tags.csv"), users, items)
    tags.sort_values([*PAIR, "timestamp", "tag"]).to_parquet(OUT / "tags.parquet")
    divide(clean)


def numbered(table: pd.DataFrame, users: pd.Index, items: pd.Index) -> pd.DataFrame:
    """The rows with dense indices instead of ids."""
    user_idx = users.get_indexer(table["userId"]).astype("int32")
    item_idx = items.get_indexer(table["movieId"]).astype("int32")
    if (item_idx < 0).any():
        raise SystemExit("a movie is not in the catalogue")
    rest = table.drop(columns=["userId", "movieId"])
    rest.insert(0, "item_idx", item_idx)
    rest.insert(0, "user_idx", user_idx)
    return rest.astype({"rating": "float32"} if "rating" in rest else {})


def divide(clean: pd.DataFrame) -> None:
    """The last tenth of each user is test, the tenth before it valid."""
    by_user = clean.groupby("user_idx")["item_idx"]
    n = by_user.transform("size")
    held_out = (n // 10).clip(lower=1)
    left = n - 1 - by_user.cumcount()
    clean[left < held_out].to_parquet(OUT / "test.parquet")
    clean[(left >= held_out) & (left < 2 * held_out)].to_parquet(OUT / "valid.parquet")
    clean[left >= 2 * held_out].to_parquet(OUT / "train.parquet")


if __name__ == "__main__":
    main()
