"""Errors of requests: a status of HTTP and one line."""

from __future__ import annotations

from grutext.errors import GrutextError


class RequestError(GrutextError):
    """A request that is answered with an error.

    Attributes:
        status: The status of HTTP.
    """

    status = 422


class UnauthorizedError(RequestError):
    """The token is missing or wrong."""

    status = 401


class ForbiddenError(RequestError):
    """The client must not do this."""

    status = 403


class UnknownModelError(RequestError):
    """No model has the name that was asked for."""

    status = 404


class OffError(RequestError):
    """The server was not told to do this."""

    status = 404


class SlowError(RequestError):
    """The body did not arrive in time."""

    status = 408


class ReloadError(RequestError):
    """The models cannot be loaded again."""

    status = 409


class TooLargeError(RequestError):
    """The body, a text or the number of texts is over a limit."""

    status = 413


class MediaTypeError(RequestError):
    """The body is not JSON by its content type."""

    status = 415


class NoWebSocketError(RequestError):
    """A session was asked for by a request that is no WebSocket."""

    status = 426


class BusyError(RequestError):
    """There are too many requests or sessions."""

    status = 429


class UnavailableError(RequestError):
    """The models are not loaded yet, or the answer took too long."""

    status = 503


def error_headers(error: Exception) -> dict[str, str]:
    """Return the headers of the answer to a request that failed."""
    if isinstance(error, UnauthorizedError):
        return {"www-authenticate": "Bearer"}
    if isinstance(error, NoWebSocketError):
        return {"connection": "upgrade", "upgrade": "websocket"}
    return {"retry-after": "1"} if isinstance(error, (BusyError, UnavailableError)) else {}
