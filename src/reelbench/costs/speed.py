"""How fast this machine is, beside the one that the coefficients were measured on."""

from __future__ import annotations

import math
import time

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

_ATTEMPTS = 40
# ratios are rounded to a power of it, towards 1: load alone makes as much of a difference
_STEP = 1.5


def slowness(reference: float) -> float:
    """How many times slower this machine is: a power of 1.5, and 1 for about equally fast.

    Args:
        reference: `sample_seconds()` of the other machine.
    """
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
