"""Every REST endpoint of Upbit's, with its rate group and the right it asks of a key, served here or not.

Routes are made from this list, quotas are kept by it and the guide's table is written from it.
"""

from dataclasses import dataclass
from typing import Final

from bongsu.sandbox.key import Right


@dataclass(frozen=True, slots=True)
class Words:
    ko: str
    en: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    method: str
    path: str  # `{unit}` stands for one segment
    group: str
    signed: bool = False
    right: Right | None = None
    note: Words | None = None  # how it differs from Upbit's; of one that is not served, why
    served: bool = True

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


def _quote(path: str, group: str, note: Words | None = None) -> Endpoint:
    return Endpoint("GET", f"/v1/{path}", group, note=note)


def _signed(
    method: str, path: str, right: Right | None, group: str = "default", note: Words | None = None
) -> Endpoint:
    return Endpoint(method, f"/v1/{path}", group, signed=True, right=right, note=note)


def _absent(method: str, path: str, right: Right, why: Words) -> Endpoint:
    return Endpoint(method, f"/v1/{path}", "default", signed=True, right=right, note=why, served=False)


_KRW_ONLY = Words("원화 마켓만 있습니다", "won markets only")
_DRAWN = Words(
    "씨앗으로 그린 30호가에 내 주문을 더합니다; level은 0만 있습니다",
    "30 levels drawn from the seed, your own orders among them; level 0 only",
)
_NO_WATCH = Words("예약 주문(watch)은 없습니다", "there are no reserved orders (watch)")
_YOUNG = Words(
    "따로 정하지 않으면 늘 1년 남았다고 답합니다",
    "always a year to go, unless told otherwise by the admin API",
)
_FROM_HOURS = Words("1시간 봉에서 만듭니다", "made from one-hour candles")
_AS_RECORDED = Words(
    "경로를 따라 1초에 한 건으로 만듭니다", "one trade a second along the price's path, made up"
)
_AT_ONCE = Words(
    "취소와 새 주문이 한 번에 됩니다: 둘 다 되거나 둘 다 안 됩니다",
    "the cancellation and the new order are one: both or neither",
)
_FLOWS = Words("운영 API로 넣고 뺀 것이 보입니다", "shows what was moved by the admin API")
_NO_WALLETS = Words(
    "지갑과 주소가 없습니다; 권한이 없는 키에는 업비트처럼 out_of_scope로 답합니다",
    "there are no wallets; a key without the right is answered out_of_scope, as Upbit does",
)
_ONE_POCKET = Words("계정이 하나입니다", "there is one account")
_NO_TRAVEL_RULE = Words("입금 상대가 없습니다", "nobody deposits")

ENDPOINTS: Final = (
    _quote("market/all", "market", _KRW_ONLY),
    _quote("trades/ticks", "trade", _AS_RECORDED),
    _quote("candles/seconds", "candle", _FROM_HOURS),
    _quote("candles/minutes/{unit}", "candle", _FROM_HOURS),
    _quote("candles/days", "candle", _FROM_HOURS),
    _quote("candles/weeks", "candle", _FROM_HOURS),
    _quote("candles/months", "candle", _FROM_HOURS),
    _quote("candles/years", "candle", _FROM_HOURS),
    _quote("ticker", "ticker"),
    _quote("ticker/all", "ticker"),
    _quote("orderbook", "orderbook", _DRAWN),
    _quote("orderbook/instruments", "orderbook"),
    _signed("GET", "accounts", Right.VIEW_ACCOUNT),
    _signed("GET", "orders/chance", Right.VIEW_ORDERS),
    _signed("GET", "order", Right.VIEW_ORDERS),
    _signed("GET", "orders/uuids", Right.VIEW_ORDERS),
    _signed("GET", "orders/open", Right.VIEW_ORDERS, note=_NO_WATCH),
    _signed("GET", "orders/closed", Right.VIEW_ORDERS),
    _signed("POST", "orders", Right.MAKE_ORDERS, "order"),
    _signed("POST", "orders/test", Right.MAKE_ORDERS, "order-test"),
    _signed("POST", "orders/cancel_and_new", Right.MAKE_ORDERS, "order", _AT_ONCE),
    _signed("DELETE", "order", Right.MAKE_ORDERS),
    _signed("DELETE", "orders/uuids", Right.MAKE_ORDERS),
    _signed("DELETE", "orders/open", Right.MAKE_ORDERS, "order-cancel-all"),
    _signed("GET", "api_keys", None, note=_YOUNG),
    _signed("GET", "withdraws", Right.VIEW_WITHDRAWALS, note=_FLOWS),
    _signed("GET", "deposits", Right.VIEW_DEPOSITS, note=_FLOWS),
    _absent("GET", "withdraw", Right.VIEW_WITHDRAWALS, _NO_WALLETS),
    _absent("GET", "withdraws/chance", Right.VIEW_WITHDRAWALS, _NO_WALLETS),
    _absent("GET", "withdraws/coin_addresses", Right.VIEW_WITHDRAWALS, _NO_WALLETS),
    _absent("POST", "withdraws/coin", Right.WITHDRAW, _NO_WALLETS),
    _absent("DELETE", "withdraws/coin", Right.WITHDRAW, _NO_WALLETS),
    _absent("POST", "withdraws/krw", Right.WITHDRAW, _NO_WALLETS),
    _absent("GET", "deposit", Right.VIEW_DEPOSITS, _NO_WALLETS),
    _absent("GET", "deposits/chance/coin", Right.VIEW_DEPOSITS, _NO_WALLETS),
    _absent("GET", "deposits/coin_address", Right.VIEW_DEPOSITS, _NO_WALLETS),
    _absent("GET", "deposits/coin_addresses", Right.VIEW_DEPOSITS, _NO_WALLETS),
    _absent("POST", "deposits/generate_coin_address", Right.DEPOSIT, _NO_WALLETS),
    _absent("POST", "deposits/krw", Right.DEPOSIT, _NO_WALLETS),
    _absent("GET", "status/wallet", Right.VIEW_ACCOUNT, _NO_WALLETS),
    _absent("GET", "travel_rule/vasps", Right.VIEW_DEPOSITS, _NO_TRAVEL_RULE),
    _absent("POST", "travel_rule/deposit/uuid", Right.DEPOSIT, _NO_TRAVEL_RULE),
    _absent("POST", "travel_rule/deposit/txid", Right.DEPOSIT, _NO_TRAVEL_RULE),
    _absent("GET", "pockets", Right.MANAGE_POCKETS, _ONE_POCKET),
    _absent("GET", "pockets/api_keys", Right.MANAGE_POCKETS, _ONE_POCKET),
    _absent("GET", "pockets/assets", Right.MANAGE_POCKETS, _ONE_POCKET),
    _absent("GET", "pockets/transfers", Right.TRANSFER, _ONE_POCKET),
    _absent("POST", "pockets/transfers", Right.TRANSFER, _ONE_POCKET),
    _absent("GET", "pockets/universal_transfers", Right.MANAGE_POCKETS, _ONE_POCKET),
    _absent("POST", "pockets/universal_transfers", Right.MANAGE_POCKETS, _ONE_POCKET),
)
_BY_NAME = {endpoint.name: endpoint for endpoint in ENDPOINTS}


def endpoint(name: str) -> Endpoint:
    """By method and path. Raises KeyError."""
    return _BY_NAME[name]
