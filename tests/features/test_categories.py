from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from reelbench.columns import CAST, DIRECTOR, OCCUPATION, TITLE, YEAR, ZIP_CODE
from reelbench.data.interactions import Interactions
from reelbench.features.block import Block, Catalogue, Ids
from reelbench.features.categories import CastBlock, CategoriesBlock, DirectorsBlock
from reelbench.features.matrices import sparse_of

ITEMS = pd.DataFrame(
    {
        YEAR: pd.array([1995, None, 1968, 1995, 2030], dtype="Int16"),
        TITLE: ["Heat", "Up", "Playtime", "Babe", "Later"],
    }
)


USERS = pd.DataFrame({ZIP_CODE: ["90210", "10001", "90210", None], OCCUPATION: list("baac")})


def built(items: pd.DataFrame = ITEMS, users: pd.DataFrame = USERS) -> Block:
    """Users 0, 1, 3 and movies 0 to 3 are in train; user 2 and movie 4 are not."""
    train = Interactions.from_arrays([0, 1, 3, 0], [0, 1, 2, 3], [3, 3, 3, 3])
    catalogue = Catalogue(Ids(len(users), len(items), 1, 5), items, users, pd.DataFrame(), train)
    block = CategoriesBlock(items=[YEAR], users=[ZIP_CODE, OCCUPATION], lengths=[TITLE])
    return block.build(catalogue)


def test_numbers_are_rows_of_the_values_of_train() -> None:
    block = built()
    assert block["year_values"].tolist() == ["", "1968", "1995"]
    assert block["year_number"].tolist() == [2, 0, 1, 2, 0]
    assert block["year_number"].dtype == np.int32
    assert block["user_zip_code_values"].tolist() == ["", "10001", "90210"]
    assert block["user_zip_code_number"].tolist() == [2, 1, 2, 0]
    assert block["user_occupation_values"].tolist() == ["", "a", "b", "c"]
    assert block["user_occupation_number"].tolist() == [2, 1, 1, 3]


def test_the_length_of_a_text_is_a_value_too() -> None:
    block = built()
    assert block["title_length_values"].tolist() == ["", "2", "4", "8"]
    assert block["title_length_number"].tolist() == [2, 1, 3, 2, 0]  # no title of train has 5


def built_of_directors(items: pd.DataFrame, train_items: tuple[int, ...] = (0, 1, 2, 3)) -> Block:
    train = Interactions.from_arrays([0] * len(train_items), train_items, [3] * len(train_items))
    nothing = pd.DataFrame()
    ids = Ids(1, len(items), 1.0, 5.0)
    return DirectorsBlock().build(Catalogue(ids, items, nothing, nothing, train))


DIRECTORS = pd.DataFrame(
    {DIRECTOR: ["Varda", None, "Coen J, Coen E", "Akin", "Coen J", "Only Cold"]}
)


def test_numbers_follow_the_names_of_train_and_the_first_director_counts() -> None:
    block = built_of_directors(DIRECTORS)
    assert block["names"].tolist() == ["", "Akin", "Coen J", "Varda"]
    assert block["director"].tolist() == [3, 0, 2, 1, 2, 0]
    assert block["director"].dtype == np.int32


def test_a_data_set_without_directors_knows_none() -> None:
    for items in (
        pd.DataFrame({TITLE: list("abcd")}),
        pd.DataFrame({DIRECTOR: [None, "", float("nan"), " , Someone"]}),
    ):
        block = built_of_directors(items)
        assert block["names"].tolist() == [""]
        assert block["director"].tolist() == [0, 0, 0, 0]


PEOPLE = pd.DataFrame(
    {
        DIRECTOR: ["Coen J, Coen E", "Coen J", None, "Welles", "Welles"],
        CAST: [["Welles", "Ann"], np.array(["Ann", "Ann"]), ["Welles", "Bob"], [], ["Bob"]],
    }
)


def people(min_items: int) -> Block:
    """Movies 0 to 3 are in train; movie 4 is not."""
    train = Interactions.from_arrays([0] * 4, range(4), [3] * 4)
    catalogue = Catalogue(Ids(1, 5, 1, 5), PEOPLE, pd.DataFrame(), pd.DataFrame(), train)
    return CastBlock(columns=[DIRECTOR, CAST, "writer"], min_items=min_items).build(catalogue)


def test_a_person_with_two_roles_has_two_columns_and_rare_people_have_none() -> None:
    block = people(min_items=2)
    assert list(zip(block["roles"], block["terms"], strict=True)) == [
        (DIRECTOR, "Coen J"),
        (CAST, "Ann"),
        (CAST, "Welles"),
    ]
    matrix = sparse_of(block).toarray()
    third, half = 1 / np.sqrt(3), 1 / np.sqrt(2)  # all have two movies of train, so weigh the same
    expected = [[third] * 3, [half, half, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]]
    np.testing.assert_allclose(matrix, expected, atol=1e-6)


def test_rare_people_weigh_more() -> None:
    block = people(min_items=1)
    keys = zip(block["roles"].tolist(), block["terms"].tolist(), strict=True)
    row = dict(zip(keys, sparse_of(block).toarray()[0], strict=True))
    idf = [np.log(5 / (1 + n)) + 1 for n in (1, 2)]  # Coen E made one movie, Coen J two
    assert row[DIRECTOR, "Coen E"] / row[DIRECTOR, "Coen J"] == pytest.approx(idf[0] / idf[1])
