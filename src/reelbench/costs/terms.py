"""How costs grow with the data and a model's settings: reader of `terms.yaml`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from reelbench import params

Quantity = Literal["seconds", "memory", "disk"]
QUANTITIES: tuple[Quantity, ...] = get_args(Quantity)
Terms = Mapping[Quantity, Sequence[str]]

_FILE = Path(__file__).with_name("terms.yaml")


def terms_of(kind: str, code: str = "") -> Terms | None:
    """Terms of a stage or, for `train` and `evaluate`, of a class of models; None if unknown."""
    known = _terms()
    found: Terms | None = (known[kind] if code else known["stages"]).get(code or kind)
    return found


@cache
def _terms() -> Mapping[str, Mapping[str, Terms]]:
    return params.read(_FILE)


def amount(term: str, values: Mapping[str, float]) -> float:
    """How many units of a term, such as `items * factors^2`, there are.

    Raises:
        KeyError: a name that has no value.
    """
    product = 1.0
    for factor in term.split(" * "):
        name, _, power = factor.partition("^")
        product *= 1.0 if name == "1" else values[name] ** float(power or 1)
    return product
