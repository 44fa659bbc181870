"""Work on blocks of rows by several threads."""

from __future__ import annotations

import numpy as np
import pytest

from reelbench.parallel import for_row_blocks


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("n_rows", [0, 1, 7, 8])
def test_every_row_is_computed_once(n_rows: int, threads: int) -> None:
    times = np.zeros(n_rows, dtype=int)

    def count(rows: slice) -> None:
        times[rows] += 1

    for_row_blocks(count, n_rows, block=3, threads=threads)
    assert (times == 1).all()


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_in_a_block_is_raised(threads: int) -> None:
    def fail(rows: slice) -> None:
        raise ValueError(f"row {rows.start}")

    with pytest.raises(ValueError, match="row"):
        for_row_blocks(fail, 6, block=2, threads=threads)
