"""Faults of published protocols, by name: switched on one at a time, they show what each is worth.

None is on by default. Where one is, every table of the report says so, its runs in MLflow have the
tag `faults`, and `reelbench gate save` refuses to make a baseline of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from reelbench import params, paths
from reelbench.params import ParamsError, nearest


class Fault(StrEnum):
    """What a protocol may do wrong (`_EFFECTS`); the value is its name in `faults:`."""

    ENCODER_ON_ALL_ROWS = "encoder_on_all_rows"
    SCORE_TRAIN_ROWS = "score_train_rows"
    DROP_COLD_ITEMS = "drop_cold_items"
    OWN_TEST_ITEMS_ONLY = "own_test_items_only"


_EFFECTS = {
    Fault.ENCODER_ON_ALL_ROWS: "features were made with the ratings and tags of valid and test",
    Fault.SCORE_TRAIN_ROWS: "errors are over train and valid ratings too",
    Fault.DROP_COLD_ITEMS: "test ratings of movies that are not in train are left out of errors",
    Fault.OWN_TEST_ITEMS_ONLY: "each user's own test movies alone are ranked",
}


def read() -> frozenset[Fault]:
    """The faults that `params.yaml` switches on."""
    return parse(params.select(params.read(), "faults"))


def parse(names: Iterable[str]) -> frozenset[Fault]:
    """Faults by name.

    Raises:
        ParamsError: unknown name.
    """
    known = [fault.value for fault in Fault]
    for name in names:
        if name not in known:
            source = paths.CONF / "config.yaml"
            raise ParamsError(f"{source}: faults: no fault '{name}'{nearest(str(name), known)}")
    return frozenset(map(Fault, names))


def named(content: Mapping[str, Any]) -> str:
    """Names of the faults that parameters switch on, such as `a, b`; empty for none."""
    return ", ".join(sorted(parse(content.get("faults", ()))))


def warning(faults: Iterable[Fault]) -> str:
    """What a reader of the results has to know first; empty without a fault."""
    lines = [f"`{fault}` ({_EFFECTS[fault]})" for fault in sorted(faults)]
    if not lines:
        return ""
    return f"Not an honest protocol. Faults switched on: {'; '.join(lines)}."
