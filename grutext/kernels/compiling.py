"""What all modules with kernels share; importing it fails if Numba or SciPy is not installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import scipy.linalg.cython_blas  # noqa: F401 (in a kernel, `np.dot` is its product)
from llvmlite import binding, ir
from numba.core import cgutils, event
from numba.extending import intrinsic

from grutext.kernels import check_may_compile
from grutext.kernels.blas import blas_architectures, find_blas

BLOCK_ROWS = 512  # rows that are multiplied at once, and are then still in the processor's cache
# Cached kernels for other processors are not used.
PROCESSOR: str = numba.config.CPU_NAME or binding.get_host_cpu_name()
_LINE = 64  # bytes that are fetched at a time

find_blas()
# Up to this many multiplications, OpenBLAS does not copy matrices into another layout on processors with AVX-512, and is a
# fifth faster. Cached kernels have the number that they were compiled with; another one would change their speed and last
# bits, nothing else.
_SMALL = 1_000_000 if blas_architectures() & {"SkylakeX", "Cooperlake", "SapphireRapids"} else 0
_LEAST_ROWS = 16  # with fewer it is slower again


class _BeforeCompiling(event.Listener):  # type: ignore[misc] # Numba has no types
    """Refuses to compile a kernel that is not cached while compiling is forbidden."""

    def on_start(self, _: Any) -> None:
        """Ask whether a kernel may be compiled; this is not called for one that is loaded from the cache."""
        check_may_compile()

    def on_end(self, _: Any) -> None:
        """Do nothing after a kernel was compiled."""


event.register("numba:compile", _BeforeCompiling())


def compile_kernel(*signature: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile the decorated function for arguments of these types, or load it from Numba's cache.

    Raises:
        RuntimeError: No folder for the cache may be written to; the environment's `NUMBA_CACHE_DIR` names one.
        NotCachedError: It is not in the cache, and `grutext.kernels.load_cached` imports it.
    """
    options: dict[str, Any] = {"nogil": True, "fastmath": {"contract"}, "error_model": "numpy", "cache": True}
    decorate: Callable[[Callable[..., Any]], Any] = numba.njit([signature], **options)
    return decorate


def inline(function: Callable[..., Any]) -> Any:
    """Compile a function as a part of the kernels that call it."""
    return numba.njit(nogil=True, fastmath={"contract"}, error_model="numpy")(function)


@inline
def _rows_at_once(rows: int, size: int) -> int:
    """Return how many rows are multiplied at once with a matrix of `size` numbers."""
    block = _SMALL // size
    return block if block >= _LEAST_ROWS else max(1, rows)


@inline
def multiply(rows: Any, kernel: Any, products: Any) -> None:
    """Write the product of rows `(R, I)` with a matrix `(I, O)` into `products`, `(R, O)`."""
    multiply_blocks(rows, kernel, products, _rows_at_once(len(rows), kernel.size))


@inline
def multiply_blocks(rows: Any, kernel: Any, products: Any, block: int) -> None:
    """Do what `multiply` does, `block` rows at a time."""
    for row in range(0, len(rows), block):
        np.dot(rows[row : row + block], kernel, products[row : row + block])


@inline
def add_products(rows: Any, others: Any, total: Any, work: Any) -> None:
    """Add the product of rows `(R, I)`, transposed, with others `(R, O)` to `total`, `(I, O)`; `work`, `(I, O)`, is overwritten."""
    add_product_blocks(rows, others, total, work, _rows_at_once(len(rows), total.size))


@inline
def add_product_blocks(rows: Any, others: Any, total: Any, work: Any, block: int) -> None:
    """Do what `add_products` does, `block` rows at a time."""
    for row in range(0, len(rows), block):
        np.dot(rows[row : row + block].T, others[row : row + block], work)
        total += work


@inline
def steps_in_block(texts: int) -> int:
    """Return how many steps of `texts` texts are multiplied at once."""
    return max(1, BLOCK_ROWS // max(1, texts))


def readonly(kind: Any, axes: int) -> Any:
    """Return the type of a C-contiguous array argument with this many axes that is not written to."""
    return numba.types.Array(kind, axes, "C", readonly=True)


def writable(kind: Any, axes: int) -> Any:
    """Return the type of a C-contiguous array argument with this many axes that is written to."""
    return numba.types.Array(kind, axes, "C")


def _prefetch(_: Any, array: Any, place: Any) -> Any:
    """Tell the processor to fetch an element of a one-dimensional array into its cache: the kernel will soon read it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind, index = signature.args
        elements = context.make_array(kind)(context, builder, arguments[0])
        index = context.cast(builder, arguments[1], index, numba.types.intp)
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        element = builder.bitcast(cgutils.get_item_pointer(context, builder, kind, elements, [index]), byte)
        of = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        fetch = builder.module.declare_intrinsic("llvm.prefetch", [byte], of)
        builder.call(fetch, [element, number(0), number(3), number(1)])  # to read, to keep, data
        return context.get_dummy_value()

    return numba.types.void(array, place), generate


prefetch = intrinsic(_prefetch)


def _widen(_: Any, __: Any) -> Any:
    """Return a finite float16 number, given by its bits, as float32.

    Most processors have an instruction for this. For others the bits of sign, exponent and fraction are moved to where a
    float32 has them, and a product, which is exact, corrects the exponent.
    """

    def generate(context: Any, builder: Any, __: Any, arguments: Any) -> Any:
        triple, _, features = context.codegen().magic_tuple()
        if "+f16c" in features or triple.startswith(("aarch64", "arm64")):
            return builder.fpext(builder.bitcast(arguments[0], ir.HalfType()), ir.FloatType())
        linear = builder.shl(builder.sext(arguments[0], ir.IntType(32)), ir.IntType(32)(13))
        number = builder.bitcast(builder.and_(linear, ir.IntType(32)(-0x70000001)), ir.FloatType())
        return builder.fmul(number, ir.FloatType()(2.0**112))

    return numba.types.float32(numba.types.int16), generate


widen = intrinsic(_widen)


@inline
def fetch_row(table: Any, row: int, size: int) -> None:
    """Prefetch a row of `size` numbers of a table that is passed as a flat array."""
    for place in range(row * size, (row + 1) * size, _LINE // table.itemsize):
        prefetch(table, place)
