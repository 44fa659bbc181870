"""Seconds and bytes of a stage or model: measured coefficients of the terms in `terms.yaml`."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import pyarrow.parquet as pq
from scipy import sparse
from threadpoolctl import threadpool_limits

from reelbench import paths
from reelbench.columns import ITEM_IDX, USER_IDX
from reelbench.data.identity import read_data
from reelbench.files import read_json
from reelbench.models.base import ModelEntry
from reelbench.params import ParamsError, Section

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
        sides = {"side": min(self.users, self.items), "wide": self.users < self.items}
        return vars(self) | sides | {"rated": self.ratings * self.test_users / self.users}


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


#: what `benchmarks/cost.py` writes
FILE = Path(__file__).with_name("coefficients.json")
QUANTITIES = ("seconds", "memory", "disk")
_ATTEMPTS = 40
_STEP = 1.5  # to a power of which ratios of speed are rounded, towards 1: load alone makes as much


class Estimate(NamedTuple):
    """A predicted value and its standard error, both in seconds or in bytes."""

    value: float
    error: float

    @property
    def most(self) -> float:
        """The upper end of the range."""
        return self.value + self.error


@dataclass(frozen=True)
class Cost:
    """What one stage needs: wall-clock seconds, peak resident bytes, and bytes that it leaves."""

    seconds: Estimate
    memory: Estimate
    disk: Estimate

    @classmethod
    def total(cls, costs: Sequence[Self]) -> Self:
        """Of stages one after the other: sums, and the largest memory."""
        memory = max((cost.memory for cost in costs), default=Estimate(0.0, 0.0))
        return cls(_sum([c.seconds for c in costs]), memory, _sum([c.disk for c in costs]))


def _sum(estimates: Sequence[Estimate]) -> Estimate:
    """The sum, with errors that are independent of each other."""
    return Estimate(sum(e.value for e in estimates), math.hypot(*(e.error for e in estimates)))


@cache
def coefficients() -> dict[str, Any]:
    """Content of the file of coefficients."""
    return dict(read_json(FILE))


def slowness() -> float:
    """How many times slower than the machine of the coefficients this one is: a power of 1.5."""
    reference = float(coefficients()["measured"]["sample_seconds"])
    return _STEP ** int(math.log(sample_seconds() / reference, _STEP))


def sample_seconds() -> float:
    """Seconds of a little work like that of the models, the least of many attempts."""
    rng = np.random.default_rng(0)
    dense = rng.random((250, 250))
    thin = sparse.random_array((2_000, 200), density=0.05, rng=rng, format="csr")
    least = math.inf
    with threadpool_limits(1):  # of several threads one may have to wait
        for _ in range(_ATTEMPTS):
            start = time.perf_counter()
            np.linalg.inv(dense), thin.T @ thin, sum(n for n in range(30_000))
            least = min(least, time.perf_counter() - start)
    return least


def stage_cost(stage: str, name: str, sizes: Sizes, counts: Mapping[str, int]) -> Cost | None:
    """Cost of a stage that trains and evaluates nothing, such as `clean`; None if unknown.

    `name` is that of the feature block, or empty; `counts` the number of `models` and `stages`.
    """
    return _cost(stage, name, "", {**sizes.values(), **counts}, sizes)


def model_cost(kind: str, name: str, entry: ModelEntry, sizes: Sizes) -> Cost | None:
    """Cost of the training of a model or, if `kind` is `evaluate`, of its evaluation.

    Coefficients of its own name count before those of its class. None if it, or a member of a
    blend, is unknown.
    """
    code = entry.target.rpartition(".")[2]
    config = entry.model_class.Config.model_validate(entry.parameters)
    members = members_cost(kind, config, sizes)
    if None in members:
        return None
    return _cost(kind, name, code, values_of(config, sizes), sizes, members)


def members_cost(kind: str, config: Section, sizes: Sizes) -> list[Cost | None]:
    """Cost of the members of a blend; none of any other model."""
    if of_size := getattr(config, "of_size", None):
        config = of_size(sizes.ratings)
    members = getattr(config, "members", {}).items()
    return [model_cost(kind, name, entry, sizes) for name, entry in members]


def values_of(config: Section, sizes: Sizes) -> dict[str, float]:
    """What the terms of a model may name: counts, its settings, and what follows from both."""
    fields = config.model_dump()
    values = sizes.values() | {k: v for k, v in fields.items() if isinstance(v, (int, float))}
    if "based_on" in fields:
        items = fields["based_on"] == "item"
        values["rows"] = sizes.items if items else sizes.users
        values["pairs"] = sizes.user_pairs if items else sizes.item_pairs
        values["stored"] = min(values["stored"], values["rows"])
    if fields.get("neighbours", 0) is None:
        values["neighbours"] = sizes.items
    if machines := getattr(config, "machines", None):
        values["chains"] = sum(machine.chains_for(sizes.ratings) for machine in machines)
    if "landmarks" in fields:
        linear = fields.get("item_kernel") == "linear"
        values["landmarks"] = 0 if linear else min(values["landmarks"], sizes.items)
    if batch_and_rate := getattr(config, "batch_and_rate", None):
        batch = batch_and_rate(sizes.ratings)[0]
        values |= {"batches": sizes.ratings / batch, "grown": batch > fields["batch_size"]}
    return values


def epochs_key(values: Mapping[str, float]) -> str:
    """Under which a network has the epochs after which it stopped: grown batches need fewer."""
    return "epochs_grown" if values.get("grown") else "epochs"


def together(quantity: str, members: Sequence[Any]) -> float:
    """What the members of a blend take: the largest memory, or the sum."""
    found = [getattr(cost, quantity).value for cost in members]
    return max(found, default=0.0) if quantity == "memory" else sum(found)


def amount(term: str, values: Mapping[str, float]) -> float:
    """How many units of a term, such as `items * factors^2`, there are."""
    parts = [factor.partition("^") for factor in term.split(" * ")]
    powers = [(1.0 if n == "1" else values[n]) ** float(power or 1) for n, _, power in parts]
    return math.prod(powers)


def _cost(
    kind: str,
    name: str,
    code: str,
    values: Mapping[str, float],
    sizes: Sizes,
    members: Sequence[Any] = (),
) -> Cost | None:
    known = coefficients()["costs"].get(kind, {})
    entry = known.get(name, {})
    if not entry or entry["code"] != code:
        entry = known.get(code)  # of the class, whatever the model is called
    if not entry:
        return None
    # the further beyond what was measured, the less is certain
    doubt = 1 + math.log10(max(1.0, sizes.all_ratings / entry["ratings"]))
    # training may stop before the last
    epochs = min(values.get("epochs", 0), entry.get(epochs_key(values), math.inf))
    found = {}
    for quantity in QUANTITIES:
        own = {**values, "epochs": epochs, "members": together(quantity, members)}
        value = sum(c * amount(term, own) for term, c in entry[quantity]["terms"].items())
        found[quantity] = Estimate(value, value * entry[quantity]["error"] * doubt)
    return Cost(**found)
