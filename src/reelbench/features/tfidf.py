"""Blocks `tags` and `overviews`: the words of an item, weighted by how rare they are.

TF-IDF as in scikit-learn: tf · (ln((1 + n) / (1 + df)) + 1), rows of length 1 (Salton & Buckley
1988, "Term-weighting approaches in automatic text retrieval", with a smoothed idf).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from pydantic import PositiveInt
from scipy import sparse

from reelbench.columns import ITEM_IDX, TAG, USER_IDX
from reelbench.features.block import Block, Catalogue, FeatureBlock
from reelbench.features.matrices import sparse_arrays
from reelbench.params import Section


class TfidfConfig(Section):
    #: columns of the items table whose words are read, where the data set has them
    columns: tuple[str, ...]
    #: whether the words of users' tags are read too
    user_tags: bool
    #: the most frequent words that are kept
    max_terms: PositiveInt
    #: whether a word counts once per item, however often it is there
    distinct: bool


class TfidfBlock(FeatureBlock[TfidfConfig]):
    """A sparse matrix (n_items, n_terms) as `sparse_…` (`sparse_of`), and `terms` str (n_terms,).

    Terms are words of two or more letters or digits, lower case, without English stop words, in
    alphabetical order; vocabulary and idf are those of the items with a train row. An item without
    a known term has an empty row. No item has one: the width is 0.
    """

    Config = TfidfConfig

    def build(self, catalogue: Catalogue) -> Block:
        texts = self._texts(catalogue)
        vectorizer = self._vectorizer()
        known = [texts[item] for item in catalogue.train_items()]
        words = vectorizer.build_analyzer()
        if not any(words(text) for text in known):
            nothing = sparse.csr_array((len(texts), 0), dtype=np.float32)
            return {**sparse_arrays(nothing), "terms": np.array([], dtype=np.str_)}
        matrix = vectorizer.fit(known).transform(texts)
        terms = np.array(vectorizer.get_feature_names_out(), dtype=np.str_)
        return {**sparse_arrays(sparse.csr_array(matrix)), "terms": terms}

    def _vectorizer(self) -> Any:
        from sklearn.feature_extraction.text import TfidfVectorizer

        return TfidfVectorizer(
            stop_words="english",
            max_features=self.config.max_terms,
            binary=self.config.distinct,
            dtype=np.float32,
        )

    def _texts(self, catalogue: Catalogue) -> list[str]:
        """All that is to be read of every item, in the order of the catalogue."""
        items = catalogue.items
        columns = [items[name] for name in self.config.columns if name in items]
        if self.config.user_tags:
            columns.append(_tags_of_items(catalogue.tags, len(items)))
        return [" ".join(map(_words, values)) for values in _rows(columns, len(items))]


def _rows(columns: list[pd.Series], n_rows: int) -> Iterable[tuple[Any, ...]]:
    return zip(*columns, strict=True) if columns else [()] * n_rows


def _tags_of_items(tags: pd.DataFrame, n_items: int) -> pd.Series:
    """Tags of every item, lists of strings in the order of the table, indexed 0 to n_items - 1."""
    found: list[list[str]] = [[] for _ in range(n_items)]
    if len(tags):
        for item, tag in zip(tags[ITEM_IDX], tags[TAG], strict=True):
            found[item].append(tag)
    return pd.Series(found, dtype=object)


def _words(value: Any) -> str:
    """A text, or a list of texts, as one text; empty where there is none."""
    if isinstance(value, str):
        return value
    return " ".join(value) if isinstance(value, list | np.ndarray) else ""


#: how names of arrays over pairs of a user and a movie begin
PAIR_PREFIX = "pair_"


class RowTagsConfig(Section):
    #: the most frequent words that are kept
    max_terms: PositiveInt


class RowTagsBlock(FeatureBlock[RowTagsConfig]):
    """TF-IDF of the words of each tagged pair, a word once; rows of length 1, or 0 (stop words).

    `pair_user` and `pair_item` int32 (n_pairs,), ascending by user, then item; a sparse matrix
    (n_pairs, n_terms) as `pair_sparse_…`; `terms` str (n_terms,). Vocabulary and idf are those of
    pairs with a train row. A pair that nobody has tagged is not there.
    """

    Config = RowTagsConfig

    def build(self, catalogue: Catalogue) -> Block:
        texts = _texts(catalogue.tags)
        train = pd.MultiIndex.from_arrays([catalogue.train.user_idx, catalogue.train.item_idx])
        known = list(texts[texts.index.isin(train)])
        vectorizer = self._vectorizer()
        words = vectorizer.build_analyzer()
        if any(words(text) for text in known):
            matrix = sparse.csr_array(vectorizer.fit(known).transform(texts))
            terms = vectorizer.get_feature_names_out()
        else:
            matrix, terms = sparse.csr_array((len(texts), 0), dtype=np.float32), []
        users, items = (texts.index.get_level_values(n) for n in (USER_IDX, ITEM_IDX))
        return {
            **{PAIR_PREFIX + name: array for name, array in sparse_arrays(matrix).items()},
            f"{PAIR_PREFIX}user": users.to_numpy(np.int32),
            f"{PAIR_PREFIX}item": items.to_numpy(np.int32),
            "terms": np.array(terms, dtype=np.str_),
        }

    def _vectorizer(self) -> Any:
        from sklearn.feature_extraction.text import TfidfVectorizer

        return TfidfVectorizer(
            stop_words="english",
            max_features=self.config.max_terms,
            binary=True,
            dtype=np.float32,
        )


def _texts(tags: pd.DataFrame) -> pd.Series:
    """All tags of a pair as one text, by user and item, both ascending."""
    return tags.groupby([USER_IDX, ITEM_IDX], sort=True)[TAG].agg(" ".join)
