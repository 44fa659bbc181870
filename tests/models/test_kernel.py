from __future__ import annotations

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import rbf_kernel

from reelbench.models.st import kernel_columns, ridge

COLUMNS = np.random.default_rng(3).normal(size=(40, 5))
LEARNED = np.arange(25)


def test_inner_products_are_the_kernel_where_a_side_is_a_landmark() -> None:
    found = kernel_columns(COLUMNS, LEARNED, 0.3)
    assert found.shape == (40, 25)
    expected = rbf_kernel(COLUMNS, COLUMNS[LEARNED], gamma=0.3)
    np.testing.assert_allclose(found @ found[LEARNED].T, expected, atol=1e-4)


def test_a_ridge_on_them_is_the_kernel_ridge_of_scikit_learn() -> None:
    target = np.random.default_rng(4).normal(size=25)
    columns = kernel_columns(COLUMNS, LEARNED, 0.3)
    found = columns @ ridge(columns[LEARNED], target, 0.5)
    exact = KernelRidge(alpha=0.5, kernel="rbf", gamma=0.3).fit(COLUMNS[LEARNED], target)
    np.testing.assert_allclose(found, exact.predict(COLUMNS), atol=1e-4)


def test_fewer_landmarks_come_close() -> None:
    plane = COLUMNS @ np.random.default_rng(5).normal(size=(5, 2))
    found = kernel_columns(0.2 * plane, LEARNED[:15], 0.3)
    assert found.shape == (40, 15)
    expected = rbf_kernel(0.2 * plane, gamma=0.3)
    assert np.abs(found @ found.T - expected).max() < 0.05


@pytest.mark.parametrize("columns", [np.ones((6, 2)), np.zeros((6, 0))])
def test_rows_that_are_all_alike_are_no_error(columns: np.ndarray) -> None:
    found = kernel_columns(columns, np.arange(4), 1.0)
    np.testing.assert_allclose(found @ found.T, np.ones((6, 6)), atol=1e-4)
