"""Requests that wait at the same time are answered together, and none is lost or mixed up."""

import asyncio
import threading

import pytest

from grutext.serving.batching import BATCH_ITEMS, BATCH_SIZE, Batcher
from grutext.serving.errors import BusyError


class Recorded:
    """Doubles texts, and notes each call; the first one waits until it may go on."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.threads: set[int] = set()
        self.go = threading.Event()

    def __call__(self, texts):
        self.calls.append(list(texts))
        self.threads.add(threading.get_ident())
        assert self.go.wait(5)
        if "bad" in texts:
            raise ValueError("bad text")
        return [text * 2 for text in texts]


async def submit(batcher, work, requests):
    """Hand in requests, the first of which is being computed before the others arrive."""
    tasks = []
    for request in requests:
        tasks.append(asyncio.create_task(batcher.run(work, request)))
        await asyncio.sleep(0.02 if len(tasks) == 1 else 0)
    work.go.set()
    return await asyncio.gather(*tasks, return_exceptions=True)


def run(requests, work=None, max_waiting=100):
    work, sizes = work or Recorded(), []
    batcher = Batcher(max_waiting, sizes.append)
    try:
        return work, sizes, asyncio.run(submit(batcher, work, requests))
    finally:
        batcher.close()


def test_the_first_request_does_not_wait_and_those_behind_it_share_a_call() -> None:
    work, sizes, results = run([["a"], ["b"], ["c", "d"], []])
    assert results == [["aa"], ["bb"], ["cc", "dd"], []]
    assert work.calls == [["a"], ["b", "c", "d"]]
    assert sizes == [1, 3]
    assert threading.get_ident() not in work.threads


def test_a_request_that_fails_does_not_fail_others_of_its_batch() -> None:
    _, _, results = run([["a"], ["b"], ["bad"], ["c"]])
    assert results[:2] + results[3:] == [["aa"], ["bb"], ["cc"]]
    assert isinstance(results[2], ValueError)


def test_a_large_request_is_continued_behind_small_ones() -> None:
    large = [str(n) for n in range(3 * BATCH_ITEMS)]
    work, _, results = run([large, ["small"]])
    assert results == [[text * 2 for text in large], ["small" * 2]]
    assert work.calls[0] == large[:BATCH_ITEMS]
    assert work.calls[1][0] == "small"
    assert max(map(len, work.calls)) == BATCH_ITEMS


def test_long_texts_make_small_batches() -> None:
    long = "x" * BATCH_SIZE
    work, _, results = run([["a"], [long, long], ["b"]])
    assert results == [["aa"], [long * 2, long * 2], ["bb"]]
    assert [len(call) for call in work.calls] == [1, 1, 2]


def test_requests_with_other_work_get_batches_of_their_own() -> None:
    async def both():
        batcher, one, other = Batcher(9), Recorded(), Recorded()
        one.go.set()
        other.go.set()
        results = await asyncio.gather(
            batcher.run(one, ["a"]), batcher.run(other, ["b"]), batcher.run(one, ["c"])
        )
        batcher.close()
        return results, one.calls, other.calls

    assert asyncio.run(both()) == ([["aa"], ["bb"], ["cc"]], [["a"], ["c"]], [["b"]])


def test_too_many_waiting_requests_are_refused_and_the_others_answered() -> None:
    _, _, results = run([["a"], ["b"], ["c"], ["d"]], max_waiting=2)
    assert results[:3] == [["aa"], ["bb"], ["cc"]]
    assert isinstance(results[3], BusyError)


def test_patient_requests_wait_however_many_are_waiting() -> None:
    async def wait():
        batcher, work = Batcher(0), Recorded()
        work.go.set()
        results = await asyncio.gather(*(batcher.run(work, [text], patient=True) for text in "abc"))
        batcher.close()
        return results

    assert asyncio.run(wait()) == [["aa"], ["bb"], ["cc"]]


def test_a_request_whose_client_has_gone_is_not_computed() -> None:
    async def leave():
        batcher, work = Batcher(9), Recorded()
        first = asyncio.create_task(batcher.run(work, ["a"]))
        await asyncio.sleep(0.02)
        second = asyncio.create_task(batcher.run(work, ["b"]))
        await asyncio.sleep(0)
        second.cancel()
        third = asyncio.create_task(batcher.run(work, ["c"]))
        work.go.set()
        results = await asyncio.gather(first, third)
        batcher.close()
        return results, work.calls

    assert asyncio.run(leave()) == ([["aa"], ["cc"]], [["a"], ["c"]])


@pytest.mark.parametrize("sizes", [[1, 130, 2, 64, 0, 65, 3], [200, 200, 1]])
def test_every_request_gets_its_own_results_in_order(sizes) -> None:
    requests = [[f"{r}-{n}" for n in range(size)] for r, size in enumerate(sizes)]
    assert run(requests)[2] == [[text * 2 for text in request] for request in requests]
