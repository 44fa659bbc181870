"""Sizes of a variant's data, as the published tables count them."""

from __future__ import annotations

import pyarrow.compute as pc
import pyarrow.parquet as pq

from reelbench import paths
from reelbench.columns import ITEM_IDX, USER_IDX
from replications.workspace import Ran


def sizes(ran: Ran) -> dict[str, float]:
    """Rows of the parts, and users and movies that have a rating."""
    parts = {"train_rows": paths.TRAIN, "valid_rows": paths.VALID, "test_rows": paths.TEST}
    rows = {name: pq.read_metadata(ran.file(file)).num_rows for name, file in parts.items()}
    ratings = pq.read_table(ran.file(paths.INTERACTIONS), columns=[USER_IDX, ITEM_IDX])
    users, movies = (len(pc.unique(ratings[name])) for name in (USER_IDX, ITEM_IDX))
    return {**rows, "ratings": len(ratings), "users": users, "movies": movies}
