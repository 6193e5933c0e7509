"""Read the body of a request, within the limits of the server."""

from __future__ import annotations

from typing import TypeVar

import anyio
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request

from grutext.messages import count, escape
from grutext.serving.errors import MediaTypeError, RequestError, SlowError, TooLargeError
from grutext.serving.options import Limits
from grutext.serving.schemas import Asked

AskedType = TypeVar("AskedType", bound=Asked)
BodyType = TypeVar("BodyType", bound=BaseModel)
_LISTED = 3  # errors in one line
_MOST_ERRORS = 1000  # pydantic makes an object of each
_IN_PLAIN_WORDS = (
    ("Value error, ", ""),
    ("Extra inputs are not permitted", "there is no such field; see /docs"),
    ("Field required", "is missing"),
    ("Input should be", "must be"),
    ("greater than or equal to", "at least"),
    ("less than or equal to", "at most"),
    ("a valid array", "an array"),
    ("a valid integer", "an integer"),
    ("a valid", "a"),
)


async def read_asked(request: Request, kind: type[AskedType], limits: Limits) -> AskedType:
    """Return the body of a request.

    Raises:
        MediaTypeError: It is not sent as JSON.
        SlowError: It does not arrive in time.
        TooLargeError: It is over a limit.
        RequestError: It is not what `kind` describes.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise MediaTypeError("the body must be JSON; send the header Content-Type: application/json")
    asked = parse(kind, await _read_body(request, limits))
    if len(asked.texts) > limits.texts:
        raise TooLargeError(
            f"the request has {count(len(asked.texts), 'text')}, more than {limits.texts:,}; send several requests"
        )
    characters = sum(map(len, asked.texts))
    if characters > limits.characters:
        raise TooLargeError(
            f"the texts have {characters:,} characters, more than {limits.characters:,}; send several requests"
        )
    return asked


def parse(kind: type[BodyType], body: bytes | str) -> BodyType:
    """Return the JSON of a body or message as an object of `kind`.

    Raises:
        RequestError: It is not JSON, or not what `kind` describes; the message quotes nothing of it but names.
    """
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise RequestError(_one_line(error)) from None


def _one_line(error: ValidationError) -> str:
    if error.error_count() > _MOST_ERRORS:
        return f"the body has {error.error_count():,} errors; see /docs for its fields"
    found = error.errors(include_url=False, include_context=False, include_input=False)
    lines = [
        ".".join(map(str, problem["loc"]))
        + (": " if problem["loc"] else "")
        + _in_plain_words(problem["msg"])
        for problem in found[:_LISTED]
    ]
    more = len(found) - _LISTED
    return escape("; ".join(lines) + (f"; and {more:,} more" if more > 0 else ""))


def _in_plain_words(message: str) -> str:
    """Return a message of pydantic without its terms."""
    for term, words in _IN_PLAIN_WORDS:
        message = message.replace(term, words)
    return message


async def _read_body(request: Request, limits: Limits) -> bytes:
    too_large = TooLargeError(f"the body has more than {limits.body:,} bytes; send several requests")
    announced = request.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and int(announced) > limits.body:
        raise too_large
    body = bytearray()
    try:
        with anyio.fail_after(limits.seconds):
            async for piece in request.stream():
                body += piece
                if len(body) > limits.body:
                    raise too_large
    except TimeoutError:
        raise SlowError(f"the body did not arrive within {limits.seconds:g} s") from None
    except ClientDisconnect:
        raise SlowError("the connection was closed before the body had arrived") from None
    return bytes(body)
