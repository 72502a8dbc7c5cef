"""What a key may ask about itself, and about money that came in or went out."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from starlette.requests import Request
from starlette.routing import Route

from bongsu.sandbox import wire
from bongsu.sandbox.account import KRW
from bongsu.sandbox.desk import Desk
from bongsu.sandbox.endpoints import ENDPOINTS
from bongsu.sandbox.exchange import Exchange
from bongsu.sandbox.key import ApiKey
from bongsu.sandbox.store import Flow

_UUIDS = UUID("0c0c29cb-1a52-5f43-a3f1-5a1c9a1d6f0e")


class Keeping:
    def __init__(self, exchange: Exchange, key: ApiKey, desk: Desk) -> None:
        self._exchange = exchange
        self._key = key
        self._desk = desk

    def routes(self) -> list[Route]:
        return [
            self._desk.asked("GET /v1/api_keys", self.api_keys),
            self._desk.asked("GET /v1/withdraws", self.withdraws),
            self._desk.asked("GET /v1/deposits", self.deposits),
            *(self._desk.absent(known) for known in ENDPOINTS if not known.served),
        ]

    def api_keys(self, _: Request) -> list[dict[str, Any]]:
        expires: datetime = self._key.lasts_until(self._exchange.now)
        return [{"access_key": self._key.access_key, "expire_at": wire.kst(expires)}]

    def withdraws(self, request: Request) -> list[dict[str, Any]]:
        return self._flows(request, kind="withdraw", state="DONE")

    def deposits(self, request: Request) -> list[dict[str, Any]]:
        return self._flows(request, kind="deposit", state="ACCEPTED")

    def _flows(self, request: Request, *, kind: str, state: str) -> list[dict[str, Any]]:
        """Newest first."""
        currency = request.query_params.get("currency")
        flows = list(enumerate(self._exchange.store.flows()))
        return [
            _flow(number, flow, kind, state)
            for number, flow in reversed(flows)
            if (flow.delta > 0) == (kind == "deposit") and currency in (None, "", flow.currency)
        ]


def _flow(number: int, flow: Flow, kind: str, state: str) -> dict[str, Any]:
    uuid = str(uuid5(_UUIDS, f"{kind}-{number}"))
    return {
        "type": kind,
        "uuid": uuid,
        "currency": flow.currency,
        "net_type": None if flow.currency == KRW else flow.currency,
        "txid": uuid,
        "state": state,
        "created_at": wire.kst(flow.at),
        "done_at": wire.kst(flow.at),
        "amount": wire.plain(abs(flow.delta)),
        "fee": "0",
        "transaction_type": "default",
    }
