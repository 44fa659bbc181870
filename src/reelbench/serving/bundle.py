"""A folder that recommends movies to users without the rest of the project.

bundle/model/          the folder that `Recommender.save` wrote
bundle/items.parquet   item_id, title; row number = item_idx
bundle/users.parquet   user_id; row number = user_idx
bundle/seen.npz        boolean CSR (n_users + 1, n_items), an empty last row for unknown users
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from scipy import sparse

from reelbench.columns import ITEM_ID, ITEM_IDX, RANK, SCORE, TITLE, USER_ID, USER_IDX
from reelbench.data.interactions import Interactions
from reelbench.evaluation.scoring import NO_ITEM, top_k
from reelbench.models.base import Recommender

_USERS_PER_CALL = 256  # users scored in one call: bounds the memory of (users, n_items) scores


def write(
    folder: Path, model: Path, items: Path, users: Path, seen: Sequence[Interactions]
) -> None:
    """Write a bundle to a new folder.

    Items that are `seen` are not recommended again: those of train and valid, as in the evaluation,
    so that the bundle returns the lists of `recommendations.parquet`.
    """
    folder.mkdir(parents=True)
    shutil.copytree(model, folder / "model")
    catalogue = _identifiers(items, ITEM_IDX, ITEM_ID, TITLE)
    people = _identifiers(users, USER_IDX, USER_ID)
    catalogue.to_parquet(folder / "items.parquet", index=False)
    people.to_parquet(folder / "users.parquet", index=False)
    shape = (len(people) + 1, len(catalogue))
    rated = sum((part.seen(*shape) for part in seen), sparse.csr_array(shape, dtype=bool))
    sparse.save_npz(folder / "seen.npz", rated)


@dataclass(frozen=True)
class Bundle:
    """A bundle in memory."""

    model: Recommender
    items: pd.DataFrame  # `item_id` and `title` by `item_idx`
    user_ids: pd.Index  # `user_id` by `user_idx`
    seen: sparse.csr_array  # boolean CSR (n_users + 1, n_items); the last row is the unknown user's

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Load what `write` wrote."""
        return cls(
            Recommender.load(folder / "model"),
            pd.read_parquet(folder / "items.parquet"),
            pd.Index(pd.read_parquet(folder / "users.parquet")[USER_ID]),
            sparse.csr_array(sparse.load_npz(folder / "seen.npz")),
        )

    def recommend(self, user_ids: Sequence[str], k: int) -> pd.DataFrame:
        """The best k (from 1) unseen items of each user, ties by item index.

        User ids are as in the source; others get the answer for an unknown user. Up to k rows per
        user, in their order: `user_id`, `item_id`, `title`, `score` float32, `rank` int64 from 1.
        """
        asked = np.asarray(user_ids, dtype=object)
        known = self.user_ids.get_indexer(pd.Index(asked, dtype=object))
        # at least one chunk, so that no users give an empty table and no exception
        starts = range(0, max(1, len(asked)), _USERS_PER_CALL)
        tables = []
        for chunk in (slice(start, start + _USERS_PER_CALL) for start in starts):
            scores = self.model.score(known[chunk])
            best = top_k(scores, self.seen[known[chunk]], min(k, scores.shape[1]))
            row, place = np.nonzero(best != NO_ITEM)
            item_idx = best[row, place]
            columns = {
                USER_ID: asked[chunk][row],
                ITEM_ID: self.items[ITEM_ID].to_numpy()[item_idx],
                TITLE: self.items[TITLE].to_numpy()[item_idx],
                SCORE: scores[row, item_idx],
                RANK: place + 1,
            }
            tables.append(pd.DataFrame(columns))
        return pd.concat(tables, ignore_index=True)


def _identifiers(table: Path, index: str, *columns: str) -> pd.DataFrame:
    """Columns as text in the order of the dense index."""
    frame = pd.read_parquet(table, columns=[index, *columns]).sort_values(index)
    return frame[list(columns)].astype(str).reset_index(drop=True)
