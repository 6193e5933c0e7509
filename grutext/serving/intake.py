"""What clients have sent and the server has not answered yet: bounded for all of them together."""

from __future__ import annotations

from grutext.serving.errors import BusyError

_FREE = (
    1 << 16
)  # bytes that each client may always send; about as many are buffered for each connection anyway


class Intake:
    """The bytes of all requests, and of messages of sessions, from when they arrive until they are answered.

    Args:
        most: The number of bytes from which on clients that send much are refused.

    Attributes:
        held: The number of bytes that are there.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.held = 0


class Share:
    """What one client has sent.

    Args:
        intake: What all have sent.

    Attributes:
        held: The number of bytes.
    """

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self.held = 0

    def add(self, size: int) -> None:
        """Count bytes that have arrived.

        Raises:
            BusyError: All clients together have sent too much, and this one more than a little.
        """
        self.held += size
        self._intake.held += size
        if self.held > _FREE and self._intake.held > self._intake.most:
            raise BusyError(
                "the server has too much to read; try again in a second, or send smaller requests"
            )

    def drop(self, size: int) -> None:
        """Count bytes as gone."""
        self.held -= size
        self._intake.held -= size
