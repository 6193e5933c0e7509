"""Any number of threads gives the same bits, in order."""

import os
import threading

import numpy as np
import pytest

from grutext import Classifier
from grutext.errors import ConfigError
from grutext.inference import chunks


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
    for threads in (2, 3, 7, 64, None):
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
