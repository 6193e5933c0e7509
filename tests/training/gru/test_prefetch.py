import threading

import pytest

from grutext.training.gru.prefetch import prefetch


def makers():
    return [thread for thread in threading.enumerate() if thread.name == "batches"]


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
