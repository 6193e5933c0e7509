"""The routes that answer about texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from fastapi import APIRouter, Request, Response
from numpy.typing import NDArray
from pydantic_core import to_json

from grutext.errors import BundleError
from grutext.inference import Answer
from grutext.serving.batching import Work
from grutext.serving.models import ServedModel
from grutext.serving.openapi import ERRORS_OF_TEXTS, describe_body
from grutext.serving.requests import read_asked
from grutext.serving.schemas import ClassifyRequest, ClassifyResponse, EncodeRequest, EncodeResponse
from grutext.serving.service import service_of

router = APIRouter(prefix="/v1", tags=["texts"])


@dataclass(frozen=True)
class _Answering:
    """What requests that are answered together have in common."""

    model: ServedModel
    top_k: int
    abstain_below: float | None
    familiar_above: float | None

    def __call__(self, texts: Sequence[str]) -> list[Answer]:
        return self.model.classifier.answer(
            texts, top_k=self.top_k, abstain_below=self.abstain_below, familiar_above=self.familiar_above
        )


@dataclass(frozen=True)
class _Explaining:
    model: ServedModel

    def __call__(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        return [self.model.classifier.explain(text).to_dict() for text in texts]


@dataclass(frozen=True)
class _Gates:
    model: ServedModel

    def __call__(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        return [self.model.classifier.gates(text).to_dict() for text in texts]


@dataclass(frozen=True)
class _Encoding:
    model: ServedModel

    def __call__(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        return list(self.model.classifier.encode(texts))


@router.post(
    "/classify",
    response_model=ClassifyResponse,
    responses=ERRORS_OF_TEXTS,
    openapi_extra=describe_body(ClassifyRequest, {"texts": ["where is my parcel"]}),
)
async def classify(request: Request) -> Response:
    """Label texts.

    Texts that different requests send at the same time are answered together.
    """
    service = service_of(request)
    asked = await read_asked(request, ClassifyRequest, service.options.limits)
    model = service.models.find(asked.model)
    if asked.familiarity and not model.classifier.bundle.calibration.familiarity:
        raise BundleError("this model has no familiarity: an older version trained it; train it again")
    work = _Answering(model, asked.top_k, asked.abstain_below, asked.familiar_above)
    answers = await service.run(work, asked.texts)
    service.metrics.texts.labels(model.name).inc(len(answers))
    if service.options.log == "texts":
        for text, answer in zip(asked.texts, answers, strict=True):
            service.log(model=model.name, text=text, label=answer.label, confidence=answer.confidence)
    abstains = asked.abstain_below is not None or asked.familiar_above is not None
    results = [answer.fields(abstains, asked.familiarity) | {"top": answer.top_field()} for answer in answers]
    details: dict[str, Work[str, dict[str, Any]]] = {}
    if asked.explain:
        details["explanation"] = _Explaining(model)
    if asked.gates:
        details["gates"] = _Gates(model)
    for name, detail in details.items():
        for result, value in zip(results, await service.look_inside(detail, asked.texts), strict=True):
            result[name] = value
    return _json({"model": model.identity(), "results": results})


@router.post(
    "/encode",
    response_model=EncodeResponse,
    responses=ERRORS_OF_TEXTS,
    openapi_extra=describe_body(EncodeRequest, {"texts": ["where is my parcel"]}),
)
async def encode(request: Request) -> Response:
    """Return the encoder's vector of each text, for search and clustering."""
    service = service_of(request)
    asked = await read_asked(request, EncodeRequest, service.options.limits)
    model = service.models.find(asked.model)
    vectors = await service.run(_Encoding(model), asked.texts)
    service.metrics.texts.labels(model.name).inc(len(vectors))
    return _json({"model": model.identity(), "vectors": [vector.tolist() for vector in vectors]})


def _json(value: Mapping[str, Any]) -> Response:
    return Response(to_json(value), media_type="application/json")
