"""Kernels are compiled before the clock of a training starts."""

from __future__ import annotations

import subprocess
import sys

# in a process of its own, in which no kernel has been called yet
CODE = """
import gc
import numpy as np
from numba.core.dispatcher import Dispatcher
from reelbench.data.interactions import Interactions
from reelbench.models import BPR, EASE, IALS, KNN, NMF, SLIM, SVDpp, SlopeOne

rng = np.random.default_rng(0)
users, items = np.nonzero(rng.random((30, 20)) < 0.3)
train = Interactions.from_arrays(users, items, rng.integers(1, 6, len(users)))
for column in train.columns():
    column.flags.writeable = False  # as those of a Parquet file
compiled = lambda: {
    one.py_func: one.signatures for one in gc.get_objects() if isinstance(one, Dispatcher)
}
for model in (
    *(KNN(), KNN(based_on="user"), BPR(min_rating=4), EASE(), IALS(), NMF(), SLIM(), SVDpp()),
    SlopeOne(),
):
    model.prepare()
    before = compiled()
    assert any(before.values()) and model._ids is None, model
    model.fit(train)
    assert compiled() == before, model
"""


def test_a_fit_compiles_nothing_that_prepare_has_not() -> None:
    subprocess.run([sys.executable, "-c", CODE], check=True)
