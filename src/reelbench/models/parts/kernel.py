"""Columns in which a linear regression is a regression with a Gaussian kernel."""

from __future__ import annotations

import numpy as np
from scipy.linalg import cholesky, solve_triangular

# added to the diagonal: items with the same features make the kernel singular
_JITTER = 1e-6


def kernel_columns(columns: np.ndarray, landmarks: np.ndarray, gamma: float) -> np.ndarray:
    """Columns whose inner products are exp(-gamma |a - b|²), exactly so between landmarks.

    K(·, L) chol(K(L, L))⁻ᵀ, the Nyström approximation (Williams & Seeger 2001, "Using the Nyström
    Method to Speed Up Kernel Machines"): a ridge regression on these columns is the kernel ridge
    regression where all rows that it learns from are landmarks. Memory is rows times landmarks.

    Args:
        columns: float64 (n, d).
        landmarks: numbers of the m rows that stand for all.
        gamma: how fast the likeness of two rows falls with their squared distance.

    Returns:
        float64 (n, m).
    """
    kernel = _gaussian(columns, columns[landmarks], gamma)
    among = kernel[landmarks] + _JITTER * np.eye(len(landmarks))
    root = cholesky(among, lower=True)
    return solve_triangular(root, kernel.T, lower=True).T


def _gaussian(rows: np.ndarray, others: np.ndarray, gamma: float) -> np.ndarray:
    squares = (rows**2).sum(axis=1)[:, None] + (others**2).sum(axis=1) - 2 * rows @ others.T
    return np.exp(-gamma * np.maximum(squares, 0.0))
