"""BLAS has one thread while ours compute, and its old number afterwards; without threadpoolctl the answers are the same."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

import grutext
from grutext.inference import chunks
from grutext.kernels import blas
from grutext.kernels.blas import one_blas_thread

threadpoolctl = pytest.importorskip("threadpoolctl")


def blas_threads() -> list[int]:
    """Return how many threads each BLAS library may use now."""
    return [
        library.num_threads
        for library in threadpoolctl.ThreadpoolController().select(user_api="blas").lib_controllers
    ]


@pytest.fixture
def two_blas_threads():
    """BLAS may use two threads, however many cores there are."""
    blas.find_blas()
    if not blas._one_thread.shared:
        pytest.skip("NumPy has a BLAS without a limit for the whole process")
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        yield


def test_blas_has_one_thread_in_each_chunk(two_blas_threads, monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK_TEXTS", 2)
    before = blas_threads()
    assert set(before) == {2}
    for threads in (1, 2):
        for found in chunks.map_chunks(lambda _: blas_threads(), ["a", "b", "c"], threads):
            assert set(found) == {1}
    assert set(chunks.map_chunks(lambda _: blas_threads(), ["a"], 2)[0]) == {1}
    assert blas_threads() == before


def test_the_last_user_restores_what_was_before(two_blas_threads):
    before, inside, leave = blas_threads(), threading.Barrier(9), threading.Barrier(9)

    def stay(fail):
        with one_blas_thread():
            inside.wait(timeout=60)
            leave.wait(timeout=60)
            if fail:
                raise ValueError

    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(stay, n % 2) for n in range(8)]
        inside.wait(timeout=60)
        with one_blas_thread():
            pass
        assert set(blas_threads()) == {1}
        leave.wait(timeout=60)
        assert [bool(one.exception()) for one in waiting] == [False, True] * 4
    assert blas_threads() == before


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_process_that_is_forked_inside_is_free(two_blas_threads):
    before = blas_threads()
    with one_blas_thread():
        child = os.fork()
        if not child:
            fine = blas_threads() == before
            with one_blas_thread():
                fine = fine and set(blas_threads()) == {1}
            os._exit(0 if fine and blas_threads() == before else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert set(blas_threads()) == {1}
    assert blas_threads() == before


class PerThreadLibrary(threading.local):
    """A library whose limit is one of each thread, like MKL."""

    internal_api, filepath, num_threads = "mkl", "libmkl_rt.so", 7

    def set_num_threads(self, number: int) -> None:
        self.num_threads = number


class SharedLibrary(PerThreadLibrary):
    """A library that threadpoolctl sets from any thread."""

    internal_api, filepath = "blis", "libblis.so"


def holder_of(monkeypatch, *libraries) -> blas._OneThread:
    """Return a holder that has found these libraries."""
    found = SimpleNamespace(select=lambda user_api: SimpleNamespace(lib_controllers=libraries))
    monkeypatch.setattr(threadpoolctl, "ThreadpoolController", lambda: found)
    holder = blas._OneThread()
    holder.find()
    return holder


def test_a_library_with_limits_per_thread_is_held_in_each_thread(monkeypatch):
    library = PerThreadLibrary()
    holder = holder_of(monkeypatch, library)
    outer = holder.enter()

    def read() -> list[int]:
        seen = [library.num_threads]
        own = holder.enter()
        seen.append(library.num_threads)
        holder.leave(own)
        return [*seen, library.num_threads]

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(read).result() == [7, 1, 7]
    assert library.num_threads == 1
    holder.leave(outer)
    assert library.num_threads == 7


def test_a_library_that_is_loaded_meanwhile_is_held_at_once_and_only_once(monkeypatch):
    holder = holder_of(monkeypatch)
    own, library = holder.enter(), SharedLibrary()
    found = SimpleNamespace(select=lambda user_api: SimpleNamespace(lib_controllers=[library]))
    monkeypatch.setattr(threadpoolctl, "ThreadpoolController", lambda: found)
    holder.find()
    holder.find()
    assert library.num_threads == 1
    holder.leave(own)
    assert library.num_threads == 7


def test_without_threadpoolctl_the_openblas_in_the_wheel_of_numpy_is_held(two_blas_threads, monkeypatch):
    own = [
        lib for lib in threadpoolctl.ThreadpoolController().lib_controllers if "numpy.libs" in lib.filepath
    ]
    if not own:
        pytest.skip("NumPy is from no wheel with OpenBLAS")
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    holder = blas._OneThread()
    holder.find()
    # Compiled kernels depend on the architecture, and must not on whether threadpoolctl is installed.
    assert [library.architecture for library in holder.shared] == [own[0].architecture]
    assert [library.num_threads for library in own] == [2]
    limits = holder.enter()
    assert [library.num_threads for library in own] == [1]
    holder.leave(limits)
    assert [library.num_threads for library in own] == [2]


def test_an_openblas_that_cannot_be_loaded_is_none(monkeypatch):
    def fail(path):
        raise OSError(path)

    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    monkeypatch.setattr(blas.ctypes, "CDLL", fail)
    holder = blas._OneThread()
    holder.find()
    assert holder.shared == []


FIND_NO_BLAS = """
import threadpoolctl
threadpoolctl.ThreadpoolController._load_libraries = lambda self: None
"""
TRAIN = """
from support.tiny_training import fit
model = fit(training__epochs=8)
assert "numba" in model.versions
model.save("model")
"""
ANSWER = """
import numpy as np
from grutext import Classifier
from grutext.kernels.blas import blas_architectures
from support.tiny_training import DEV
texts = [example.text for example in DEV] * 40
compiled, plain = (Classifier.load("model", 2, compiled).predict_proba(texts) for compiled in (True, False))
assert not blas_architectures()
np.testing.assert_allclose(compiled, plain, atol=1e-5)
assert np.ptp(plain, axis=0).min() > 0.1, "it has learned nothing"
"""


@pytest.mark.long
def test_a_blas_that_cannot_be_held_trains_and_answers_right(tmp_path):
    root = Path(grutext.__file__).parents[1]
    for script in (TRAIN, ANSWER):
        done = subprocess.run(
            [sys.executable, "-c", FIND_NO_BLAS + script],
            env=dict(os.environ) | {"PYTHONPATH": f"{root}{os.pathsep}{root / 'tests'}"},
            capture_output=True, encoding="utf-8", check=False, cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
