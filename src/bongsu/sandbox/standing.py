"""Switches of the markets: what the exchange warns of, has suspended or delisted, on purpose."""

from datetime import datetime
from enum import StrEnum

from bongsu.core.market import Market, MarketState

_TRADED = (MarketState.ACTIVE, MarketState.WARNING)


class Caution(StrEnum):
    """What Upbit asks to be careful about (주의 종목); everything goes on."""

    PRICE_FLUCTUATIONS = "PRICE_FLUCTUATIONS"
    TRADING_VOLUME_SOARING = "TRADING_VOLUME_SOARING"
    DEPOSIT_AMOUNT_SOARING = "DEPOSIT_AMOUNT_SOARING"
    GLOBAL_PRICE_DIFFERENCES = "GLOBAL_PRICE_DIFFERENCES"
    CONCENTRATION_OF_SMALL_ACCOUNTS = "CONCENTRATION_OF_SMALL_ACCOUNTS"


class Standing:
    """Every market is active until it is said otherwise; what was said ends with the process."""

    def __init__(self) -> None:
        self._states: dict[Market, MarketState] = {}
        self._stopped: dict[Market, datetime] = {}
        self._cautions: dict[Market, frozenset[Caution]] = {}

    def put(self, market: Market, state: MarketState, now: datetime) -> None:
        self._states[market] = state
        if state in _TRADED:
            self._stopped.pop(market, None)
        else:
            self._stopped.setdefault(market, now)

    def state(self, market: Market) -> MarketState:
        return self._states.get(market, MarketState.ACTIVE)

    def caution(self, market: Market, cautions: frozenset[Caution]) -> None:
        """In place of those before."""
        self._cautions[market] = cautions

    def cautions(self, market: Market) -> frozenset[Caution]:
        return self._cautions.get(market, frozenset())

    def listed(self, market: Market) -> bool:
        return self.state(market) is not MarketState.DELISTED

    def traded(self, market: Market) -> bool:
        return self.state(market) in _TRADED

    def time(self, market: Market, now: datetime) -> datetime:
        """Up to when the market was traded: its prices stand still from then on."""
        return self._stopped.get(market, now)
