"""Runbooks are pages, and an alarm leads to its own."""

import re
from dataclasses import replace

import httpx2
import pytest

from bongsu.core.facts import AlertChanged
from bongsu.core.sight import MONITORING_BLIND
from bongsu.ledger.messages import messages
from bongsu.ledger.voice import Voice
from bongsu.settings import Wiring
from bongsu.web.runbooks import SHIPPED, render
from core.samples import NOON
from web.story import Books, alert

NAMES = sorted(page.stem for page in SHIPPED.glob("*.md"))


async def test_every_shipped_runbook_opens_and_its_links_lead_to_pages(client: httpx2.AsyncClient) -> None:
    assert MONITORING_BLIND in NAMES
    for name in NAMES:
        page = await client.get(f"/runbooks/{name}")
        assert page.status_code == 200, name
        assert "<h1>" in page.text
        assert set(re.findall(r'href="/runbooks/(\w+)"', page.text)) <= set(NAMES)


@pytest.mark.parametrize("name", ["Nothing", "..%2f..%2fREADME", "JobHung.md", "%2e%2e"])
async def test_nothing_else_is_served(client: httpx2.AsyncClient, name: str) -> None:
    assert (await client.get(f"/runbooks/{name}")).status_code == 404


def test_markup_in_a_runbook_stays_text() -> None:
    shown = render("a <script>alert(1)</script> [x](javascript:alert) [Job](JobHung.md) [up](../README.md)")
    assert "<script>" not in shown
    assert 'href="javascript' not in shown
    assert 'href="/runbooks/JobHung"' in shown


def told_of(path: str, voice: Voice) -> list[str]:
    fact = AlertChanged("JobHung", True, "critical", "s", "d", path, {}, "f", NOON, None)
    (message,) = messages(fact, voice, NOON)
    return message.text.splitlines()[6:]


def test_a_message_tells_path_and_page() -> None:
    path, pages = "docs/runbooks/JobHung.md", "http://127.0.0.1:8100/runbooks"
    assert Wiring(bongsu_port_offset=100).runbook_pages == pages
    assert told_of(path, Voice("ko", "live", pages)) == [f"대응 방법: {path}", f"열기: {pages}/JobHung"]
    assert (
        told_of(path, Voice("en", "live", "https://pc.example/r/"))[1] == "Open: https://pc.example/r/JobHung"
    )
    assert told_of(path, Voice("ko", "live")) == [f"대응 방법: {path}"]
    assert told_of("https://x/own.md", Voice("ko", "live", pages)) == ["대응 방법: https://x/own.md"]


async def test_page_and_api_lead_to_the_runbook(books: Books, client: httpx2.AsyncClient) -> None:
    await books.ledger.record(replace(alert("JobHung"), runbook_url="docs/runbooks/JobHung.md"))
    await books.ledger.record(alert("Foreign"))
    pages = {a["name"]: a["runbook_page"] for a in (await client.get("/api/v1/alerts")).json()["items"]}
    assert pages == {"JobHung": "/runbooks/JobHung", "Foreign": None}
    shown = await client.get("/")
    assert shown.text.count('<a href="/runbooks/') == 1
    assert (await client.get("/runbooks/JobHung")).status_code == 200


def test_the_image_holds_them() -> None:
    root = SHIPPED.parents[1]
    assert "COPY docs/runbooks /app/docs/runbooks" in (root / "Dockerfile").read_text()
    assert "!docs/runbooks" in (root / ".dockerignore").read_text().splitlines()
