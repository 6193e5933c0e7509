"""What a server is told when it starts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from grutext.errors import ConfigError

# A browser sends the token as the name of a protocol of the WebSocket, which has these characters (RFC 9110, 5.6.2).
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{16,}")


@dataclass(frozen=True)
class Limits:
    """What a server refuses, so that no client can hold up the others.

    Attributes:
        body: Bytes of the body of a request, and of a message of a session.
        texts: Texts of a request.
        characters: Characters of all texts of a request together, and of all pieces of a session.
        waiting: Requests that wait for an answer at the same time.
        sessions: Sessions at the same time.
        seconds: How long a request may take to arrive, and how long it may wait for its answer; also how long requests
            may take to end when the server stops.
        idle_seconds: How long a session may be silent.
    """

    body: int = 4 << 20
    texts: int = 1000
    characters: int = 1_000_000
    waiting: int = 1000
    sessions: int = 1000
    seconds: float = 30.0
    idle_seconds: float = 300.0


@dataclass(frozen=True)
class ServerOptions:
    """The settings of a server.

    Attributes:
        limits: What it refuses.
        token: What a client has to send as a bearer token; None lets everyone in.
        hosts: Names by which clients may reach a server without a token at a loopback address, besides localhost and that
            address.
        allow_reload: Whether `POST /v1/reload` loads the models again.
        log: What is written to stderr for each request: nothing, a line about it, or its texts and labels as well.
    """

    limits: Limits = field(default_factory=Limits)
    token: str | None = field(default=None, repr=False)
    hosts: Sequence[str] = ()
    allow_reload: bool = False
    log: Literal["nothing", "requests", "texts"] = "nothing"


def read_token(path: Path) -> str:
    """Return the token in a file, without the spaces and line breaks around it.

    Raises:
        ConfigError: It is shorter than 16 characters, or has others than letters, digits and punctuation of RFC 9110.
        OSError: The file cannot be read.
    """
    token = path.read_text(encoding="utf-8", errors="replace").strip()
    if not _TOKEN.fullmatch(token):
        raise ConfigError(
            f"{path}: a token has 16 or more letters, digits, or characters of !#$%&'*+.^_`|~-; "
            f"make one: openssl rand -hex 32 > {path}"
        )
    return token
