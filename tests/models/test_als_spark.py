from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from contracts import IDS, TRAIN, USERS, RecommenderContract
from spark_cluster import why_not

from reelbench.columns import ITEM_IDX, RATING, TIMESTAMP, USER_IDX
from reelbench.data.interactions import Interactions
from reelbench.features.block import Features
from reelbench.models.als_spark import ALSSpark

pytestmark = [
    *(pytest.mark.spark, pytest.mark.slow, pytest.mark.skipif(**why_not())),
    pytest.mark.usefixtures("java"),
]

HERE = {"master": "local[2]", "driver_memory": "1g", "partitions": 1}
PARAMETERS = {**HERE, "factors": 3, "epochs": 4, "regularization": 0.02}
IMPLICIT = {**HERE, "factors": 3, "epochs": 8, "regularization": 2.0}
IMPLICIT |= {"implicit": True, "alpha": 20.0, "rating_power": 3.0}


class TestExplicit(RecommenderContract):
    model_class = ALSSpark
    parameters = PARAMETERS
    fold_in = "exact"


class TestImplicit(RecommenderContract):
    model_class = ALSSpark
    parameters = IMPLICIT
    fold_in = "exact"


def test_a_file_is_read_by_spark_and_gives_what_arrays_give(tmp_path: Path) -> None:
    names = (USER_IDX, ITEM_IDX, RATING, TIMESTAMP)
    pq.write_table(pa.table(dict(zip(names, TRAIN.columns(), strict=True))), tmp_path / "train")
    read = Interactions.from_parquet(tmp_path / "train")
    assert read.file == tmp_path / "train" and read.select(read.rating > 1).file is None
    scores = [
        ALSSpark(seed=7, **PARAMETERS).fit(rows, features=Features(IDS)).score(USERS)
        for rows in (read, TRAIN)
    ]
    np.testing.assert_array_equal(*scores)
