"""Any number of threads gives the same bits, in order, and leaves BLAS as it was."""

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from grutext import Classifier
from grutext.errors import ConfigError
from grutext.inference import chunks
from grutext.kernels import blas
from grutext.kernels.blas import one_blas_thread

ThreadpoolController = pytest.importorskip("threadpoolctl").ThreadpoolController


def blas_threads() -> list[int]:
    """How many threads BLAS may use now: NumPy's, and SciPy's where machine code has it."""
    libraries = ThreadpoolController().select(user_api="blas").lib_controllers
    held = "grutext.kernels.compiling" in sys.modules
    return [library.num_threads for library in libraries if held or "scipy.libs" not in library.filepath]


@pytest.fixture
def two_for_blas():
    """BLAS may use two threads, however many cores there are."""
    if blas._find_openblas(np) is None:
        pytest.skip("NumPy has another BLAS than OpenBLAS")
    with ThreadpoolController().limit(limits=2, user_api="blas"):
        yield


@pytest.fixture
def many(texts, rng) -> list[str]:
    """Three hundred texts, all different, some of them long."""
    words = [word for text in texts for word in text.split()]
    sizes = rng.integers(0, 60, 300)
    return [f"{n} " + " ".join(rng.choice(words, size=size)) for n, size in enumerate(sizes)]


@pytest.mark.long
@pytest.mark.parametrize("settings", [{}, {"gru.layers": 2, "gru.pooling": "attention"}], ids=str)
def test_any_number_of_threads_gives_the_same_bits(build_bundle, many, monkeypatch, settings, compiled):
    monkeypatch.setattr(chunks, "CHUNK_TEXTS", 16)
    bundle = build_bundle(settings)
    one = Classifier(bundle, 1, compiled)
    probabilities, vectors = one.predict_proba(many), one.encode(many)
    for threads in (2, 3, 16, None):
        model = Classifier(bundle, threads, compiled)
        assert model.predict_proba(many).tobytes() == probabilities.tobytes()
        assert model.encode(many).tobytes() == vectors.tobytes()
    assert len(np.unique(vectors, axis=0)) == len(many)


def test_as_many_threads_work_as_are_asked_for_and_none_stays(monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK_TEXTS", 1)
    for threads, expected in ((1, 1), (3, 3), (50, 8)):
        together, seen = threading.Barrier(expected), set()

        def work(chunk, together=together, seen=seen):
            if chunk[0] < str(together.parties):
                together.wait(timeout=60)
            seen.add(threading.get_ident())
            return chunk[0]

        texts = [str(n) for n in range(8)]
        assert chunks.map_chunks(work, texts, threads) == texts
        assert len(seen) == expected
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("grutext")]


def test_each_chunk_is_worked_on_with_one_thread_of_blas(two_for_blas, monkeypatch, compiled):
    if compiled:
        import grutext.kernels.compiling  # noqa: F401
    monkeypatch.setattr(chunks, "CHUNK_TEXTS", 2)
    before = blas_threads()
    assert set(before) == {2}
    for threads in (1, 2):
        for found in chunks.map_chunks(lambda _: blas_threads(), ["a", "b", "c"], threads):
            assert set(found) == {1}
    assert set(chunks.map_chunks(lambda _: blas_threads(), ["a"], 2)[0]) == {1}
    assert blas_threads() == before


def test_blas_is_as_it_was_once_the_last_one_has_left(two_for_blas):
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
def test_a_process_that_was_forked_meanwhile_is_free(two_for_blas):
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


def test_a_blas_that_two_packages_share_is_held_once(two_for_blas):
    before = blas_threads()
    assert blas.include(np)
    with one_blas_thread():
        assert set(blas_threads()) == {1}
    assert blas_threads() == before


def test_an_error_of_one_chunk_is_the_error_of_the_call(monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK_TEXTS", 1)
    done = []

    def work(chunk):
        if chunk == ["bad"]:
            raise ValueError("bad")
        done.append(chunk)

    for threads in (1, 2):
        done.clear()
        with pytest.raises(ValueError, match="bad"):
            chunks.map_chunks(work, ["bad", *"a" * 1000], threads)
        assert len(done) < 1000, "what has not begun is left out"


@pytest.mark.parametrize("threads", [0, -1])
def test_fewer_than_one_thread_is_refused(build_bundle, threads):
    with pytest.raises(ConfigError, match=f"threads is {threads}; it must be 1 or more"):
        Classifier(build_bundle(), threads)


def test_all_cores_that_the_process_may_use(build_bundle, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5}, raising=False)
    assert Classifier(build_bundle()).threads == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert Classifier(build_bundle()).threads == 1
