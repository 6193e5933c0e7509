"""Requests, answers and errors of the server as tables, in the words of its OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from grutext.serving import ServerOptions, Service, build_app
from grutext.serving.models import Models

Schema = Mapping[str, Any]


@cache
def read_document() -> dict[str, Any]:
    """Return the OpenAPI document of a server with all that can be switched on."""
    options = ServerOptions(token="x" * 16, allow_reload=True)
    return build_app(Service(Models({}), options)).openapi()


def render_requests() -> str:
    """Return all requests and what they do as Markdown."""
    rows = [
        f"| `{method.upper()} {path}` | {_first(operation)} | {', '.join(_errors(operation))} |"
        for path, operations in read_document()["paths"].items()
        for method, operation in operations.items()
    ]
    return "\n".join(["| request | what it does | errors |", "|---|---|---|", *rows])


def render_request(method: str, path: str) -> str:
    """Return the fields of the body of a request, if it has one, and those of its answer as Markdown.

    Raises:
        KeyError: There is no such request.
    """
    operation = read_document()["paths"][path][method.lower()]
    parts = []
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        rows = [
            f"| `{name}` | {_type(field)} | {_about(field)} |" for name, field in schema["properties"].items()
        ]
        parts.append("\n".join(["| field of the body | type | meaning |", "|---|---|---|", *rows]))
    answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
    rows = [f"| `{name}` | {_type(field)} | {_about(field)} |" for name, field in _walk(answer)]
    parts.append("\n".join(["| field of the answer | type | meaning |", "|---|---|---|", *rows]))
    return "\n\n".join(parts)


def render_errors() -> str:
    """Return the statuses of all errors and what they mean as Markdown."""
    meanings = {
        status: response["description"]
        for operations in read_document()["paths"].values()
        for operation in operations.values()
        for status, response in operation["responses"].items()
        if status >= "400"
    }
    return "\n".join(
        ["| status | meaning |", "|---|---|", *(f"| {key} | {meanings[key]} |" for key in sorted(meanings))]
    )


def _first(operation: Schema) -> str:
    """Return the first line of the description of an operation."""
    line: str = operation["description"].splitlines()[0]
    return line


def _errors(operation: Schema) -> list[str]:
    return sorted(status for status in operation["responses"] if status >= "400")


def _resolve(schema: Schema) -> Schema:
    """Return a schema without references, and without the null of an optional field."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return _resolve(read_document()["components"]["schemas"][name])
    chosen = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    return _resolve(chosen[0]) if len(chosen) == 1 else schema


def _walk(schema: Schema, before: str = "") -> Iterator[tuple[str, Schema]]:
    """Yield the fields of an object and of the objects in it, such as `results[].label`."""
    for name, field in _resolve(schema).get("properties", {}).items():
        yield f"{before}{name}", field
        inner = _resolve(field)
        if inner.get("type") == "array":
            yield from _walk(inner["items"], f"{before}{name}[].")
        else:
            yield from _walk(inner, f"{before}{name}.")


def _type(field: Schema) -> str:
    """Return the type of a field in words: `string`, `array of arrays of numbers`."""
    schema = _resolve(field)
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if schema.get("type") != "array":
        return str(schema.get("type", "any"))
    kind, *inner = _type(schema["items"]).split(" ", 1)  # what the plural is of
    return " ".join([f"array of {kind}s", *inner])


def _about(field: Schema) -> str:
    """Return what a field means, and its default where it has one."""
    meaning = field.get("description") or _resolve(field).get("description", "")
    default = field.get("default")
    return meaning if default in (None, False) else f"{meaning} Default: {default}."
