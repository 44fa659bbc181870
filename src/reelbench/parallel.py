"""Rows of a large result, computed by several threads and in compiled code."""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, wraps
from typing import Any, TypeVar, cast

import numpy as np
from scipy import sparse

Function = TypeVar("Function", bound=Callable[..., object])
CSR = tuple[np.ndarray, np.ndarray, np.ndarray]  # `indptr`, `indices` and `data` of a CSR matrix
_ROWS_AT_ONCE = 64  # rows of a square matrix that a thread takes at a time


def for_row_blocks(work: Callable[[slice], None], n_rows: int, *, block: int, threads: int) -> None:
    """Call `work` for every block of rows, on several threads.

    Each call must write only to its own rows, so that the result does not depend on the number of
    threads. It gains time where `work` releases the interpreter's lock, as numpy, scipy.sparse and
    a `kernel` do. The number of rows in a block should not depend on the machine: a matrix product
    of another shape may round differently.
    """
    blocks = [slice(first, min(first + block, n_rows)) for first in range(0, n_rows, block)]
    if threads == 1 or len(blocks) < 2:
        for rows in blocks:
            work(rows)
        return
    with ThreadPoolExecutor(threads) as pool:
        # list: an exception of a thread is raised here
        list(pool.map(work, blocks))


def square_by_rows(
    rows_of: Callable[[int, int], tuple[np.ndarray, ...]], size: int, threads: int
) -> sparse.csr_array:
    """CSR (size, size) of what a kernel finds for rows a to b: counts, then columns and values."""
    found: dict[int, tuple[np.ndarray, ...]] = {}

    def work(block: slice) -> None:
        found[block.start] = rows_of(block.start, block.stop)

    for_row_blocks(work, size, block=_ROWS_AT_ONCE, threads=threads)
    ordered = zip(*(found[first] for first in sorted(found)), strict=True)
    counts, columns, values = map(np.concatenate, ordered)
    return sparse.csr_array((values, columns, np.append(0, np.cumsum(counts))), (size, size))


def parts(matrix: sparse.csr_array) -> CSR:
    """A CSR matrix as a kernel takes it."""
    return matrix.indptr, matrix.indices, matrix.data


def kernel(function: Function, *, reorder: bool = False) -> Function:
    """A function of arrays and numbers, compiled by numba on its first call.

    It runs without the interpreter's lock. It can call functions of numpy that numba knows, but no
    other kernel. The machine code is kept beside the source for the next process. With `reorder`
    sums may be taken in another order, which is fixed on a type of machine.
    """

    @cache
    def compiled() -> Callable[..., Any]:
        from numba import njit  # 0.3 s that importing a model need not wait for

        fastmath = {"reassoc"} if reorder else False
        return cast(Callable[..., Any], njit(nogil=True, cache=True, fastmath=fastmath)(function))

    @wraps(function)
    def call(*arguments: object) -> object:
        return compiled()(*arguments)

    call.compiled = compiled  # type: ignore[attr-defined]
    return cast(Function, call)


def has_kernels(of: type) -> bool:
    """Whether a class, or a base of it, is in a module that defines or imports a kernel."""
    names = (vars(sys.modules[base.__module__]) for base in of.__mro__)
    return any(hasattr(value, "compiled") for module in names for value in module.values())
