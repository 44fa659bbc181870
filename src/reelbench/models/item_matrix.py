"""Feature blocks as matrices over items, for the models that learn from them."""

from __future__ import annotations

import numpy as np

from reelbench.features.block import Block, Features

# a block with this array is a table of word numbers, rows of its array `vectors`
TOKENS = "tokens"
VECTORS = "vectors"


def dense_columns(block: Block, n_items: int) -> np.ndarray:
    """The float columns of a block, arrays in the order of their names: float64 (n_items, d).

    Vocabularies, moments and words are not columns and are left out.
    """
    if TOKENS in block:
        return np.zeros((n_items, 0))
    columns = [
        block[name].astype(np.float64)
        for name in sorted(block)
        if block[name].dtype == np.float32 and block[name].shape[:1] == (n_items,)
    ]
    return np.hstack(columns) if columns else np.zeros((n_items, 0))


def dense_matrix(features: Features) -> np.ndarray:
    """Float columns of all blocks side by side, in the order declared: float64 (n_items, d)."""
    n_items = features.ids.n_items
    parts = [dense_columns(block, n_items) for block in features.values()]
    return np.hstack([np.zeros((n_items, 0)), *parts])


def tokens_and_vectors(features: Features) -> tuple[np.ndarray, np.ndarray]:
    """The block of words: int32 (n_items, max_tokens) and float32 (n_words + 1, dimension).

    Both have size 0 where no declared block has words.

    Raises:
        ValueError: there are two such blocks.
    """
    blocks = [name for name, block in features.items() if TOKENS in block]
    if len(blocks) > 1:
        raise ValueError(f"a model can read one block of words, not {' and '.join(blocks)}")
    if not blocks:
        return np.zeros((features.ids.n_items, 0), np.int32), np.zeros((1, 0), np.float32)
    block = features[blocks[0]]
    return block[TOKENS], block[VECTORS]
