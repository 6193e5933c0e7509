"""Who may use a server: those who have its token, and name it as they should."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated

from fastapi import Depends, Request, WebSocket
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.datastructures import Headers

from grutext.serving.errors import ForbiddenError, UnauthorizedError
from grutext.serving.options import ServerOptions
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


def allowed_hosts(options: ServerOptions, host: str, address: str) -> frozenset[str] | None:
    """Return the names that requests may have in their header Host; None for any.

    A page of the web can give its name the address of this machine (DNS rebinding). To a browser, the answers of a server
    here are then the page's own. A token keeps such pages out, too, and a server that others can reach has names unknown to us.

    Args:
        options: The settings of the server.
        host: The address or name that it was told to listen at.
        address: The address that it listens at.
    """
    if options.token is not None or not ip_address(address).is_loopback:
        return None
    return frozenset(
        name.lower() for name in ("localhost", "127.0.0.1", "[::1]", host, address, *options.hosts)
    )


def check_host(header: str, allowed: frozenset[str] | None) -> None:
    """Raise a ForbiddenError unless the header Host of a request, if it has one, is among the allowed names."""
    name, _, port = header.lower().rpartition(":")
    if header and allowed is not None and (name if port.isdigit() else header.lower()) not in allowed:
        raise ForbiddenError(
            "this server is for this machine: ask it as localhost, or start it with --allow-host or --token-file"
        )


def check_origin(headers: Headers) -> None:
    """Raise a ForbiddenError if a page of another server asks; browsers let it ask, though not read the answer."""
    origin = headers.get("origin")
    if origin is not None and origin.partition("://")[2] != headers.get("host", ""):
        raise ForbiddenError("a page of another server cannot do this")


def session_token(websocket: WebSocket) -> tuple[str, str | None]:
    """Return the token of a client that begins a session, from its header or its protocols, and the protocol to pick."""
    offered = websocket.scope["subprotocols"]
    picked = PROTOCOL if PROTOCOL in offered else None
    for protocol in offered:
        if protocol.startswith(TOKEN_PROTOCOL):
            return protocol.removeprefix(TOKEN_PROTOCOL), picked
    kind, _, token = websocket.headers.get("authorization", "").partition(" ")
    return token if kind.lower() == "bearer" else "", picked
