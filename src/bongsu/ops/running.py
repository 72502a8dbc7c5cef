"""Where the running stack answers, as seen from another terminal."""

import os
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2

from bongsu.errors import CannotStart
from bongsu.ops.language import say
from bongsu.ops.stack import control
from bongsu.ops.stack.places import Places
from bongsu.ops.stack.services import service

_PATIENCE = 10.0  # seconds; the backend waits five for its database before it says that it is away


class NoAnswer(CannotStart):
    """Nobody answers there, or not in a way we can read."""


@dataclass(frozen=True, slots=True)
class Addresses:
    backend: str
    exchange: str
    prometheus: str
    alertmanager: str


def find_services(places: Places) -> list[dict[str, Any]] | None:
    """What the runner says of its services; None when no stack runs from here."""
    try:
        rows = control.ask(places.run, {"do": "ps"}, _PATIENCE)["services"]
    except (control.NotRunning, TimeoutError):
        return None
    return list(rows)


def find_addresses(places: Places) -> Addresses:
    """The environment's where it names them, else this machine's usual ports."""

    def url(name: str) -> str:
        return f"http://127.0.0.1:{places.port(service(name).port)}"

    return Addresses(
        backend=os.environ.get("BACKEND_URL", url("backend")),
        exchange=os.environ.get("EXCHANGE_URL", url("exchange")),
        prometheus=os.environ.get("PROMETHEUS_URL", url("prometheus")),
        alertmanager=os.environ.get("ALERTMANAGER_URL", url("alertmanager")),
    )


def fetch(url: str, **params: str | int) -> Any:
    """The JSON behind `url`. Raises NoAnswer, with the reason in the words of whoever answered."""
    response = ask(url, **params)
    said = f"{urlsplit(url).netloc}: HTTP {response.status_code}"
    try:
        body = response.json()
    except ValueError:
        raise NoAnswer(said) from None
    if response.is_error:
        raise NoAnswer(f"{said} {_explanation(body)}".rstrip())
    return body


def ask(url: str, **params: str | int) -> httpx2.Response:
    """Raises NoAnswer; the answer may be a refusal."""
    return _request("GET", url, params=params)


def tell(url: str, body: dict[str, str]) -> httpx2.Response:
    """Raises NoAnswer; the answer may be a refusal."""
    return _request("POST", url, json=body)


def _request(method: str, url: str, **more: Any) -> httpx2.Response:
    try:
        return httpx2.request(method, url, timeout=_PATIENCE, trust_env=False, **more)
    except httpx2.HTTPError as error:
        # The path may hold a token, and so may the library's own text.
        where = urlsplit(url).netloc
        raise NoAnswer(
            say(f"{where} 응답 없음 ({type(error).__name__})", f"{where} is silent ({type(error).__name__})")
        ) from None


def _explanation(body: Any) -> str:
    if not isinstance(body, dict):
        return ""
    return str(body.get("detail") or body.get("description") or "")
