"""Workers wait for each other before TensorFlow connects them."""

import errno
import json
import os
import socket
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress

import pytest
from support.cluster import free_addresses, tf_config

from grutext.engines import rendezvous
from grutext.engines.rendezvous import meet
from grutext.engines.workers import Task, read_task
from grutext.errors import ClusterError


@pytest.fixture
def tasks() -> list[Task]:
    """Return three workers on this machine."""
    return tasks_of(free_addresses(3))


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Wait for tenths of a second."""
    monkeypatch.setattr(rendezvous, "SECONDS", 0.7)
    monkeypatch.setattr(rendezvous, "_RETRY_SECONDS", 0.02)


@pytest.fixture
def pool():
    with ThreadPoolExecutor(4) as threads:
        yield threads


def tasks_of(addresses: list[str]) -> list[Task]:
    found = [read_task({"TF_CONFIG": tf_config(addresses, rank)}) for rank in range(len(addresses))]
    return [task for task in found if task]


def ignore(_: str) -> None: ...


def problem(waiting: "Future[None]") -> str:
    """Return the message of the ClusterError that a worker ends with, on one line."""
    with pytest.raises(ClusterError) as caught:
        waiting.result(30)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def report(task: Task) -> socket.socket:
    """Report to the chief, and return the connection."""
    host, port = task.addresses[0].split(":")
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with suppress(OSError):  # the chief does not listen yet
            connection = socket.create_connection((host, int(port)))
            connection.sendall(json.dumps({"rank": task.rank, "addresses": task.addresses}).encode() + b"\n")
            return connection
        time.sleep(0.01)
    pytest.fail("the chief does not listen")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
def test_no_worker_goes_on_before_all_have_started(order, tasks, pool, monkeypatch):
    monkeypatch.setattr(rendezvous, "SECONDS", 30.0)
    *early, last = order
    waiting = [pool.submit(meet, tasks[rank], ignore) for rank in early]
    time.sleep(0.2)
    assert not any(one.done() for one in waiting)
    for one in [*waiting, pool.submit(meet, tasks[last], ignore)]:
        one.result(30)


@pytest.mark.parametrize("absent", [1, 2])
def test_a_worker_that_does_not_start_ends_the_others_in_a_line_that_names_it(absent, tasks, pool):
    waiting = [pool.submit(meet, task, ignore) for task in tasks if task.rank != absent]
    for one in waiting:
        assert problem(one) == (
            f"worker {absent} ({tasks[0].addresses[absent]}) did not start within 0.7 s; start the same command on each "
            "worker, with its own index in TF_CONFIG"
        )


def test_a_chief_that_does_not_start_ends_the_others(tasks, pool):
    waiting = [pool.submit(meet, task, ignore) for task in tasks[1:]]
    for one in waiting:
        said = problem(one)
        assert said.startswith(f"worker 0 ({tasks[0].addresses[0]}) did not start within 0.7 s (")
        assert "refused" in said


def test_a_worker_that_ends_while_it_waits_is_missed(tasks, pool):
    waiting = [pool.submit(meet, task, ignore) for task in tasks[:2]]
    report(tasks[2]).close()
    for one in waiting:
        assert problem(one).startswith("worker 2 (")


def test_a_worker_that_is_started_again_while_the_others_wait_is_one_of_them(tasks, pool, monkeypatch):
    monkeypatch.setattr(rendezvous, "SECONDS", 30.0)
    waiting = [pool.submit(meet, tasks[0], ignore)]
    report(tasks[1]).close()
    time.sleep(0.2)
    waiting += [pool.submit(meet, task, ignore) for task in tasks[1:]]
    for one in waiting:
        one.result(30)


def test_the_chief_says_whom_it_waits_for(tasks, pool, monkeypatch):
    monkeypatch.setattr(rendezvous, "_NOTE_SECONDS", 0.2)
    notes: list[str] = []
    waiting = [pool.submit(meet, task, notes.append) for task in tasks[:2]]
    for one in waiting:
        problem(one)
    assert notes == [f"waiting for worker 2 ({tasks[0].addresses[2]}), at most 0.7 s"]


def test_one_index_for_two_workers_is_found(tasks, pool, monkeypatch):
    monkeypatch.setattr(rendezvous, "SECONDS", 30.0)
    waiting = [pool.submit(meet, tasks[0], ignore)]
    with closing(report(tasks[1])):
        waiting.append(pool.submit(meet, tasks[1], ignore))
        for one in waiting:
            assert problem(one).startswith(f"worker 1 ({tasks[0].addresses[1]}) was started twice; ")


def test_other_addresses_are_found(tasks, pool, monkeypatch):
    monkeypatch.setattr(rendezvous, "SECONDS", 30.0)
    shorter = tasks_of(list(tasks[0].addresses[:2]))
    for one in [pool.submit(meet, tasks[2], ignore), pool.submit(meet, shorter[0], ignore)]:
        said = problem(one)
        assert said.startswith("TF_CONFIG lists 127.0.0.1:")
        assert tasks[0].addresses[2] in said


@pytest.mark.parametrize("sent", [b"", b"\n", b"GET / HTTP/1.0\r\n\r\n", b"[1]\n", b'{"rank": 1}\n',
                                  b'{"rank": 9, "addresses": []}\n', b"\xff\n"])  # fmt: skip
def test_whatever_else_connects_is_ignored(sent, tasks, pool, monkeypatch):
    monkeypatch.setattr(rendezvous, "SECONDS", 30.0)
    waiting = [pool.submit(meet, tasks[0], ignore)]
    with closing(report(tasks[1])):
        pass
    host, port = tasks[0].addresses[0].split(":")
    with socket.create_connection((host, int(port))) as stranger:
        stranger.sendall(sent)
        stranger.shutdown(socket.SHUT_WR)
        waiting += [pool.submit(meet, task, ignore) for task in tasks[1:]]
        for one in waiting:
            one.result(30)


@pytest.mark.parametrize("rank", [0, 1])
def test_an_address_in_use_is_said_at_once(rank, tasks, monkeypatch):
    monkeypatch.setattr(rendezvous, "SECONDS", 30.0)
    host, port = tasks[0].addresses[rank].split(":")
    with socket.create_server((host, int(port))), pytest.raises(ClusterError) as caught:
        meet(tasks[rank], ignore)
    address = tasks[0].addresses[rank]
    assert (
        str(caught.value)
        == f"this worker cannot listen at its address {address}: {os.strerror(errno.EADDRINUSE)}"
    )
