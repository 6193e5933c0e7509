"""A small random model behind the application, called in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("prometheus_client")

from starlette.testclient import TestClient

from grutext.serving import Models, ServerOptions, Service, build_app

CREATED = "2024-05-01T12:00:00+00:00"
Open = Callable[..., TestClient]


@pytest.fixture(autouse=True)
def _numpy(monkeypatch) -> None:
    """Keep the kernels, which take a second to load, out of these tests."""
    monkeypatch.setattr("grutext.serving.models.prepare_kernels", lambda *_, note: False)


@pytest.fixture
def model(tmp_path: Path, build_bundle: Any) -> Path:
    """The folder of a model, with familiarity."""
    bundle = build_bundle()
    calibration = replace(bundle.calibration, familiarity=(0.1, 0.5, 0.7))
    replace(bundle, calibration=calibration).save(tmp_path / "reviews")
    return tmp_path / "reviews"


@pytest.fixture
def open_client(model: Path) -> Iterator[Open]:
    """Return a client of a server with options; its models are loaded unless `loaded` is false."""
    clients: list[TestClient] = []

    def open_one(
        *, loaded: bool = True, folders: dict[str, Path] | None = None, **options: Any
    ) -> TestClient:
        models = Models(folders or {"reviews": model})
        if loaded:
            models.load()
        client = TestClient(
            build_app(Service(models, ServerOptions(**options))), raise_server_exceptions=False
        )
        clients.append(client.__enter__())
        return client

    yield open_one
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def client(open_client: Open) -> TestClient:
    """A client of a server without options."""
    return open_client()
