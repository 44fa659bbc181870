"""How large the data are: what all costs depend on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow.parquet as pq

from reelbench import paths
from reelbench.columns import ITEM_IDX, USER_IDX
from reelbench.data.identity import read_data
from reelbench.files import read_json
from reelbench.params import ParamsError

# mean square of the number of ratings of a user (item), divided by the square of its mean: it is
# 1.9 to 4.1 (2.6 to 3.6) in data sets of 100,000 to 20 million ratings
_USER_SPREAD, _ITEM_SPREAD = 2.8, 3.1
_SHARE = 0.1  # share of a part where the protocol does not state one


@dataclass(frozen=True)
class Sizes:
    """Counts of a data set after the split."""

    ratings: int  # of train
    test_ratings: int  # of test
    all_ratings: int  # of all parts
    #: of the catalogue
    users: int
    items: int
    test_users: int  # users that are evaluated
    user_pairs: int  # sum over users of the square of their number of train ratings
    item_pairs: int  # the same sum over items

    @classmethod
    def expected(
        cls, ratings: int, users: int, items: int, valid: float = _SHARE, test: float = _SHARE
    ) -> Self:
        """What a split is likely to make of so many ratings, with these shares held out."""
        train, tested = round(ratings * (1 - valid - test)), round(ratings * test)
        return cls(
            ratings=train,
            test_ratings=tested,
            all_ratings=ratings,
            users=users,
            items=items,
            test_users=min(users, tested),
            user_pairs=round(_USER_SPREAD * train**2 / users),
            item_pairs=round(_ITEM_SPREAD * train**2 / items),
        )

    @classmethod
    def of_split(cls) -> Self:
        """Those of the parts on disk."""
        parts, catalogue = read_json(paths.SPLIT_COUNTS)["parts"], read_json(paths.CATALOGUE)
        train = pq.read_table(paths.TRAIN, columns=[USER_IDX, ITEM_IDX])
        return cls(
            ratings=train.num_rows,
            test_ratings=parts["test"]["rows"],
            all_ratings=sum(part["rows"] for part in parts.values()),
            users=catalogue["n_users"],
            items=catalogue["n_items"],
            test_users=parts["test"]["users"],
            user_pairs=_squares(train[USER_IDX].to_numpy()),
            item_pairs=_squares(train[ITEM_IDX].to_numpy()),
        )

    def values(self) -> dict[str, float]:
        """What terms may name: the counts, `side` and `rated` (`terms.yaml`)."""
        rated = self.ratings * self.test_users / self.users
        sides = {"side": min(self.users, self.items), "wide": self.users < self.items}
        return vars(self) | sides | {"rated": rated}


def sizes_of(params: Mapping[str, Any], stated: Sequence[int] = ()) -> Sizes:
    """Sizes for a plan: those that are stated, else of the split on disk, else of the data set.

    `stated` are ratings, users and items, or nothing. A ParamsError if no size is known.
    """
    data, split = params["data"], params["split"]
    of_others = read_data()["data"] not in (None, data["name"])
    if not (stated or of_others) and paths.SPLIT_COUNTS.is_file() and paths.TRAIN.is_file():
        return Sizes.of_split()
    size = data.get("size")
    if not stated and not size:
        raise ParamsError(
            f"the size of data set '{data['name']}' is not known before its split: state "
            "--ratings, --users and --items, or run `dvc repro split` first"
        )
    known = stated or [size[key] for key in ("ratings", "users", "items")]
    shares = [split.get(part) for part in ("valid", "test")]
    return Sizes.expected(*known, *(s if isinstance(s, float) else _SHARE for s in shares))


def _squares(index: np.ndarray) -> int:
    return int((np.bincount(index).astype(np.int64) ** 2).sum())
