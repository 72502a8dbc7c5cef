"""What a model is shown and told: a versioned file, filled from the snapshot and the rules, and nothing else.

No secret can be in it, because none is given: neither settings nor balances but the one position asked about.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import msgspec

from bongsu.core.decision import Rejection, ValidationRules, citable
from bongsu.core.llm import Prompt
from bongsu.core.snapshot import MarketSnapshot

Lang = Literal["ko", "en"]

VERSION = "advise-1"
_DIGITS = 8  # enough to cite within the tolerance, and no more to pay for
# Figures in won, or in won per coin: blinded, they are told as if the coin stood at 1,000 won.
_IN_WON = frozenset(
    {"price", "bid", "ask", "spread", "entry_price", "close", "macd", "macd_signal", "macd_hist"}
    | {"macd_hist_previous", "bollinger_upper", "bollinger_middle", "bollinger_lower", "atr_14"}
    | {"ema_20", "ema_50", "ema_200"}
)
_BLIND_PRICE = 1_000.0


@dataclass(frozen=True, slots=True)
class Blindfold:
    """Hides when and at what price it is, so that a model cannot remember what came after."""

    factor: float

    def hide(self, name: str, value: float) -> float:
        return value * self.factor if name in _IN_WON else value

    def lift(self, name: str, value: float) -> float:
        return value / self.factor if name in _IN_WON else value


OPEN_EYES = Blindfold(1.0)


def blindfold(snapshot: MarketSnapshot) -> Blindfold:
    return Blindfold(_BLIND_PRICE / float(snapshot.price))


def render(
    snapshot: MarketSnapshot, rules: ValidationRules, lang: Lang, eyes: Blindfold = OPEN_EYES
) -> Prompt:
    system = _template(VERSION, lang).format(
        max_size=rules.max_size,
        min_confidence=rules.min_buy_confidence,
        max_rsi=rules.max_rsi_on_buy,
        max_atr=rules.max_atr_percent,
        min_adx=rules.min_adx_on_trend_buy,
        canary=rules.canary,
    )
    shown = msgspec.json.format(msgspec.json.encode(_shown(snapshot, rules, eyes)), indent=1).decode()
    return Prompt(f"{VERSION}.{lang}", system, f"<snapshot>\n{shown}\n</snapshot>")


def render_repair(prompt: Prompt, said: str, rejection: Rejection, lang: Lang) -> Prompt:
    """The same question once more, with the answer and what was wrong with it."""
    ask = {
        "ko": "방금 답은 쓸 수 없습니다. 아래 잘못을 고쳐 JSON 객체만 다시 답하세요.",
        "en": "That answer cannot be used. Correct what is wrong and answer again, with the JSON object alone.",
    }[lang]
    wrong = rejection.detail if lang == "ko" else rejection.detail_en
    quoted = msgspec.json.encode({"answer": said[:_QUOTED], "wrong": wrong}).decode()
    user = f"{prompt.user}\n\n{ask}\n<previous>{quoted}</previous>"
    return Prompt(f"{prompt.version}+repair", prompt.system, user)


_QUOTED = 2_000  # letters of an answer that go back: a runaway one is not paid for twice


def _shown(snapshot: MarketSnapshot, rules: ValidationRules, eyes: Blindfold) -> dict[str, Any]:
    blind = eyes is not OPEN_EYES
    figures = {name: _short(eyes.hide(name, value)) for name, value in citable(snapshot).items()}
    return {
        "market": snapshot.market,
        **({} if blind else {"candle_closed_at": snapshot.candle_closed_at.isoformat()}),
        "held": snapshot.position is not None,
        "max_size": float(rules.max_size),
        "buying_allowed": snapshot.buying_allowed,
        "synthetic_candles": snapshot.synthetic_candles,
        "figures": figures,
    }


def _short(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


@cache
def _template(version: str, lang: Lang) -> str:
    return (files(__package__) / "prompts" / f"{version}.{lang}.txt").read_text(encoding="utf-8")
