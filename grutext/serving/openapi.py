"""What the OpenAPI document says beyond what FastAPI finds out by itself."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from grutext.serving.schemas import ErrorResponse

Responses = dict[int | str, dict[str, Any]]

_MEANINGS = {
    401: "The bearer token is missing or wrong.",
    403: "The header Host has a name that is not the server's.",
    404: "There is no such model.",
    408: "The body did not arrive in time.",
    409: "The models could not be loaded; the old ones go on answering.",
    413: "The body, the texts or their number is over a limit of the server.",
    415: "The body is not sent as JSON.",
    422: "The body is not as described, or the model cannot do what is asked for.",
    429: "Too many or too large requests are waiting; try again.",
    503: "The models are not loaded yet, or the answer took too long.",
}


def describe_errors(*statuses: int) -> Responses:
    """Return the descriptions of the errors that a route answers with."""
    return {status: {"model": ErrorResponse, "description": _MEANINGS[status]} for status in statuses}


def describe_body(kind: type[BaseModel], example: dict[str, Any]) -> dict[str, Any]:
    """Return the description of the body of a request, which the route reads by itself."""
    schema = kind.model_json_schema() | {"example": example}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


ERRORS_OF_TEXTS = describe_errors(404, 408, 413, 415, 422, 429, 503)
