"""Sessions: a WebSocket on which a text comes in pieces, and an answer goes back after each."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import anyio
import numpy as np
from fastapi import APIRouter, WebSocket
from fastapi.responses import JSONResponse
from pydantic_core import to_json
from starlette.websockets import WebSocketDisconnect

from grutext.errors import GrutextError
from grutext.inference.answers import round_numbers
from grutext.inference.sessions import Session, SessionAnswer
from grutext.messages import list_names
from grutext.serving.access import check_host, check_origin, session_token
from grutext.serving.errors import (
    BusyError,
    NoWebSocketError,
    RequestError,
    TooLargeError,
    UnauthorizedError,
    error_headers,
)
from grutext.serving.models import ServedModel
from grutext.serving.requests import parse
from grutext.serving.schemas import SessionMessage
from grutext.serving.service import Service, service_of

router = APIRouter()

_DONE, _REFUSED, _TOO_LARGE = 1000, 1008, 1009  # codes of RFC 6455
_Outcome = SessionAnswer | GrutextError


@dataclass(frozen=True, eq=False)
class _Piece:
    """The next piece of the text of a session."""

    session: Session
    text: str

    def __len__(self) -> int:
        return len(self.text)


@dataclass(frozen=True)
class _Pushing:
    """Pushes pieces to many sessions of a model at once."""

    model: ServedModel

    def __call__(self, pieces: Sequence[_Piece]) -> Sequence[_Outcome]:
        sessions, texts = [piece.session for piece in pieces], [piece.text for piece in pieces]
        try:
            return self.model.classifier.push_many(sessions, texts)
        except GrutextError as error:  # returned: the batcher would try each alone, and read its piece twice
            return [error] * len(pieces)


@dataclass(frozen=True)
class _Finishing:
    """Ends sessions of a model."""

    model: ServedModel

    def __call__(self, pieces: Sequence[_Piece]) -> Sequence[_Outcome]:
        return [_finish(piece.session) for piece in pieces]


def _finish(session: Session) -> _Outcome:
    try:
        return session.finish()
    except GrutextError as error:  # returned: a session cannot be ended a second time
        return error


@dataclass
class _Talk:
    """A session with one client.

    Attributes:
        service: The server.
        model: The model; also after the server has loaded it again.
        session: The text so far.
        top_k: The number of labels in an answer.
        gap: As for `Classifier.session`.
        characters: The number of characters that have come.
    """

    service: Service
    model: ServedModel
    session: Session
    top_k: int
    gap: float | None
    characters: int = 0

    async def answer(self, message: SessionMessage) -> dict[str, Any]:
        """Return the answer to a message.

        Raises:
            TooLargeError: The text gets too long.
            GrutextError: The message cannot be answered.
        """
        if message.resume is not None:
            await self._resume(message.resume)
            return await self._push("")
        if message.push is not None:
            return await self._push(message.push)
        if message.finish:
            fields = await self._advance(_Finishing(self.model), "")
            self.service.metrics.texts.labels(self.model.name).inc()
            return fields
        state = await asyncio.to_thread(self.session.state)
        return {"state": base64.b64encode(state).decode()}

    async def _push(self, text: str) -> dict[str, Any]:
        self.characters += len(text)
        most = self.service.options.limits.characters
        if self.characters > most:
            raise TooLargeError(f"the text has more than {most:,} characters; begin another session")
        return await self._advance(_Pushing(self.model), text)

    async def _advance(self, work: _Pushing | _Finishing, text: str) -> dict[str, Any]:
        outcome = await self.service.advance(work, _Piece(self.session, text))
        if isinstance(outcome, GrutextError):
            raise outcome
        return self._fields(outcome)

    async def _resume(self, state: str) -> None:
        if self.characters:
            raise RequestError("only the first message of a session can resume another one")
        if self.gap is not None:
            raise RequestError(
                "a resumed session keeps the gap that it began with; leave out the parameter gap"
            )
        try:
            content = base64.b64decode(state, validate=True)
        except (binascii.Error, ValueError):
            raise RequestError("resume: it is not base64; send what the answer to state had") from None
        self.session = await asyncio.to_thread(self.model.classifier.resume, content)

    def _fields(self, answer: SessionAnswer) -> dict[str, Any]:
        classifier, probabilities = self.model.classifier, answer.probabilities
        order = np.argsort(-probabilities, kind="stable")[: self.top_k]
        likeliest = round_numbers(probabilities[order]).tolist()
        (confidence,) = round_numbers(classifier.confidence(probabilities[None])).tolist()
        return {
            "label": answer.label,
            "confidence": confidence,
            "top": [
                {"label": classifier.labels[c], "probability": p}
                for c, p in zip(order.tolist(), likeliest, strict=True)
            ],
            "is_decided": answer.is_decided,
        }


@router.get("/v1/stream", include_in_schema=False)
async def refuse_request() -> None:
    """Say what a session needs."""
    raise NoWebSocketError(
        "a session is a WebSocket; a proxy in between must pass on the headers Upgrade and Connection"
    )


@router.websocket("/v1/stream")
async def stream(websocket: WebSocket) -> None:
    """Answer while a text is coming: messages and answers are JSON, see docs/reference/http-api.md."""
    service = service_of(websocket)
    try:
        protocol = _check_client(websocket, service)
        talk = _begin(websocket, service)
    except GrutextError as error:
        status = error.status if isinstance(error, RequestError) else RequestError.status
        refusal = JSONResponse({"error": str(error)}, status, error_headers(error))
        await websocket.send_denial_response(refusal)
        return
    with service.count_session(), suppress(WebSocketDisconnect):  # the client has gone without a word
        await websocket.accept(protocol)
        await websocket.close(await _talk(websocket, talk))


def _check_client(websocket: WebSocket, service: Service) -> str | None:
    """Return the protocol that a client offers, if any.

    Raises:
        ForbiddenError: A page of another server asks; browsers let it, unlike for other requests. Or the client does not name
            this server as it should.
        UnauthorizedError: The token is missing or wrong.
        BusyError: There are too many sessions.
    """
    check_host(websocket.headers.get("host", ""), service.hosts)
    check_origin(websocket.headers)
    token, protocol = session_token(websocket)
    if not service.is_token(token):
        raise UnauthorizedError("the token is missing or wrong; send the header Authorization: Bearer TOKEN")
    if service.sessions >= service.options.limits.sessions:
        raise BusyError(f"{service.sessions:,} sessions are open; try again later")
    return protocol


def _begin(websocket: WebSocket, service: Service) -> _Talk:
    """Begin the session that a client asks for.

    Raises:
        RequestError: There is no such model, the models are not loaded yet, or a parameter is wrong.
        SessionError: The model cannot answer while a text is coming.
        ConfigError: The model does not offer the gap.
    """
    given = websocket.query_params
    unknown = set(given) - {"model", "top_k", "gap"}
    if unknown:
        raise RequestError(
            f"a session has the parameters model, top_k and gap, but not {list_names(sorted(unknown))}"
        )
    top_k, gap = given.get("top_k", "3"), _read_gap(given.get("gap"))
    if not (top_k.isascii() and top_k.isdigit() and len(top_k) <= 6 and int(top_k)):
        raise RequestError("top_k: must be an integer from 1 on")
    model = service.models.find(given.get("model"))
    return _Talk(service, model, model.classifier.session(gap), int(top_k), gap)


def _read_gap(given: str | None) -> float | None:
    try:
        return None if given is None else float(given)
    except ValueError:
        raise RequestError("gap: must be a number, one of those that /v1/models lists") from None


async def _talk(websocket: WebSocket, talk: _Talk) -> int:
    """Answer the messages of a client until the session ends; return the code that it is closed with.

    Raises:
        WebSocketDisconnect: The client has gone.
    """
    limits = talk.service.options.limits
    while True:
        message = None
        with anyio.move_on_after(limits.idle_seconds):
            message = await websocket.receive()
        if message is None:
            await _send(websocket, talk, {"error": f"nothing came for {limits.idle_seconds:g} s"})
            return _REFUSED
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect
        try:
            asked = parse(SessionMessage, message.get("text") or message.get("bytes") or b"")
            answer = await talk.answer(asked)
        except GrutextError as error:
            await _send(websocket, talk, {"error": str(error)})
            return _TOO_LARGE if isinstance(error, TooLargeError) else _REFUSED
        await _send(websocket, talk, answer)
        if asked.finish:
            return _DONE


async def _send(websocket: WebSocket, talk: _Talk, fields: dict[str, Any]) -> None:
    await websocket.send_text(to_json({"model": talk.model.identity(), **fields}).decode())
