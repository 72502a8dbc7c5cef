"""Won, prices and volumes: exact, on the exchange's grids, rounding direction in the name."""

from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Decimal
from typing import NewType

Krw = NewType("Krw", Decimal)
Price = NewType("Price", Decimal)  # won per unit of the base asset
Volume = NewType("Volume", Decimal)  # units of the base asset

ZERO = Decimal(0)
VOLUME_STEP = Decimal("0.00000001")

# Upbit's KRW tick table since 2025-07-31. The market's own tick size, read from the exchange, wins over it.
_TICKS: tuple[tuple[Decimal, Decimal], ...] = tuple(
    (Decimal(floor), Decimal(tick))
    for floor, tick in (
        ("2000000", "1000"),
        ("1000000", "1000"),
        ("500000", "500"),
        ("100000", "100"),
        ("50000", "50"),
        ("10000", "10"),
        ("5000", "5"),
        ("1000", "1"),
        ("100", "1"),
        ("10", "0.1"),
        ("1", "0.01"),
        ("0.1", "0.001"),
        ("0.01", "0.0001"),
        ("0.001", "0.00001"),
        ("0.0001", "0.000001"),
        ("0.00001", "0.0000001"),
        ("0", "0.00000001"),
    )
)


def tick_size(price: Price) -> Decimal:
    """Upbit's KRW tick at `price`, which must be positive."""
    return next(tick for floor, tick in _TICKS if price >= floor)


def floor_price(price: Price, tick: Decimal) -> Price:
    return Price((price / tick).to_integral_value(ROUND_FLOOR) * tick)


def floor_volume(volume: Decimal) -> Volume:
    """Upbit cuts volumes after eight decimals."""
    return Volume(volume.quantize(VOLUME_STEP, ROUND_DOWN))


def ceil_volume(volume: Decimal) -> Volume:
    return Volume(volume.quantize(VOLUME_STEP, ROUND_CEILING))


def floor_krw(amount: Decimal) -> Krw:
    return Krw(amount.quantize(Decimal(1), ROUND_FLOOR))


def notional(price: Price, volume: Volume) -> Krw:
    """What `volume` costs at `price`, before fees."""
    return Krw(price * volume)
