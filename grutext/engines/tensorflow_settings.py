"""Environment variables that TensorFlow reads when it is imported."""

from __future__ import annotations

import os


def prepare_tensorflow() -> None:
    """Set TensorFlow up to train a GRU on a few cores; variables that are set already are left unchanged.

    Both directions run at the same time, so each operation gets half of the cores. With two cores, splitting the many small
    operations costs more than it gains. oneDNN, off by default on some processors, multiplies faster than its replacement.
    """
    from grutext.kernels.cores import usable_cores

    cores = usable_cores()
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(max(1, cores // 2)))
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", str(max(2, cores)))
