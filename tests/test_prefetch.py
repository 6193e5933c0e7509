import threading

import pytest

from grutext.prefetch import map_ahead, prefetch


def makers():
    return [
        thread for thread in threading.enumerate() if thread.name.startswith(("batches", "grutext-ahead"))
    ]


def test_prefetching_keeps_the_order_and_ends_the_thread():
    assert list(prefetch(iter(range(100)))) == list(range(100))
    assert not makers()


def test_no_more_than_two_finished_items_wait():
    made = []
    is_third = threading.Event()

    def items():
        for number in range(50):
            made.append(number)
            if len(made) == 3:
                is_third.set()
            yield number

    coming = prefetch(items())
    assert next(coming) == 0
    assert is_third.wait(10)
    assert len(made) <= 4, "one is yielded, two lie ready, one waits for room"
    coming.close()
    assert not makers()


def test_an_error_is_raised_when_its_item_is_due():
    def items():
        yield 1
        raise OSError("the file is gone")

    coming = prefetch(items())
    assert next(coming) == 1
    with pytest.raises(OSError, match="the file is gone"):
        next(coming)
    assert not makers()


def test_an_error_of_the_consumer_ends_the_thread():
    def take():
        coming = prefetch(iter(range(1_000)))
        try:
            for _ in coming:
                raise KeyboardInterrupt
        finally:
            coming.close()

    with pytest.raises(KeyboardInterrupt):
        take()
    assert not makers()


@pytest.mark.parametrize("workers", [1, 3])
def test_work_ahead_keeps_the_order_and_ends_the_threads(workers):
    assert list(map_ahead(lambda number: number**2, iter(range(50)), workers)) == [n**2 for n in range(50)]
    assert not makers()


def test_as_many_items_are_worked_on_at_once_as_there_are_workers():
    together = threading.Barrier(3)
    assert list(map_ahead(lambda _: together.wait(timeout=60) >= 0, range(6), 3)) == [True] * 6


def test_few_items_are_worked_on_before_they_are_due():
    made = []

    def items():
        for number in range(50):
            made.append(number)
            yield number

    coming = map_ahead(abs, items(), 2)
    assert next(coming) == 0
    coming.close()
    assert len(made) <= 6
    assert not makers()


def test_results_before_an_error_come_first():
    def items():
        yield from (4, 2, 0)
        raise OSError("the file is gone")

    coming = map_ahead(lambda number: 8 // number, items(), 2)
    assert [next(coming), next(coming)] == [2, 4]
    with pytest.raises(ZeroDivisionError):
        next(coming)
    assert not makers()
    coming = map_ahead(abs, items(), 2)
    assert [next(coming) for _ in range(3)] == [4, 2, 0]
    with pytest.raises(OSError, match="the file is gone"):
        next(coming)
    assert not makers()
