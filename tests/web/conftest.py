"""A backend over a real ledger, spoken to as a browser or the command line would."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI

from bongsu.ledger.projection import project
from bongsu.metric import Owner
from bongsu.monitoring.ledger_series import LedgerSeries
from bongsu.monitoring.telemetry import Telemetry
from bongsu.settings import Settings, Wiring
from bongsu.web.app import create_backend
from web.story import Books, open_books


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[Books]:
    async with open_books(database_url) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _render_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test need not wait for what it just did to be shown."""
    monkeypatch.setattr("bongsu.monitoring.telemetry.RENDERED_FOR", 0.0)
    monkeypatch.setattr("bongsu.monitoring.ledger_series.PATIENCE", 5.0)


@pytest.fixture
def wiring(tmp_path: Path) -> Wiring:
    return Wiring(bongsu_state_dir=tmp_path, bongsu_port_offset=100)


def backend_of(books: Books, wiring: Wiring, settings: Settings | None = None) -> FastAPI:
    series = LedgerSeries(lambda: project(books.database, lease_seconds=10.0))
    telemetry = Telemetry(
        Owner.BACKEND,
        config_hash="abc",
        mode="sandbox",
        connections=lambda: books.database.connections,
        ledger=series,
    )
    return create_backend(settings or Settings(), wiring, books.database, books.ledger, telemetry)


@pytest.fixture
def backend(books: Books, wiring: Wiring) -> FastAPI:
    return backend_of(books, wiring)


@pytest.fixture
async def client(backend: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """Without the token."""
    transport = httpx2.ASGITransport(app=backend, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8100") as opened:
        yield opened


@pytest.fixture
async def owner(client: httpx2.AsyncClient, wiring: Wiring) -> httpx2.AsyncClient:
    """With it."""
    client.headers["authorization"] = f"Bearer {wiring.api_token_file.read_text()}"
    return client
