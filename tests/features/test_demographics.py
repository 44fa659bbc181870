from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from reelbench.columns import AGE, GENDER, OCCUPATION, USER_ID, ZIP_CODE
from reelbench.data.interactions import Interactions
from reelbench.features.block import Block, Catalogue, Features, Ids
from reelbench.features.categories import DemographicsBlock
from reelbench.features.matrices import dense_matrix, user_matrix

USERS = pd.DataFrame(
    {
        USER_ID: list("abcdef"),
        AGE: pd.array([20, 40, None, 30, 30, 90], dtype="Int16"),
        GENDER: ["F", "M", "F", "M", None, "X"],
        OCCUPATION: ["artist", "doctor", "artist", "doctor", "doctor", "astronaut"],
        ZIP_CODE: ["94110", "94720", "V3N4P", None, "10001", "94110"],
    }
)
WARM = (0, 1, 2, 3, 4)


def build(users: pd.DataFrame = USERS, min_users: int = 1) -> Block:
    """The last user is cold."""
    train = Interactions.from_arrays(WARM, [0] * len(WARM), [3] * len(WARM))
    nothing = pd.DataFrame()
    catalogue = Catalogue(Ids(len(users), 1, 1.0, 5.0), nothing, users, nothing, train)
    return DemographicsBlock(zip_digits=1, min_users=min_users).build(catalogue)


def test_age_is_on_the_scale_of_train() -> None:
    block = build()
    deviation = np.std([20, 40, 30, 30])
    assert block["age_moments"].tolist() == [30.0, deviation]
    expected = np.array([-10, 10, 0, 0, 0, 60]) / deviation
    np.testing.assert_allclose(block["user_age"][:, 0], expected, rtol=1e-6)
    assert block["user_age_known"][:, 0].tolist() == [1, 1, 0, 1, 1, 1]


def test_vocabularies_are_those_of_train() -> None:
    block = build()
    assert block["gender"].tolist() == ["F", "M"]
    assert block["occupation"].tolist() == ["artist", "doctor"]
    assert block["zip_code"].tolist() == ["1", "9", "V"]
    assert block["user_gender"].tolist() == [[1, 0], [0, 1], [1, 0], [0, 1], [0, 0], [0, 0]]
    assert block["user_occupation"][-1].tolist() == [0, 0]
    assert block["user_zip_code"][:, 1].tolist() == [1, 1, 0, 0, 0, 1]
    assert all(block[f"user_{n}"].dtype == np.float32 for n in ("gender", "zip_code", "age"))


def test_rare_values_have_no_column() -> None:
    block = build(min_users=2)
    assert block["zip_code"].tolist() == ["9"]
    assert block["user_zip_code"].shape == (6, 1)


def test_columns_are_those_of_users_alone() -> None:
    features = Features(Ids(6, 6, 1.0, 5.0), {"demographics": build()})
    assert user_matrix(features).shape == (6, 2 + 2 + 2 + 3)
    assert dense_matrix(features).shape == (6, 0)


@pytest.mark.parametrize("column", [AGE, GENDER, OCCUPATION, ZIP_CODE])
def test_a_column_that_the_data_set_does_not_have(column: str) -> None:
    block = build(USERS.drop(columns=column))
    assert block[f"user_{column}"].shape == (6, 0)
    assert block.keys() == build().keys()


def test_ages_that_nobody_tells() -> None:
    block = build(USERS.assign(**{AGE: pd.array([None] * 6, dtype="Int16")}))
    assert (block["user_age"] == 0).all()
    assert (block["user_age_known"] == 0).all()


def test_codes_count_as_words() -> None:
    block = build(USERS.assign(**{OCCUPATION: [3, 1, 3, 1, 1, 2]}))
    assert block["occupation"].tolist() == ["1", "3"]
