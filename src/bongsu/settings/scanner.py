"""The settings of the market scanner: part of the owner's Settings."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode

from bongsu.core.market import Market
from bongsu.core.money import Krw
from bongsu.core.scanning import ScanRules
from bongsu.settings.markets import split_markets

_STABLE = ("USDT", "USDC", "USDS", "USDE", "USD1", "TUSD", "FDUSD", "PYUSD", "RLUSD", "BUSD", "DAI", "EURC")


class ScannerSettings(BaseSettings):
    market_scanner: bool = Field(
        False,
        description="true면 MARKETS 대신, 24시간 거래대금이 큰 KRW 마켓을 매시간 골라 거래합니다. 유의·주의 종목은 빼고, 한 번에 둘씩 차례로 판단합니다."
        "|true: instead of MARKETS the KRW markets with the largest value in 24 h, chosen anew each hour, none that the exchange warns of; two at a time, in turn.",
    )
    scanner_markets: Annotated[int, Field(ge=1, le=50)] = Field(
        10, description="스캐너가 고르는 마켓 수.|How many markets the scanner finds."
    )
    scanner_min_value_krw: Annotated[Decimal, Field(ge=0)] = Field(
        Decimal(10_000_000_000),
        description="스캐너: 24시간 거래대금이 이보다 적은(원) 마켓은 고르지 않습니다.|Scanner: least value in 24 h (KRW).",
    )
    scanner_exclude: Annotated[tuple[Market, ...], NoDecode] = Field(
        tuple(Market(f"KRW-{coin}") for coin in _STABLE),
        description="스캐너가 고르지 않는 마켓, 쉼표로 구분. 처음 값은 스테이블코인입니다.|Markets the scanner leaves out: stablecoins unless set.",
    )
    scanner_at_once: Annotated[int, Field(ge=1, le=10)] = Field(
        2,
        description="스캐너: 한 시간에 판단하는 마켓 수.|Scanner: markets an advisor is asked about each hour.",
    )

    @field_validator("scanner_exclude", mode="before")
    @classmethod
    def _split_excluded(cls, value: Any) -> Any:
        return split_markets(value)

    @property
    def scan_rules(self) -> ScanRules | None:
        """None while the scanner is off."""
        if not self.market_scanner:
            return None
        return ScanRules(
            most=self.scanner_markets,
            least_value=Krw(self.scanner_min_value_krw),
            left_out=frozenset(self.scanner_exclude),
            at_once=self.scanner_at_once,
        )
