"""Blocks `tags`, `overviews` and `row_tags`: words, weighted by how rare they are.

TF-IDF as in scikit-learn: tf · (ln((1 + n) / (1 + df)) + 1), rows of length 1 (Salton & Buckley
1988, "Term-weighting approaches in automatic text retrieval", with a smoothed idf). Terms are words
of two or more letters or digits, lower case, without English stop words, in alphabetical order.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from pydantic import PositiveInt
from scipy import sparse

from reelbench.columns import ITEM_IDX, TAG, USER_IDX
from reelbench.features.block import Block, Catalogue, FeatureBlock
from reelbench.features.matrices import sparse_arrays
from reelbench.features.text import words_of

PAIR_PREFIX = "pair_"  # how names of arrays over pairs of a user and a movie begin


class TfidfBlock(FeatureBlock):
    """A sparse matrix (n_items, n_terms) as `sparse_…` (`sparse_of`), and `terms` str (n_terms,).

    Vocabulary and idf are those of the items with a train row. An item without a known term has an
    empty row; without any term the width is 0.
    """

    columns: tuple[str, ...]  # columns of the items table whose words are read, if there
    user_tags: bool  # whether the words of users' tags are read too
    max_terms: PositiveInt  # the most frequent words that are kept
    distinct: bool  # whether a word counts once per item, however often it occurs

    def build(self, catalogue: Catalogue) -> Block:
        texts = self._texts(catalogue)
        known = [texts[item] for item in catalogue.train_items()]
        matrix, terms = _tfidf(texts, known, self.max_terms, distinct=self.distinct)
        return {**sparse_arrays(matrix), "terms": terms}

    def _texts(self, catalogue: Catalogue) -> list[str]:
        """Text of every item, in the order of the catalogue."""
        items = catalogue.items
        columns = [items[name] for name in self.columns if name in items]
        if self.user_tags:
            tags = catalogue.tags
            lists = tags.groupby(ITEM_IDX)[TAG].agg(list) if len(tags) else pd.Series(dtype=object)
            columns.append(lists.reindex(range(len(items))))
        if not columns:
            return [""] * len(items)
        return [" ".join(map(words_of, values)) for values in zip(*columns, strict=True)]


class RowTagsBlock(FeatureBlock):
    """TF-IDF of the words of each tagged pair, a word once; rows of length 1, or 0 (stop words).

    `pair_user` and `pair_item` int32 (n_pairs,), ascending by user, then item; a sparse matrix
    (n_pairs, n_terms) as `pair_sparse_…`; `terms` str (n_terms,). Vocabulary and idf are those of
    pairs with a train row. A pair without a tag is left out.

    As published (system A). Users who tag a movie have seen it, and mostly rate it the same minute:
    such a tag is not known when the rating is predicted. So the known tags leave out those of valid
    and test, where the block is empty unless the fault `encoder_on_all_rows` is on.
    """

    max_terms: PositiveInt  # the most frequent words that are kept

    def build(self, catalogue: Catalogue) -> Block:
        pairs = catalogue.tags.groupby([USER_IDX, ITEM_IDX], sort=True)[TAG].agg(" ".join)
        train = pd.MultiIndex.from_arrays([catalogue.train.user_idx, catalogue.train.item_idx])
        known = list(pairs[pairs.index.isin(train)])
        matrix, terms = _tfidf(list(pairs), known, self.max_terms, distinct=True)
        users, items = (pairs.index.get_level_values(n) for n in (USER_IDX, ITEM_IDX))
        return {
            **{PAIR_PREFIX + name: array for name, array in sparse_arrays(matrix).items()},
            f"{PAIR_PREFIX}user": users.to_numpy(np.int32),
            f"{PAIR_PREFIX}item": items.to_numpy(np.int32),
            "terms": terms,
        }


def _tfidf(
    texts: Sequence[str], known: Sequence[str], max_terms: int, *, distinct: bool
) -> tuple[sparse.csr_array, np.ndarray]:
    """Matrix float32 (len(texts), n_terms) and terms; vocabulary and idf are those of `known`."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        stop_words="english", max_features=max_terms, binary=distinct, dtype=np.float32
    )
    words = vectorizer.build_analyzer()
    if not any(words(text) for text in known):  # scikit-learn refuses an empty vocabulary
        return sparse.csr_array((len(texts), 0), dtype=np.float32), np.array([], dtype=np.str_)
    matrix = sparse.csr_array(vectorizer.fit(known).transform(texts))
    return matrix, np.array(vectorizer.get_feature_names_out(), dtype=np.str_)
