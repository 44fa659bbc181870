"""What a model has learned as arrays by name, and back, without pickle.

A class marks the attributes that make up a fitted model: `_weights: Saved[np.ndarray]`, which may
be a float, an array, a CSR matrix (whose values become float32), or a dataclass of such fields.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Annotated, TypeVar, get_type_hints

import numpy as np
from scipy import sparse

from reelbench.features.matrices import sparse_arrays, sparse_of

Arrays = dict[str, np.ndarray]  # arrays of a model by name

Kind = TypeVar("Kind")
_MARK = "saved"
Saved = Annotated[Kind, _MARK]  # an attribute that is stored with the model


def state_of(model: object) -> Arrays:
    """The marked attributes of a model as arrays."""
    parts = [pack(name.strip("_"), getattr(model, name)) for name in _marked(type(model))]
    return {key: array for part in parts for key, array in part.items()}


def restore(model: object, state: Mapping[str, np.ndarray]) -> None:
    """Set the marked attributes from the arrays of `state_of`; a KeyError if one is missing."""
    for name, kind in _marked(type(model)).items():
        setattr(model, name, unpack(name.strip("_"), kind, state))


def _marked(model: type) -> dict[str, type]:
    """Marked attributes of a class and its bases, with their kinds."""
    return {
        name: hint.__origin__
        for name, hint in get_type_hints(model, include_extras=True).items()
        if _MARK in getattr(hint, "__metadata__", ())
    }


def pack(name: str, value: object) -> Arrays:
    """One array, or several whose names begin with `name`."""
    if isinstance(value, sparse.csr_array):
        return {f"{name}_{part}": array for part, array in sparse_arrays(value).items()}
    if is_dataclass(value) and not isinstance(value, type):
        parts = (pack(f"{name}_{part.name}", getattr(value, part.name)) for part in fields(value))
        return {key: array for part in parts for key, array in part.items()}
    return {name: np.asarray(value)}


def unpack(name: str, kind: type, state: Mapping[str, np.ndarray]) -> object:
    """Inverse of `pack` for a value of this kind; a KeyError if the state has no such arrays."""
    if kind is sparse.csr_array:
        prefix = f"{name}_"
        own = {key.removeprefix(prefix): state[key] for key in state if key.startswith(prefix)}
        if (matrix := sparse_of(own)) is None:
            raise KeyError(name)
        return matrix
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return kind(**{part: unpack(f"{name}_{part}", hints[part], state) for part in hints})
    return float(state[name]) if kind is float else state[name]
