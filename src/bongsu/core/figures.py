"""How figures are shown: one rounding for messages, pages and the terminal. Currency names are the caller's."""

import re
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from bongsu.core.money import Price, tick_size
from bongsu.core.tradingday import KST

_PROMETHEUS_DURATION = re.compile(
    r"(?<![A-Za-z0-9_.])(?:(\d+)d )?(?:(\d+)h )?(?:(\d+)m )?(\d+)s(?![A-Za-z0-9_])"
)
_WON = Decimal(1)
_FOUR_DECIMALS = Decimal("0.0001")
_SMALL_VOLUME = Decimal("0.001")


def price_text(price: Price) -> str:
    """At the market's tick, as an average price seldom is: 4,350,000 or 0.1235. `price` is positive."""
    tick = tick_size(price)
    on_tick = (price / tick).to_integral_value(ROUND_HALF_UP) * tick
    return f"{on_tick.quantize(min(tick, _WON)):,f}"


def volume_text(volume: Decimal) -> str:
    """Four decimals from 0.001 up, else four significant digits."""
    size = abs(volume)
    if size >= _SMALL_VOLUME or size == 0:
        return f"{volume.quantize(_FOUR_DECIMALS, ROUND_HALF_UP):,f}"
    return f"{volume.quantize(Decimal(1).scaleb(volume.adjusted() - 3), ROUND_HALF_UP):f}"


def exact_text(amount: Decimal) -> str:
    """All its digits, and no zeros after them."""
    return f"{amount.normalize():f}"


def won_text(amount: Decimal) -> str:
    """Whole won."""
    return f"{_zero_has_no_sign(amount.quantize(_WON, ROUND_HALF_UP)):,f}"


def signed_won_text(amount: Decimal) -> str:
    return f"{_zero_has_no_sign(amount.quantize(_WON, ROUND_HALF_UP)):+,f}"


def percent_text(ratio: Decimal) -> str:
    """Signed, two decimals, without the sign %."""
    return f"{(ratio * 100).quantize(Decimal('0.01'), ROUND_HALF_UP):+,f}"


def size_text(size: int) -> str:
    """As `ls -h` counts, in powers of a thousand: 999 B, 1.2 kB, 10.0 MB."""
    amount, units = float(size), iter(("B", "kB", "MB", "GB", "TB"))
    unit = next(units)
    while amount >= 999.95 and unit != "TB":
        amount, unit = amount / 1000, next(units)
    return f"{size} B" if unit == "B" else f"{amount:.1f} {unit}"


def kst_text(at: datetime) -> str:
    return at.astimezone(KST).strftime("%Y-%m-%d %H:%M:%S")


def span_text(first: datetime, last: datetime) -> str:
    """A phone's line has room for the date once."""
    until = kst_text(last)
    return f"{kst_text(first)} ~ {until.removeprefix(kst_text(first)[:11])}"


def duration_text(duration: timedelta, *, korean: bool) -> str:
    """Its two largest units: 1시간 5분, 12초."""
    seconds = max(int(duration.total_seconds()), 0)
    units = (("일", "d", 86400), ("시간", "h", 3600), ("분", "min", 60), ("초", "s", 1))
    parts = []
    for ko, en, length in units:
        count, seconds = divmod(seconds, length)
        if count:
            parts.append(f"{count}{ko}" if korean else f"{count} {en}")
    return " ".join(parts[:2]) or ("0초" if korean else "0 s")


def korean_durations(text: str) -> str:
    """Durations as Prometheus writes them, in our units: 5m 30s becomes 5분 30초."""
    return _PROMETHEUS_DURATION.sub(_in_korean, text)


def _in_korean(found: re.Match[str]) -> str:
    parts = [
        f"{count}{unit}"
        for count, unit in zip(found.groups(), ("일", "시간", "분", "초"), strict=True)
        if int(count or 0)
    ]
    return " ".join(parts) or "0초"


def _zero_has_no_sign(amount: Decimal) -> Decimal:
    return abs(amount) if amount == 0 else amount
