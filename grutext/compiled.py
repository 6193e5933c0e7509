"""Machine code for loops over numbers, made by Numba (the extra `fast`); to import this fails where it is not there.

NumPy and TensorFlow pass over the memory once for each sum, product and exponential; a loop does all of them in one
go, and other threads of the process run meanwhile. Its arrays are in one piece. What is not a number stays so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import scipy

from grutext.blas import hold

# tanh(x) = x P(x²) / Q(x²), with the least relative error for |x| ≤ 9 that was found, 2e-8: less than float32 shows.
_P1, _P2, _P3, _P4 = map(np.float32, (0.133810271, 3.49558980e-3, 2.06091080e-5, 1.33546933e-8))
_Q1, _Q2, _Q3, _Q4 = map(np.float32, (0.467143427, 2.58769887e-2, 3.28563747e-4, 7.77657212e-7))
_ONE, _END = np.float32(1), np.float32(9)

# `np.dot` is SciPy's product here; threads of its own would fight with ours for the cores.
if not hold(scipy):
    raise ImportError("SciPy has another BLAS than OpenBLAS, which its wheels bring")


def compile_loop(function: Callable[..., Any]) -> Any:
    """Compiles a function when it is first called, and keeps the machine code on the disk where that may be."""
    options: dict[str, Any] = {"nogil": True, "fastmath": {"contract"}, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # neither the package's folder nor the user's cache may be written to
        return numba.njit(**options)(function)


@compile_loop
def tanh(x: np.float32) -> Any:
    """Gives the hyperbolic tangent to the last bits; exactly 1 or -1 beyond 9, where float32 knows no other."""
    u = x * x
    over = x * (_ONE + u * (_P1 + u * (_P2 + u * (_P3 + u * _P4))))
    y = over / (_ONE + u * (_Q1 + u * (_Q2 + u * (_Q3 + u * _Q4))))
    if x > _END or y > _ONE:
        y = _ONE
    if x < -_END or y < -_ONE:
        y = -_ONE
    return y
