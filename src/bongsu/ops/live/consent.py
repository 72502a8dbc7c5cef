"""The owner's word that real money may be traded: typed once in a terminal, kept with its date, good for one key."""

import getpass
import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from bongsu.core.figures import won_text
from bongsu.ops import keyboard
from bongsu.ops.language import say
from bongsu.ops.stack.places import write_private
from bongsu.settings import Settings

PHRASES = ("실거래를 시작합니다", "I trade with real money")
_FILE = "live_consent.json"


@dataclass(frozen=True, slots=True)
class Consent:
    at: str  # ISO 8601
    by: str
    key: str  # the access key's fingerprint


def read_consent(state: Path, settings: Settings) -> Consent | None:
    """None where there is none, or one for another key."""
    try:
        consent = Consent(**json.loads((state / _FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return consent if consent.key == fingerprint(settings) else None


def keep_consent(state: Path, settings: Settings) -> Consent:
    consent = Consent(
        datetime.now(UTC).isoformat(timespec="seconds"), getpass.getuser(), fingerprint(settings)
    )
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_private(state / _FILE, json.dumps(asdict(consent), ensure_ascii=False))
    return consent


def fingerprint(settings: Settings) -> str:
    """Of the access key; it tells two keys apart and gives neither away."""
    key = settings.upbit_access_key
    return hashlib.sha256(key.get_secret_value().encode()).hexdigest()[:12] if key else ""


def ask_consent(settings: Settings) -> bool:
    """At a terminal. False when something else was typed."""
    print(_what_it_means(settings))
    phrase = say(*PHRASES)
    return is_given(
        keyboard.typed(say(f"계속하려면 「{phrase}」 라고 치세요: ", f"Type “{phrase}” to go on: "))
    )


def is_given(typed: str) -> bool:
    return " ".join(typed.split()) in PHRASES


def _what_it_means(settings: Settings) -> str:
    cap = won_text(settings.live_first_week_cap_krw)
    scanned = say("스캐너가 매시간 고름", "chosen each hour by the scanner")
    markets = scanned if settings.market_scanner else ", ".join(settings.markets)
    loss, gain = settings.stop_loss_percent, settings.take_profit_percent
    day = settings.daily_loss_limit_percent
    return say(
        f"""
업비트에서 실제 돈으로 거래합니다.
• 종목: {markets}
• 처음 7일 동안 보유 총액은 {cap}원까지입니다 (bongsu live lift-cap 으로만 풀립니다)
• 손절 -{loss:f}%, 익절 +{gain:f}%, 일일 손실 한도 -{day:f}%
• 언제든 멈추기: bongsu kill (새 매수 중단), bongsu kill --flatten (모두 팔기)
• 손실이 날 수 있고, 그 책임은 계좌의 주인에게 있습니다.
""",
        f"""
This trades at Upbit with real money.
• Markets: {markets}
• During the first 7 days at most {cap} KRW are held (only `bongsu live lift-cap` lifts it)
• Stop-loss -{loss:f}%, take-profit +{gain:f}%, daily loss limit -{day:f}%
• To stop at any time: bongsu kill (no new buys), bongsu kill --flatten (sell everything)
• Money can be lost, and the account's owner answers for it.
""",
    )
