"""WebSocket on a connection, with an end to memory."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from grutext.serving.errors import BusyError
from grutext.serving.intake import Intake, Share

_TRY_AGAIN = 1013  # code of RFC 6455


def bounded_protocol(intake: Intake) -> type[WebSocketsSansIOProtocol]:
    """Return uvicorn's protocol of WebSockets, which ends a session that sends much while the server holds too much."""

    class BoundedProtocol(WebSocketsSansIOProtocol):
        """Counts what has come and is not answered yet."""

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            self._share = Share(intake)
            self._whole = 0  # bytes up to the end of the last whole message

        def data_received(self, data: bytes) -> None:
            try:
                self._share.add(len(data))
            except BusyError as error:
                self.conn.fail(_TRY_AGAIN, str(error))
                self.transport.write(b"".join(self.conn.data_to_send()))
                self.close_sent = True
                self.transport.close()
                return
            super().data_received(data)

        def send_receive_event_to_app(self) -> None:
            self._whole = self._share.held
            super().send_receive_event_to_app()

        async def receive(self) -> Any:
            if self.queue.empty():  # all messages before are answered
                self._share.drop(self._whole)
                self._whole = 0
            return await super().receive()

        def connection_lost(self, exc: Exception | None) -> None:
            self._share.drop(self._share.held)
            self._whole = 0
            super().connection_lost(exc)

    return BoundedProtocol
