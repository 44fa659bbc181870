from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import sparse

from reelbench.models.shared.state import Saved, restore, state_of


@dataclass(frozen=True)
class Pair:
    number: float
    matrix: sparse.csr_array


class Base:
    limit: int = 3
    _mean: Saved[float]


class Fitted(Base):
    names: Saved[np.ndarray]
    _pair: Saved[Pair]


def fitted() -> Fitted:
    made = Fitted()
    made._mean, made.names = 1.5, np.array(["a", "b"])
    made._pair = Pair(2.5, sparse.csr_array(np.array([[0.0, 1.0], [2.0, 0.0]])))
    return made


def test_marked_attributes_of_all_classes_come_back() -> None:
    state = state_of(fitted())
    assert {"mean", "names", "pair_number"} < set(state) and "limit" not in state
    again = Fitted()
    restore(again, {**state, "else": np.zeros(1)})
    assert again._mean == 1.5 and again._pair.number == 2.5 and again.names.tolist() == ["a", "b"]
    np.testing.assert_array_equal(again._pair.matrix.toarray(), [[0, 1], [2, 0]])


@pytest.mark.parametrize("missing", ["mean", "names", "pair_number", "pair_matrix_sparse_data"])
def test_a_missing_array_is_an_error(missing: str) -> None:
    state = state_of(fitted())
    del state[missing]
    with pytest.raises(KeyError):
        restore(Fitted(), state)
