"""TensorFlow's own settings, which it reads from the environment when it is imported."""

from __future__ import annotations

import os


def prepare_tensorflow() -> None:
    """Sets TensorFlow up to train a GRU on a few cores; what the user has set stays.

    Both directions run side by side, so that an operation gets half of the cores: with two, to share the many small ones
    costs more than it brings. oneDNN, off by default on some processors, multiplies faster than what stands in for it.
    """
    from grutext.kernels.cores import usable_cores

    cores = usable_cores()
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(max(1, cores // 2)))
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", str(max(2, cores)))
