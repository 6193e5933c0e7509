"""The pages of a server, and the files that they consist of; none of them asks another server for anything."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from fastapi import APIRouter, Response

router = APIRouter(include_in_schema=False)

_FOLDER = Path(__file__).parent
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; form-action 'none'; base-uri 'none'",
    "cache-control": "no-cache",
}


@cache
def _read(name: str) -> bytes:
    return (_FOLDER / name).read_bytes()


def _page(name: str) -> Response:
    kind = _TYPES[Path(name).suffix]
    return Response(_read(name), media_type=f"{kind}; charset=utf-8", headers=_HEADERS)


@router.get("/")
async def live_page() -> Response:
    """Return the live page."""
    return _page("live.html")


@router.get("/docs")
async def docs_page() -> Response:
    """Return the page that shows the OpenAPI document."""
    return _page("docs.html")


def _add_file(name: str) -> None:
    @router.get(f"/{name}")
    async def page_file() -> Response:
        return _page(name)


for _path in sorted(_FOLDER.iterdir()):
    if _path.suffix in {".css", ".js"}:
        _add_file(_path.name)
