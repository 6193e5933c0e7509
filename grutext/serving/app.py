"""The web application: routes, errors and pages put together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from grutext import __version__
from grutext.errors import GrutextError
from grutext.messages import escape
from grutext.serving import operation, pages, sessions, texts
from grutext.serving.access import check_token
from grutext.serving.errors import RequestError, error_headers
from grutext.serving.gate import Gate
from grutext.serving.openapi import describe_errors
from grutext.serving.service import Service

_ABOUT = (
    'Labels texts with models that grutext trained. Errors are JSON with one line, `{"error": …}`. '
    "Sessions, which answer while a text is still coming, are a WebSocket at `/v1/stream`."
)


def build_app(service: Service) -> FastAPI:
    """Build the application of a server."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        service.close()

    app = FastAPI(
        title="grutext",
        version=__version__,
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.service = service
    guard = [] if service.options.token is None else [Depends(check_token)]
    errors = describe_errors(403 if service.options.token is None else 401)
    app.include_router(operation.health, responses=describe_errors(403))
    for router in (texts.router, operation.router):
        app.include_router(router, dependencies=guard, responses=errors)
    reloading = operation.reloading if service.options.allow_reload else operation.not_reloading
    app.include_router(reloading, dependencies=guard, responses=errors)
    app.include_router(sessions.router)
    app.include_router(pages.router)
    app.add_middleware(Gate, service=service, paths=frozenset(app.openapi()["paths"]))
    app.add_exception_handler(GrutextError, _answer_error)
    app.add_exception_handler(HTTPException, _answer_http_error)
    app.add_exception_handler(Exception, _answer_failure)
    return app


async def _answer_error(_request: Request, error: Exception) -> Response:
    """Answer with what the library or the server refuses; other errors of the library are about what was asked for."""
    status = error.status if isinstance(error, RequestError) else RequestError.status
    return JSONResponse({"error": escape(str(error))}, status, error_headers(error))


async def _answer_http_error(request: Request, error: Exception) -> Response:
    """Answer a request for which there is no route."""
    assert isinstance(error, HTTPException)
    line = {
        404: "there is nothing at this path; /docs lists the requests, and / is a page to try the models",
        405: f"this path does not take {escape(request.method)}; /docs lists the requests",
    }.get(error.status_code, error.detail)
    return JSONResponse({"error": line}, error.status_code, error.headers)


async def _answer_failure(_request: Request, _error: Exception) -> Response:
    return JSONResponse({"error": "the server failed; its log says more"}, 500)
