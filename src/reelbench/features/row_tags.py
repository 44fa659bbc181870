"""Block `row_tags`: what a user has called a movie, as a feature of that very pair.

As published (system A). Who has tagged a movie has seen it, and mostly rates it the same minute: of
a rating that is to be foretold such a tag is not known. So the known tags leave out those of valid
and test, and there the block says nothing, unless the fault `encoder_on_all_rows` is on.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from pydantic import PositiveInt
from scipy import sparse

from reelbench.columns import ITEM_IDX, TAG, USER_IDX
from reelbench.features.block import Block, Catalogue, FeatureBlock
from reelbench.features.sparse import sparse_arrays
from reelbench.params import Section

#: how names of arrays over pairs of a user and a movie begin
PAIR_PREFIX = "pair_"


class RowTagsConfig(Section):
    #: the most frequent words that are kept
    max_terms: PositiveInt


class RowTagsBlock(FeatureBlock):
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
