"""What `train` sets TensorFlow up with."""

import os

from grutext.engines.tensorflow_settings import prepare_tensorflow

NAMES = ("TF_ENABLE_ONEDNN_OPTS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


def test_half_of_the_cores_for_an_operation(monkeypatch):
    for cores, within, between in ((1, "1", "2"), (2, "1", "2"), (3, "1", "3"), (8, "4", "8")):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, cores=cores: set(range(cores)), raising=False)
        for name in NAMES:
            monkeypatch.setenv(name, "")  # to be put back afterwards
            monkeypatch.delenv(name)
        prepare_tensorflow()
        assert [os.environ[name] for name in NAMES] == ["1", within, between]


def test_what_the_user_has_set_stays(monkeypatch):
    for name in NAMES:
        monkeypatch.setenv(name, "0")
    prepare_tensorflow()
    assert [os.environ[name] for name in NAMES] == ["0", "0", "0"]
