"""What the scripted model thinks. It knows nothing but the prompt, as a real one would.

The prompt holds what it is shown as one JSON object between <snapshot> and </snapshot>:
`market`, `figures` (name to number), `held` (true or false) and `max_size`.
"""

import re
from typing import Any

import msgspec

Answer = dict[str, Any]

_SHOWN = re.compile(r"<snapshot>\s*(\{.*?\})\s*</snapshot>", re.DOTALL)
_BUY_BELOW, _SELL_ABOVE = 45.0, 60.0  # RSI: it shall trade now and then, not well


class Shown(msgspec.Struct, frozen=True):
    market: str
    figures: dict[str, float]
    held: bool = False
    max_size: float = 0.3


def read_prompt(text: str) -> Shown | None:
    """The newest snapshot in it; None for a prompt that shows none."""
    found = _SHOWN.findall(text)
    try:
        return msgspec.json.decode(found[-1], type=Shown) if found else None
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None


def think(shown: Shown) -> Answer:
    """Sound advice by one rule: equal snapshots get equal answers, and each figure is cited as it was shown."""
    rsi = shown.figures.get("rsi_14")
    if rsi is None:
        return _answer(shown, "hold", 0.5, 0.0, [])
    grounds = [{"text": f"RSI {rsi:.1f}", "indicator": "rsi_14", "value": rsi}]
    if not shown.held and rsi < _BUY_BELOW:
        return _answer(shown, "buy", 0.7, min(0.2, shown.max_size), grounds)
    if shown.held and rsi > _SELL_ABOVE:
        return _answer(shown, "sell", 0.7, 1.0, grounds)
    return _answer(shown, "hold", 0.5, 0.0, grounds)


def _answer(shown: Shown, action: str, confidence: float, size: float, reasons: list[Answer]) -> Answer:
    return {
        "market": shown.market,
        "action": action,
        "confidence": confidence,
        "size": size,
        "reasons": reasons,
        "invalidation": None,
    }
