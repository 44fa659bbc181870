"""Blocks `genres`, `directors`, `cast`, `categories`, `demographics`: columns or numbers of values.

Vocabularies are those of the items (users) with a train row: what only others have is unknown.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd
from pydantic import PositiveInt
from scipy import sparse

from reelbench.columns import AGE, DIRECTOR, GENDER, GENRES, OCCUPATION, ZIP_CODE
from reelbench.features.block import USER_PREFIX, Block, Catalogue, FeatureBlock
from reelbench.features.matrices import multi_hot, sparse_arrays, standardised, unit_rows


class CategoriesBlock(FeatureBlock):
    """Numbers of values, rows of a vocabulary whose row 0, "", is the unknown value.

    `NAME_number` int32 (n_items,) and `user_NAME_number` int32 (n_users,) per column, and
    `NAME_length_number` per length, with the vocabularies `NAME_values`, `user_NAME_values` and
    `NAME_length_values` str (k + 1,), sorted as words. A column that the data set does not have is
    unknown throughout.
    """

    items: tuple[str, ...]  # columns of the items table that are numbered, where there are any
    users: tuple[str, ...]  # columns of the users table, likewise
    lengths: tuple[str, ...]  # columns of the items table whose number of characters is a value

    def build(self, catalogue: Catalogue) -> Block:
        items, users, train = catalogue.items, catalogue.users, catalogue.train
        warm_items, warm_users = catalogue.train_items(), np.unique(train.user_idx)
        columns = {name: (words_in(items, name), warm_items) for name in self.items}
        for name in self.lengths:
            lengths = [str(len(word)) if word else "" for word in words_in(items, name)]
            columns[f"{name}_length"] = lengths, warm_items
        for name in self.users:
            columns[USER_PREFIX + name] = words_in(users, name), warm_users
        block: Block = {}
        for name, (words, warm) in columns.items():
            block[f"{name}_number"], block[f"{name}_values"] = _numbered(words, warm)
        return block


class GenresBlock(FeatureBlock):
    """`genres` float32 (n_items, n_genres), ones and zeros; `names` str (n_genres,), sorted.

    An item without genres has a row of zeros.
    """

    def build(self, catalogue: Catalogue) -> Block:
        lists = list(catalogue.items[GENRES])
        names = sorted({genre for item in catalogue.train_items() for genre in lists[item]})
        return {"genres": multi_hot(lists, names), "names": np.array(names, dtype=np.str_)}


class DirectorsBlock(FeatureBlock):
    """`director` int32 (n_items,), a row of `names` str (n_directors + 1,); 0 and "" are unknown.

    Names are sorted. Of several directors the first counts. A data set without directors has
    `names` [""].
    """

    def build(self, catalogue: Catalogue) -> Block:
        words = [word.split(",")[0].strip() for word in words_in(catalogue.items, DIRECTOR)]
        director, names = _numbered(words, catalogue.train_items())
        return {"director": director, "names": names}


class CastBlock(FeatureBlock):
    """Who made a movie: a sparse matrix (n_items, n_terms) as `sparse_…`, with rows of length 1.

    A column is a name in one of the columns, weighted as in TF-IDF by how rare it is: `terms` str
    (n_terms,) has the names and `roles` str (n_terms,) their columns of the items table, in that
    order and then sorted. Vocabulary and weights are those of the items with a train row. A movie
    without a known name has an empty row; a data set without the columns has width 0.
    """

    columns: tuple[str, ...]  # columns of the items table with lists of names, where there are any
    min_items: PositiveInt  # a name that fewer movies of train have gets no column

    def build(self, catalogue: Catalogue) -> Block:
        items, warm = catalogue.items, catalogue.train_items()
        terms = list[tuple[str, str]]()
        lists = {name: names_in_column(items, name) for name in self.columns}
        for role, own in lists.items():
            count = Counter(name for item in warm for name in own[item])
            terms += sorted((role, name) for name, n in count.items() if n >= self.min_items)
        place = {term: column for column, term in enumerate(terms)}
        pairs = [
            (item, place[role, name])
            for role, own in lists.items()
            for item, names in enumerate(own)
            for name in names
            if (role, name) in place
        ]
        rows, columns = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
        movies = np.bincount(columns[np.isin(rows, warm)], minlength=len(terms))
        weight = np.log((1 + len(warm)) / (1 + movies)) + 1
        shape = (len(items), len(terms))
        matrix = unit_rows(sparse.csr_array((weight[columns], (rows, columns)), shape=shape))
        roles, names = zip(*terms, strict=True) if terms else ((), ())
        arrays = {"terms": np.array(names, np.str_), "roles": np.array(roles, np.str_)}
        return {**sparse_arrays(matrix), **arrays}


def names_in_column(table: pd.DataFrame, name: str) -> list[list[str]]:
    """Names of every row, each once, of lists or of text with commas; empty without the column."""
    if name not in table:
        return [[] for _ in range(len(table))]
    found = []
    for value in table[name]:
        names = value.split(",") if isinstance(value, str) else value
        known = names if isinstance(names, list | np.ndarray) else ()  # else it is missing
        found.append(list(dict.fromkeys(n for v in known if (n := str(v).strip()))))
    return found


def _numbered(words: Sequence[str], warm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int32 number of every word, 0 for unknown ones; and the sorted vocabulary of warm rows."""
    values = sorted({words[row] for row in warm} | {""})
    numbers = np.maximum(pd.Index(values).get_indexer(pd.Index(words)), 0)
    return numbers.astype(np.int32), np.array(values, dtype=np.str_)


def words_in(table: pd.DataFrame, name: str) -> list[str]:
    """Values of a column as words, "" for none; all "" without the column."""
    if name not in table:
        return [""] * len(table)
    return ["" if pd.isna(value) else str(value) for value in table[name]]


class DemographicsBlock(FeatureBlock):
    """Age on the scale of the users in train; gender, occupation and region as ones and zeros.

    `user_age` and `user_age_known` float32 (n_users, 1), `age_moments` float64 (2,): mean and
    deviation in years; `user_gender`, `user_occupation`, `user_zip_code` float32 (n_users, k) with
    their vocabularies `gender`, `occupation`, `zip_code` str (k,), sorted. A column that the data
    set does not have gives arrays of width 0.

    Moments and vocabularies are those of the users with a train row, each user once. An unknown age
    is 0, the mean, and an unknown or rare value a row of zeros.
    """

    zip_digits: PositiveInt  # digits of a zip code that are read
    min_users: PositiveInt  # a value that fewer users of train have gets no column

    def build(self, catalogue: Catalogue) -> Block:
        users = catalogue.users
        warm = np.unique(catalogue.train.user_idx)
        ages = users.get(AGE, pd.Series(np.nan, users.index))
        age, known, moments = standardised(ages, warm)
        width = int(AGE in users)
        block = {
            "user_age": age[:, :width],
            "user_age_known": known[:, :width],
            "age_moments": moments,
        }
        for name in (GENDER, OCCUPATION, ZIP_CODE):
            values = words_in(users, name)
            if name == ZIP_CODE:
                values = [value[: self.zip_digits] for value in values]
            count = Counter(values[user] for user in warm if values[user])
            names = sorted(value for value in count if count[value] >= self.min_users)
            block[name] = np.array(names, dtype=np.str_)
            block[USER_PREFIX + name] = multi_hot([[value] for value in values], names)
        return block
