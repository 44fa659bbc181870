from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from reelbench.columns import ITEM_IDX, KEYWORDS, OVERVIEW, TAG, TITLE, USER_IDX
from reelbench.data.interactions import Interactions
from reelbench.features.block import Block, Catalogue, Ids
from reelbench.features.matrices import sparse_of
from reelbench.features.tfidf import PAIR_PREFIX, RowTagsBlock, TfidfBlock

ITEMS = pd.DataFrame(
    {
        TITLE: list("abcd"),
        KEYWORDS: [["time travel"], [], np.array(["robot"], dtype=object), ["zebra"]],
        OVERVIEW: ["A robot and the robot's robot.", None, "Time!", "A zebra in time"],
    }
)


TAGS = pd.DataFrame({ITEM_IDX: [0, 0, 1, 3], TAG: ["TIME-travel", "robot", "Robot!", "yeti"]})


TAG_WORDS = {"columns": ["keywords"], "user_tags": True, "max_terms": 9, "distinct": True}


OVERVIEWS = {
    "columns": ["overview", "tagline"],
    "user_tags": False,
    "max_terms": 9,
    "distinct": False,
}


def catalogue(items: pd.DataFrame = ITEMS, tags: pd.DataFrame = TAGS) -> Catalogue:
    """Movie 3 is cold."""
    train = Interactions.from_arrays([0, 0, 0], [0, 1, 2], [3, 3, 3])
    return Catalogue(Ids(1, len(items), 1.0, 5.0), items, pd.DataFrame(), tags, train)


def idf(document_frequency: int) -> float:
    return float(np.log((1 + 3) / (1 + document_frequency)) + 1)


def test_tags_and_keywords_count_once_per_item() -> None:
    block = TfidfBlock(**TAG_WORDS).build(catalogue())
    assert block["terms"].tolist() == ["robot", "time", "travel"]
    rows = np.array([[idf(3), idf(1), idf(1)], [1, 0, 0], [1, 0, 0]])
    expected = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    matrix = sparse_of(block)
    assert matrix is not None
    assert matrix.dtype == np.float32
    np.testing.assert_allclose(matrix.toarray()[:3], expected, rtol=1e-6)


def test_vocabulary_and_idf_are_those_of_train() -> None:
    block = TfidfBlock(**TAG_WORDS).build(catalogue())
    matrix = sparse_of(block)
    assert matrix is not None
    assert not matrix.toarray()[3].any()  # neither "zebra" nor "yeti" is known
    changed = ITEMS.assign(**{KEYWORDS: [*ITEMS[KEYWORDS][:3], ["robot"]]})
    after = TfidfBlock(**TAG_WORDS).build(catalogue(changed))
    assert after["terms"].tolist() == block["terms"].tolist()
    np.testing.assert_array_equal(sparse_of(after).toarray()[:3], matrix.toarray()[:3])


def test_words_of_an_overview_are_counted_and_stop_words_are_not() -> None:
    block = TfidfBlock(**OVERVIEWS).build(catalogue())
    assert block["terms"].tolist() == ["robot", "time"]
    np.testing.assert_allclose(sparse_of(block).toarray(), [[1, 0], [0, 0], [0, 1], [0, 1]])


def test_the_most_frequent_terms_stay() -> None:
    block = TfidfBlock(**{**TAG_WORDS, "max_terms": 1}).build(catalogue())
    assert block["terms"].tolist() == ["robot"]


@pytest.mark.parametrize("parameters", [TAG_WORDS, OVERVIEWS])
def test_a_data_set_without_words_has_width_zero(parameters: dict[str, object]) -> None:
    for items, tags in [
        (ITEMS[[TITLE]], TAGS[:0]),
        (ITEMS[[TITLE]], pd.DataFrame()),
        (ITEMS[[TITLE]].assign(**{OVERVIEW: None}), TAGS.assign(**{TAG: "the!"})),
    ]:
        block = TfidfBlock(**parameters).build(catalogue(items, tags))
        matrix = sparse_of(block)
        assert matrix is not None
        assert matrix.shape == (4, 0)
        assert block["terms"].shape == (0,)


# the pair (1, 0) has no row in train
ROW_TAGS = pd.DataFrame(
    {
        USER_IDX: [1, 0, 0, 0, 1],
        ITEM_IDX: [0, 2, 0, 0, 2],
        TAG: ["zebra robot", "Robot!", "time", "TIME-travel", "of the"],
    }
)


def built(tags: pd.DataFrame = ROW_TAGS) -> Block:
    train = Interactions.from_arrays([0, 0, 1], [0, 2, 2], [3, 3, 3])
    catalogue = Catalogue(Ids(2, 3, 1.0, 5.0), pd.DataFrame(), pd.DataFrame(), tags, train)
    return RowTagsBlock(max_terms=9).build(catalogue)


def matrix(block: Block) -> np.ndarray:
    found = sparse_of({name.removeprefix(PAIR_PREFIX): array for name, array in block.items()})
    assert found is not None and found.dtype == np.float32
    return found.toarray()


def test_words_are_those_of_a_pair_and_vocabulary_is_that_of_train() -> None:
    block = built()
    pairs = list(zip(block["pair_user"].tolist(), block["pair_item"].tolist(), strict=True))
    assert pairs == [(0, 0), (0, 2), (1, 0), (1, 2)]
    assert block["terms"].tolist() == ["robot", "time", "travel"]  # and no zebra
    words = matrix(block)
    np.testing.assert_allclose(words[0], [0, np.sqrt(0.5), np.sqrt(0.5)], rtol=1e-6)
    np.testing.assert_array_equal(words[1:3], [[1, 0, 0], [1, 0, 0]])
    assert not words[3].any()  # stop words alone


def test_nothing_that_could_be_read() -> None:
    for tags in (ROW_TAGS.iloc[:0], ROW_TAGS.iloc[-1:]):
        block = built(tags)
        assert matrix(block).shape == (len(tags), 0) and block["terms"].shape == (0,)
