"""Loops over numbers in machine code, which Numba (the extra `fast`) makes; without them NumPy and TensorFlow compute.

Those pass over the memory once for each sum, product and exponential. A loop does all of them in one go, and other
threads of the process run meanwhile. Numba compiles a loop when its module is imported, which takes seconds, and keeps it
on the disk. It knows a kept one by the file that the loop stands in: whatever a loop names or calls must stand there, too, or be
as settled as what is in `compiling`.
"""

from __future__ import annotations

import importlib
import os
from functools import cache


@cache
def problem(module: str) -> str | None:
    """Gives why the loops of a module of this package are not to be had, in words; None if they are loaded now.

    Args:
        module: `inference`, `training`, `ngrams` or `tokens`.
    """
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        return "NUMBA_DISABLE_JIT is set"
    try:
        importlib.import_module(f"grutext.kernels.{module}")
    except Exception as error:  # noqa: BLE001 - whatever Numba, LLVM or the disk find wrong, there is another way
        return f"{type(error).__name__}: {error}"
    return None
