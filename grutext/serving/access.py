"""Who may use a server: those who have its token."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request, WebSocket
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from grutext.serving.errors import UnauthorizedError
from grutext.serving.service import service_of

# A page cannot set headers of a WebSocket, but it can offer protocols; the server picks the first of these two.
PROTOCOL, TOKEN_PROTOCOL = "grutext", "grutext.token."

_bearer = HTTPBearer(auto_error=False, description="The token that the server was started with.")


async def check_token(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> None:
    """Raise an UnauthorizedError unless a request has the server's token."""
    if not service_of(request).is_token("" if credentials is None else credentials.credentials):
        raise UnauthorizedError("the token is missing or wrong; send the header Authorization: Bearer TOKEN")


def session_token(websocket: WebSocket) -> tuple[str, str | None]:
    """Return the token of a client that begins a session, from its header or its protocols, and the protocol to pick."""
    offered = websocket.scope["subprotocols"]
    picked = PROTOCOL if PROTOCOL in offered else None
    for protocol in offered:
        if protocol.startswith(TOKEN_PROTOCOL):
            return protocol.removeprefix(TOKEN_PROTOCOL), picked
    kind, _, token = websocket.headers.get("authorization", "").partition(" ")
    return token if kind.lower() == "bearer" else "", picked
