"""What every feature block must do, as one class, on a catalogue with every column.

Users 0 to 3 and items 0 to 4 have rows in train; the last user and the last two items have none
(cold). All that a block may learn comes from the former.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from reelbench.columns import (
    AGE,
    BUDGET,
    DIRECTOR,
    GENDER,
    GENRES,
    ITEM_IDX,
    KEYWORDS,
    OCCUPATION,
    OVERVIEW,
    RUNTIME,
    TAG,
    TITLE,
    USER_ID,
    USER_IDX,
    YEAR,
    ZIP_CODE,
)
from reelbench.data.interactions import Interactions
from reelbench.features.block import (
    USER_PREFIX,
    Block,
    Catalogue,
    FeatureBlock,
    Ids,
    is_empty,
    read_block,
    write_block,
)
from reelbench.features.matrices import SPARSE_PREFIX, sparse_of
from reelbench.features.tfidf import PAIR_PREFIX

N_USERS, N_ITEMS = 5, 7
WARM_USERS, WARM_ITEMS = np.arange(4), np.arange(5)
TRAIN = Interactions.from_arrays([0, 1, 2, 3, 0], [0, 1, 2, 3, 4], [5, 4, 3, 2, 1])

ITEMS = pd.DataFrame(
    {
        TITLE: ["Toy Story", "Heat", "The Robot", "Zqxv", "Spider-Man's 2", "Casino", "Babe"],
        YEAR: pd.array([1995, 1995, None, 1968, 2004, 2030, 1900], dtype="Int16"),
        GENRES: [["Comedy"], ["Crime", "Drama"], [], ["Drama"], ["Comedy"], ["War"], ["Drama"]],
        DIRECTOR: ["Lasseter", "Mann", None, "Varda, Akin", "Mann", "Scorsese", "Mann"],
        KEYWORDS: [["toy"], ["heist"], ["robot"], [], ["time travel"], ["casino"], ["toy"]],
        OVERVIEW: ["A toy.", "A thief.", "A robot!", None, "Time.", "A casino.", "A toy pig."],
        BUDGET: [30e6, 60e6, None, 0.0, 200e6, 52e6, 1e12],
        RUNTIME: pd.array([81, 170, 90, None, 127, 178, 999], dtype="Int16"),
    }
)
USERS = pd.DataFrame(
    {
        USER_ID: list("abcde"),
        AGE: pd.array([20, 40, None, 30, 99], dtype="Int16"),
        GENDER: ["F", "M", "F", None, "X"],
        OCCUPATION: ["artist", "doctor", "artist", "student", "astronaut"],
        ZIP_CODE: ["94110", "10001", None, "94720", "77777"],
    }
)
TAGS = pd.DataFrame(
    {
        USER_IDX: [0, 1, 2, 4, 4],
        ITEM_IDX: [0, 1, 2, 5, 6],
        TAG: ["funny toy", "heist", "robot", "casino", "toy"],
    }
)


def catalogue(
    items: pd.DataFrame = ITEMS, users: pd.DataFrame = USERS, tags: pd.DataFrame = TAGS
) -> Catalogue:
    return Catalogue(Ids(N_USERS, N_ITEMS, 1.0, 5.0), items, users, tags, TRAIN)


def other_cold_rows() -> Catalogue:
    """The catalogue with all that is known of cold users and items taken from warm ones."""
    items, users, tags = ITEMS.copy(), USERS.copy(), TAGS.copy()
    for cold, warm in ((5, 1), (6, 4)):
        for name in ITEMS:
            items.at[cold, name] = ITEMS.at[warm, name]
    for name in USERS.columns.drop(USER_ID):
        users.at[4, name] = USERS.at[0, name]
    tags.loc[3:, TAG] = ["heist yeti", "yeti"]
    return catalogue(items, users, tags)


def bare() -> Catalogue:
    """Items with the columns that every data set has, empty; no columns of users and no tags."""
    items = pd.DataFrame(
        {
            TITLE: [""] * N_ITEMS,
            YEAR: pd.array([None] * N_ITEMS, dtype="Int16"),
            GENRES: [[] for _ in range(N_ITEMS)],
        }
    )
    return catalogue(items, USERS[[USER_ID]], TAGS.iloc[:0])


class BlockContract:
    """Inherit as `TestX`; name the class and its parameters."""

    block_class: ClassVar[type[FeatureBlock]]
    parameters: ClassVar[dict[str, Any]] = {}
    #: numeric arrays that have no row per item or user: moments, sizes, a table of vectors
    tables: ClassVar[tuple[str, ...]] = ()
    #: columns of the float arrays of a data set in which nothing is known; None: it reads nothing
    width_of_nothing: ClassVar[int | None] = 0

    @classmethod
    def fresh(cls, **more: Any) -> FeatureBlock:
        return cls.block_class(seed=7, threads=1, **{**cls.parameters, **more})

    @pytest.fixture(scope="class")
    def block(self) -> Block:
        return self.fresh().build(catalogue())

    def over_rows(self, block: Block) -> dict[str, np.ndarray]:
        """Arrays with a row per item or user."""
        others = (*self.tables, *(n for n in block if n.startswith((SPARSE_PREFIX, PAIR_PREFIX))))
        return {n: a for n, a in block.items() if n not in others and a.dtype.kind != "U"}

    def learned(self, block: Block) -> dict[str, np.ndarray]:
        """Vocabularies, moments, and the rows of warm users and items."""
        found = {}
        for name, array in self.over_rows(block).items():
            found[name] = array[WARM_USERS if name.startswith(USER_PREFIX) else WARM_ITEMS]
        for name in {*block} & {
            *self.tables,
            *(n for n, a in block.items() if a.dtype.kind == "U"),
        }:
            found[name] = block[name]
        if (matrix := sparse_of(block)) is not None:
            found["sparse"] = matrix.toarray()[WARM_ITEMS]
        if PAIR_PREFIX + "user" in block:
            pairs = {n.removeprefix(PAIR_PREFIX): a for n, a in block.items()}
            warm = np.isin(pairs["item"], WARM_ITEMS)
            found["pairs"] = sparse_of(pairs).toarray()[warm]
        return found

    def test_the_same_input_gives_the_same_file(self, block: Block, tmp_path: Path) -> None:
        np.random.seed(99)
        write_block(block, tmp_path / "one.npz")
        write_block(self.fresh().build(catalogue()), tmp_path / "two.npz")
        assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
        read = read_block(tmp_path / "one.npz")
        assert read.keys() == block.keys()
        for name, array in block.items():
            assert read[name].dtype == array.dtype, name
            np.testing.assert_array_equal(read[name], array, err_msg=name)

    def test_rows_are_those_of_items_or_of_users(self, block: Block) -> None:
        for name, array in self.over_rows(block).items():
            rows = N_USERS if name.startswith(USER_PREFIX) else N_ITEMS
            assert array.shape[:1] == (rows,), name
            assert array.dtype in (np.float32, np.int32), (name, array.dtype)
        if (matrix := sparse_of(block)) is not None:
            assert matrix.shape == (N_ITEMS, len(block["terms"])) and matrix.dtype == np.float32

    def test_numbers_are_finite_and_words_are_text(self, block: Block) -> None:
        for name, array in block.items():
            assert array.dtype.kind in "Uif", (name, array.dtype)
            assert array.dtype.kind == "U" or np.isfinite(array).all(), name

    def test_nothing_is_learned_from_rows_outside_train(self, block: Block) -> None:
        expected = self.learned(block)
        found = self.learned(self.fresh().build(other_cold_rows()))
        assert found.keys() == expected.keys()
        for name, array in expected.items():
            assert found[name].shape == array.shape, name
            if array.dtype.kind == "U":
                assert found[name].tolist() == array.tolist(), name
            else:
                np.testing.assert_allclose(found[name], array, atol=1e-6, err_msg=name)

    def test_a_data_set_without_the_columns_has_no_columns(self, block: Block) -> None:
        if self.width_of_nothing is None:
            pytest.skip("the block reads no metadata")
        empty = self.fresh().build(bare())
        assert empty.keys() == block.keys()
        assert is_empty(empty) and not is_empty(block)
        for name, array in self.over_rows(empty).items():
            assert not array.any(), name
            if array.dtype == np.float32:
                assert array.shape[1] == self.width_of_nothing, name
        for prefix in ("", PAIR_PREFIX):
            if f"{prefix}{SPARSE_PREFIX}shape" in empty:
                assert empty[f"{prefix}{SPARSE_PREFIX}shape"][1] == 0

    def test_an_unknown_parameter_is_refused(self) -> None:
        with pytest.raises(ValidationError, match="strange_key"):
            self.fresh(strange_key=1)
