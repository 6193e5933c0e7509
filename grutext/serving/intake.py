"""What clients have sent and has no answer yet, and answers that they have not read: bounded for all of them together."""

from __future__ import annotations

from grutext.serving.errors import BusyError

# Bytes that each client may always send; about as many are buffered for each connection anyway.
_FREE = 1 << 16


class Intake:
    """The bytes of all requests, and of messages of sessions, from when they arrive until they are answered; and of answers until they are read.

    Args:
        most: The number of bytes from which on clients that send much are refused.

    Attributes:
        held: The number of bytes that are there.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.held = 0


class Share:
    """What is held for one client.

    Args:
        intake: What is held for all.

    Attributes:
        held: The number of bytes.
    """

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self.held = 0

    def add(self, size: int) -> None:
        """Count bytes that have arrived, or are to be sent.

        Raises:
            BusyError: Too much is held for all clients together, and more than a little for this one.
        """
        self.held += size
        self._intake.held += size
        if self.held > _FREE and self._intake.held > self._intake.most:
            raise BusyError(
                "the server has too much to read and to send; try again in a second, or send smaller requests"
            )

    def drop(self, size: int) -> None:
        """Count bytes as gone."""
        self.held -= size
        self._intake.held -= size
