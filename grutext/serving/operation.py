"""The routes for those who operate the server: models, health, metrics, loading again."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from grutext.errors import GrutextError
from grutext.serving.access import check_origin
from grutext.serving.errors import OffError, ReloadError
from grutext.serving.metrics import CONTENT_TYPE
from grutext.serving.openapi import describe_errors
from grutext.serving.schemas import ModelsResponse, StatusResponse
from grutext.serving.service import service_of

health = APIRouter(prefix="/health", tags=["operation"])
router = APIRouter(tags=["operation"])
reloading = APIRouter(prefix="/v1", tags=["operation"])
not_reloading = APIRouter(prefix="/v1")


@health.get("/live", response_model=StatusResponse)
async def live() -> dict[str, str]:
    """Return that the server runs."""
    return {"status": "live"}


@health.get("/ready", response_model=StatusResponse, responses=describe_errors(503))
async def ready(request: Request) -> dict[str, str]:
    """Return whether the models are loaded."""
    service_of(request).models.find(None)
    return {"status": "ready"}


@router.get("/v1/models", response_model=ModelsResponse, responses=describe_errors(503))
async def models(request: Request) -> dict[str, object]:
    """List the models, the default first."""
    return {"models": [model.description() for model in service_of(request).models.list()]}


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {"description": "The metrics.", "content": {"text/plain": {"schema": {"type": "string"}}}}
    },
)
async def metrics(request: Request) -> Response:
    """Return metrics in the format of Prometheus."""
    return Response(service_of(request).metrics.render(), media_type=CONTENT_TYPE)


@not_reloading.post("/reload", include_in_schema=False)
async def refuse_to_reload() -> None:
    """Say how to load the models again where the server was not told to."""
    raise OffError("loading again is off; start the server with --allow-reload, or send it the signal SIGHUP")


@reloading.post("/reload", response_model=ModelsResponse, responses=describe_errors(409, 503))
async def reload(request: Request) -> dict[str, object]:
    """Load all models again from their folders; requests are answered meanwhile."""
    service = service_of(request)
    check_origin(request.headers)
    try:
        await service.load()
    except GrutextError as error:
        raise ReloadError(str(error)) from error
    return await models(request)
