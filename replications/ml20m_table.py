"""System A: the table that everything is made from, a row per rating of a tagged movie."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from reelbench import paths
from reelbench.columns import (
    DIRECTOR,
    GENRES,
    ITEM_ID,
    ITEM_IDX,
    RATING,
    TAG,
    TIMESTAMP,
    TITLE,
    TITLE_RAW,
    USER_ID,
    USER_IDX,
)
from replications.lists import UNKNOWN
from replications.measure import Study
from replications.published import Variant

BIAS = Variant(model="bias")
# an article is looked for in this order, which the third never comes into: ", A" is in ", An"
_ARTICLES = ("The", "A", "An")


def joined(study: Study) -> pd.DataFrame:
    """Ratings by user and movie with what was joined to them, as published.

    Returns:
        `user_idx`, `item_idx`, `user_id`, `item_id`, `title` (as printed), `director`, `rating`,
        `year` and `month` of the rating, `tag` (those of the same user, joined), `genres` (lists).
    """
    ran = study.run(BIAS, upto="split")
    files = (paths.INTERACTIONS, paths.ITEMS, paths.USERS, paths.TAGS)
    ratings, items, users, tags = (pd.read_parquet(ran.file(file)) for file in files)
    return joined_of(ratings, items, users, tags)


def joined_of(
    ratings: pd.DataFrame, items: pd.DataFrame, users: pd.DataFrame, tags: pd.DataFrame
) -> pd.DataFrame:
    """`joined` of canonical tables, in which row numbers of items and users are their index."""
    pairs = tags.groupby([USER_IDX, ITEM_IDX])[TAG].agg(", ".join).reset_index()
    table = ratings.merge(pairs, on=[USER_IDX, ITEM_IDX])
    table = table.sort_values([USER_IDX, ITEM_IDX], ignore_index=True)
    movies, people = items.loc[table[ITEM_IDX]], users.loc[table[USER_IDX]]
    time = pd.to_datetime(table[TIMESTAMP], unit="s")
    director = movies[DIRECTOR] if DIRECTOR in movies else pd.Series(np.nan, movies.index)
    return pd.DataFrame(
        {
            **{name: table[name] for name in (USER_IDX, ITEM_IDX, RATING, TAG)},
            USER_ID: people[USER_ID].to_numpy(np.int64),
            ITEM_ID: movies[ITEM_ID].to_numpy(np.int64),
            TITLE: [printed_title(str(raw)) for raw in movies[TITLE_RAW]],
            DIRECTOR: director.fillna(UNKNOWN).to_numpy(),
            "year": time.dt.year,
            "month": time.dt.month,
            GENRES: movies[GENRES].to_numpy(),
        }
    )


def printed_title(raw: str) -> str:
    """Brackets dropped but a year at the end, and the first article found after a comma in front.

    Its fault: ", A" is found anywhere in a title, in ", An" too.

    >>> printed_title("Matrix, The (1999)"), printed_title("American in Paris, An (1951)")
    ('The Matrix (1999)', 'A American in Parisn (1951)')
    """
    year = re.search(r"\(\d{4}\)$", raw)
    bare = re.sub(r"\s*\([^)]*\)\s*", "", raw)
    article = next((name for name in _ARTICLES if f", {name}" in bare), None)
    if article:
        bare = f"{article} {bare.replace(f', {article}', '')}"
    return f"{bare} {year[0]}".strip() if year else bare.strip()
