"""Parts defined by files of user-movie pairs."""

from functools import reduce
from pathlib import Path
from typing import Literal

import ibis

from reelbench.columns import ITEM_ID, ITEM_IDX, PART, USER_ID, USER_IDX
from reelbench.data import DataError
from reelbench.data.engine import Engine
from reelbench.data.readers.table import read_pairs
from reelbench.params import Section
from reelbench.paths import in_checkout
from reelbench.splits.base import COLUMNS, PARTS, TRAIN, Protocol, SplitInput

_CODES = {name: code for code, name in enumerate(PARTS)}
_PAIR = [USER_IDX, ITEM_IDX]


class PartFiles(Section):
    """Names of the files; null: train is the rest, and valid is empty."""

    train: str | None
    valid: str | None
    test: str


class Predefined(Protocol):
    """The parts of CSV or Parquet files with the ids of the source.

    Ratings and times come from the data set; other columns of the files are ignored. Every pair
    must be a rating of the data set and occur once in all files; and unless `files.train` is null,
    every rating must be in a file.
    """

    # unknown, so the stricter rule applies to tags
    clock = "user"

    method: Literal["predefined"]
    root: str | None
    files: PartFiles
    delimiter: str
    columns: dict[str, str]

    def assign(self, given: SplitInput) -> ibis.Table:
        pairs = given.engine.cache(self._pairs(given))
        self._check(pairs, given)
        found = given.ratings.select(*COLUMNS).left_join(pairs, _PAIR)
        return found.select(*COLUMNS, **{PART: found[PART].fill_null(TRAIN)})

    def _pairs(self, given: SplitInput) -> ibis.Table:
        """Ids, indices (null where unknown) and code of every row of the files."""
        assert given.users is not None and given.items is not None
        files = {name: file for name, file in self.files.model_dump().items() if file}
        parts = [self._read(file, _CODES[name], given.engine) for name, file in files.items()]
        rows = reduce(ibis.union, parts)
        rows = rows.left_join(given.users.select(USER_ID, USER_IDX), USER_ID)
        rows = rows.drop(f"{USER_ID}_right")
        rows = rows.left_join(given.items.select(ITEM_ID, ITEM_IDX), ITEM_ID)
        return rows.drop(f"{ITEM_ID}_right")

    def _read(self, name: str, code: int, engine: Engine) -> ibis.Table:
        if self.root is None:
            raise DataError(
                f"split {self.name}: name the folder with the files: split.root=FOLDER "
                f"({', '.join(file for file in self.files.model_dump().values() if file)})"
            )
        path = in_checkout(Path(self.root)) / name
        if not path.exists():
            raise DataError(f"split {self.name}: {path} is missing (split.root={self.root})")
        pairs = read_pairs(path, self.columns, self.delimiter, engine)
        return pairs.mutate(**{PART: ibis.literal(code, "int8")})

    def _check(self, pairs: ibis.Table, given: SplitInput) -> None:
        """Raise a DataError with an example unless the files and the ratings agree."""
        ratings = given.ratings.select(*_PAIR)
        unknown = pairs.anti_join(ratings, _PAIR)
        self._refuse(unknown, "are not ratings of the data set (after cleaning)", given.engine)
        often = pairs.group_by([USER_ID, ITEM_ID]).agg(n=pairs.count())
        self._refuse(often.filter(often.n > 1), "occur more than once in the files", given.engine)
        if self.files.train:
            left = ratings.anti_join(pairs, _PAIR)
            if n := given.engine.number(left.count()):
                raise DataError(
                    f"split {self.name}: {n} ratings are in none of the files; with "
                    "split.files.train=null they are train"
                )

    def _refuse(self, wrong: ibis.Table, what: str, engine: Engine) -> None:
        if n := engine.number(wrong.count()):
            first = wrong.order_by([USER_ID, ITEM_ID]).limit(1).select(USER_ID, ITEM_ID)
            user, item = engine.arrow(first).to_pylist()[0].values()
            raise DataError(
                f"split {self.name}: {n} pairs {what}, the first is user '{user}', movie '{item}'"
            )
