"""A connection whose answer is not read is closed, one that is read slowly is not."""

import pytest

pytest.importorskip("httptools")

from uvicorn.protocols.http.flow_control import FlowControl

from grutext.serving.protocol import patient_protocol


class Transport:
    """A connection with bytes that the client has not read."""

    def __init__(self, unread: int) -> None:
        self.unread, self.ended = unread, ""

    def get_write_buffer_size(self) -> int:
        return self.unread

    def is_closing(self) -> bool:
        return bool(self.ended)

    def abort(self) -> None:
        self.ended = "aborted"

    def close(self) -> None:
        self.ended = "closed"


class Loop:
    """Notes what is to be called later."""

    def __init__(self) -> None:
        self.later = []

    def call_later(self, seconds, call):
        self.later.append(call)
        return Handle(self, call)


class Handle:
    """A call that can be cancelled."""

    def __init__(self, loop, call) -> None:
        self.loop, self.call = loop, call

    def cancel(self) -> None:
        self.loop.later.remove(self.call)


@pytest.mark.parametrize(
    ("left", "ended"),
    [([0], "closed"), ([900, 900], "aborted"), ([900, 500, 100, 0], "closed"), ([900, 500, 500], "aborted")],
)
def test_an_idle_connection_is_closed_unless_its_answer_is_still_being_read(left, ended) -> None:
    protocol = object.__new__(patient_protocol(1.0))
    protocol.transport, protocol.loop, protocol.timeout_keep_alive = Transport(left[0]), Loop(), 5
    protocol.timeout_keep_alive_handler()
    for unread in left[1:]:
        assert protocol.transport.ended == ""
        protocol.transport.unread = unread
        protocol.loop.later.pop()()
    assert protocol.transport.ended == ended
    assert protocol.loop.later == []


def test_a_connection_is_closed_while_an_answer_is_sent_of_which_the_client_reads_nothing() -> None:
    protocol = object.__new__(patient_protocol(1.0))
    protocol.transport, protocol.loop = Transport(70_000), Loop()
    protocol.flow = FlowControl(protocol.transport)
    protocol.pause_writing()
    protocol.resume_writing()
    assert protocol.loop.later == []
    protocol.pause_writing()
    protocol.loop.later.pop()()
    assert protocol.transport.ended == "aborted"
