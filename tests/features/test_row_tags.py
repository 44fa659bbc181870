from __future__ import annotations

import numpy as np
import pandas as pd

from reelbench.columns import ITEM_IDX, TAG, USER_IDX
from reelbench.data.interactions import Interactions
from reelbench.features.block import Block, Catalogue, Ids
from reelbench.features.matrices import sparse_of
from reelbench.features.tfidf import PAIR_PREFIX, RowTagsBlock

# the pair (1, 0) has no row in train
TAGS = pd.DataFrame(
    {
        USER_IDX: [1, 0, 0, 0, 1],
        ITEM_IDX: [0, 2, 0, 0, 2],
        TAG: ["zebra robot", "Robot!", "time", "TIME-travel", "of the"],
    }
)


def built(tags: pd.DataFrame = TAGS) -> Block:
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
    for tags in (TAGS.iloc[:0], TAGS.iloc[-1:]):
        block = built(tags)
        assert matrix(block).shape == (len(tags), 0) and block["terms"].shape == (0,)
