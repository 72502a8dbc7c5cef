"""The coins of the generated market, and what coins are called."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bongsu.core.market import Market


@dataclass(frozen=True, slots=True, kw_only=True)
class Coin:
    """Volatilities are of an hour, in calm times."""

    market: Market
    first_price: float
    hourly_value: float  # won
    beta: float  # how much of the whole market's move it makes
    own_volatility: float
    falls_silent: float  # per hour that traded
    stays_silent: float = 0.0  # per hour that did not
    widest: float = 0.25  # log of the largest move within an hour


def _major(coin: str, first_price: float, hourly_value: float, beta: float, own: float) -> Coin:
    """Never silent for two hours in a row, and no hour as wild as a wrong price."""
    return Coin(
        market=Market(f"KRW-{coin}"),
        first_price=first_price,
        hourly_value=hourly_value,
        beta=beta,
        own_volatility=own,
        falls_silent=0.01,
        widest=0.10,
    )


def _minor(
    coin: str, first_price: float, hourly_value: float, beta: float, own: float, silent: float
) -> Coin:
    return Coin(
        market=Market(f"KRW-{coin}"),
        first_price=first_price,
        hourly_value=hourly_value,
        beta=beta,
        own_volatility=own,
        falls_silent=silent,
        stays_silent=0.4,
    )


COINS: Final = (
    _major("BTC", 140_000_000, 2e10, 1.0, 0.0016),
    _major("ETH", 4_900_000, 6e9, 1.25, 0.0034),
    _major("XRP", 3_400, 1.4e10, 1.2, 0.0055),
    _major("SOL", 280_000, 3e9, 1.45, 0.0050),
    _major("DOGE", 480, 4e9, 1.5, 0.0065),
    _minor("USDT", 1_475, 5e9, -0.05, 0.0004, 0.002),  # a stablecoin, which a scanner must leave out
    _minor("ADA", 1_310, 1.2e9, 1.3, 0.0060, 0.01),
    _minor("LINK", 31_000, 6e8, 1.4, 0.0060, 0.01),
    _minor("SUI", 6_100, 1.5e9, 1.6, 0.0085, 0.01),
    _minor("TRX", 380, 3.5e8, 0.6, 0.0040, 0.02),
    _minor("SHIB", 0.0312, 5e8, 1.5, 0.0070, 0.02),
    _minor("PEPE", 0.0298, 8e8, 1.8, 0.0100, 0.02),
    _minor("BTT", 0.00164, 6e7, 1.3, 0.0080, 0.10),
    _minor("ARK", 870, 4e7, 1.1, 0.0080, 0.12),
)

NAMES: Final[Mapping[str, tuple[str, str]]] = {
    "BTC": ("비트코인", "Bitcoin"),
    "ETH": ("이더리움", "Ethereum"),
    "XRP": ("엑스알피(리플)", "XRP"),
    "SOL": ("솔라나", "Solana"),
    "DOGE": ("도지코인", "Dogecoin"),
    "USDT": ("테더", "Tether"),
    "ADA": ("에이다", "Cardano"),
    "LINK": ("체인링크", "Chainlink"),
    "SUI": ("수이", "Sui"),
    "TRX": ("트론", "TRON"),
    "SHIB": ("시바이누", "Shiba Inu"),
    "PEPE": ("페페", "Pepe"),
    "BTT": ("비트토렌트", "BitTorrent"),
    "ARK": ("아크", "Ark"),
}
