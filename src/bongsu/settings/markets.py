"""Names of markets, comma separated."""

from typing import Any

from bongsu.core.market import Market, parse_market
from bongsu.settings.listed import split_commas


def split_markets(value: Any) -> Any:
    """Texts only; all else is for pydantic to judge. Raises ValueError without a word of what was typed."""
    if not isinstance(value, str):
        return value
    names = [name.upper() for name in split_commas(value)]
    if not names or len(set(names)) != len(names):
        raise ValueError("KRW-ETH,KRW-BTC 처럼 서로 다른 마켓을 하나 이상 적어 주세요")
    return tuple(_market(number, name) for number, name in enumerate(names, 1))


def _market(number: int, name: str) -> Market:
    try:
        return parse_market(name)
    except ValueError:  # shows it: what was pasted into the wrong line may be a secret
        raise ValueError(
            f"{number}번째 값이 KRW-ETH 같은 KRW 마켓이 아닙니다 (value {number} is not a KRW market such as KRW-ETH)"
        ) from None
