"""HTTP on a connection, with an end to patience and to memory."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_MOST_HEAD = 1 << 16  # bytes of the head of a request, or of what stands between two parts of its body


def patient_protocol(seconds: float) -> type[HttpToolsProtocol]:
    """Return uvicorn's protocol, which closes a connection on which the head of a request is long or takes longer than `seconds`.

    uvicorn by itself only closes connections that are idle after an answer. One that never sends a whole head would
    stay open for ever, and so would one that does not read its answer. A head without an end would fill the memory.
    """

    class PatientProtocol(HttpToolsProtocol):
        """Waits only so long for the head of a request, and for the client to read some of the answer."""

        _head: asyncio.TimerHandle | None = None
        _reading: asyncio.TimerHandle | None = None
        _unread = 0  # bytes of the last answer, when it was last looked at
        _beside = 0  # bytes since the last part of a body

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._wait_for_head()

        def data_received(self, data: bytes) -> None:
            self._beside += len(data)
            super().data_received(data)
            if self._beside > _MOST_HEAD and not self.transport.is_closing():
                self.send_400_response(f"The head of the request has more than {_MOST_HEAD:,} bytes.")

        def on_body(self, body: bytes) -> None:
            self._beside = 0
            super().on_body(body)

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._unread = self._beside = 0
            self._wait_for_head()

        def on_headers_complete(self) -> None:
            self._stop_waiting()
            super().on_headers_complete()

        def pause_writing(self) -> None:
            super().pause_writing()
            self._reading = self.loop.call_later(seconds, self._close)

        def resume_writing(self) -> None:
            super().resume_writing()
            if self._reading is not None:
                self._reading.cancel()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_waiting()
            if self._reading is not None:
                self._reading.cancel()
            super().connection_lost(exc)

        def timeout_keep_alive_handler(self) -> None:
            """Close an idle connection, even if its answer was not read; but wait while a slow client is reading it."""
            unread = self.transport.get_write_buffer_size()
            if not unread:
                super().timeout_keep_alive_handler()
            elif unread == self._unread:
                self.transport.abort()
            else:
                self._unread = unread
                self.timeout_keep_alive_task = self.loop.call_later(
                    self.timeout_keep_alive, self.timeout_keep_alive_handler
                )

        def _wait_for_head(self) -> None:
            self._stop_waiting()
            self._head = self.loop.call_later(seconds, self._close)

        def _stop_waiting(self) -> None:
            if self._head is not None:
                self._head.cancel()
                self._head = None

        def _close(self) -> None:
            if not self.transport.is_closing():
                self.transport.abort()

    return PatientProtocol
