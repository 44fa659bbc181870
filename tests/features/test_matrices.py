from __future__ import annotations

import numpy as np
import pytest
from contracts import IDS, N_ITEMS, blocks

from reelbench.features.block import Features
from reelbench.features.matrices import dense_matrix, title_matrix, tokens_and_vectors


def test_float_columns_of_all_blocks_in_the_order_declared() -> None:
    given = blocks()
    features = Features(IDS, {name: given[name] for name in ("years", "titles", "genres")})
    expected = np.hstack(
        [given["years"]["known"], given["years"]["year"], given["genres"]["genres"]]
    )
    np.testing.assert_array_equal(dense_matrix(features), expected)


def test_no_features_are_no_columns() -> None:
    assert dense_matrix(Features(IDS)).shape == (N_ITEMS, 0)
    tokens, vectors = tokens_and_vectors(Features(IDS))
    assert tokens.shape == (N_ITEMS, 0)
    assert vectors.shape == (1, 0)


def test_two_blocks_of_words_are_refused() -> None:
    titles = blocks()["titles"]
    with pytest.raises(ValueError, match="one block of words, not titles and plots"):
        tokens_and_vectors(Features(IDS, {"titles": titles, "plots": titles}))


def test_titles_are_directions() -> None:
    block = blocks()["titles"]
    matrix = title_matrix(Features(IDS, {"titles": block}))
    assert matrix.shape == (N_ITEMS, 4)
    expected = block["vectors"][block["tokens"][0]].sum(axis=0)
    np.testing.assert_allclose(matrix[0], expected / np.linalg.norm(expected))
    assert not matrix[4].any()  # no known word
    assert title_matrix(Features(IDS)).shape == (N_ITEMS, 0)
