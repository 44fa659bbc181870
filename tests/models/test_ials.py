from __future__ import annotations

import numpy as np
import pytest
from contracts import IDS, TRAIN, USERS, RecommenderContract
from scipy import sparse

from reelbench.features.block import Features
from reelbench.models.ials import IALS, solve_rows

PARAMETERS = {
    "factors": 4,
    "epochs": 15,
    # all of ten seeds find the groups with 5, one in six with 0.1, whoever solves for the rows
    "regularization": 5.0,
    "alpha": 5.0,
    "bags": 2,
    "rating_power": 3.0,
}


class TestIALS(RecommenderContract):
    model_class = IALS
    fold_in = "close"
    parameters = PARAMETERS


def fitted(threads: int = 1, **changes: object) -> IALS:
    parameters = {**PARAMETERS, **changes}
    return IALS(seed=7, threads=threads, **parameters).fit(TRAIN, TRAIN, Features(IDS))


def test_the_number_of_threads_does_not_show() -> None:
    np.testing.assert_array_equal(fitted(threads=1).score(USERS), fitted(threads=2).score(USERS))


def test_bags_are_averaged_and_differ() -> None:
    """The first bag is that of a model without more bags; one more moves the scores."""
    one, two, four = (fitted(bags=n, epochs=2).score(USERS) for n in (1, 2, 4))
    assert one.shape == two.shape
    assert np.abs(two - one).max() > 1e-3
    assert 0.5 < np.abs(four).mean() / np.abs(one).mean() < 2


def test_a_fixed_point_of_the_normal_equations() -> None:
    """After many epochs x_u = (YᵀY + Yᵀ(C_u - I)Y + λI)⁻¹ YᵀC_u p_u (Hu et al., equation 4)."""
    model = fitted(bags=1, epochs=200, alpha=3.0, regularization=1.0)
    items = model._item_factors.astype(float)
    confidence = np.ones(len(items))
    own = TRAIN.user_idx == 3
    confidence[TRAIN.item_idx[own]] = np.where(TRAIN.rating[own] == 5, 3.0, 0.2**3 * 3.0)
    rated = np.isin(np.arange(len(items)), TRAIN.item_idx[own])
    matrix = (items.T * confidence) @ items + np.eye(items.shape[1])
    expected = np.linalg.solve(matrix, items.T @ (confidence * rated))
    np.testing.assert_allclose(model._user_factors[3], expected, atol=1e-3)


@pytest.mark.parametrize("threads", [1, 3])
def test_rows_are_solved_as_by_implicit(threads: int) -> None:
    """Its solver in Python, in double precision; one user and one item have no entry."""
    from implicit.cpu.als import least_squares_cg

    rng = np.random.default_rng(1)
    dense = np.where(rng.random((70, 50)) < 0.3, rng.uniform(0.5, 40, (70, 50)), 0)
    dense[3], dense[:, 4] = 0, 0
    confidence = sparse.csr_matrix(dense.astype(np.float32))
    users, items = (rng.random((n, 12)) * 0.1 for n in (70, 50))
    expected = users.copy()
    least_squares_cg(confidence.astype(np.float64), expected, items, 5.0)
    expected[3] = 0.0
    found = users.astype(np.float32)
    solve_rows(confidence, found, items.astype(np.float32), 5.0, threads)
    np.testing.assert_allclose(found, expected, atol=2e-5)
