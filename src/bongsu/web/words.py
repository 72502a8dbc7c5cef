"""The words of the pages, Korean and English side by side."""

from datetime import datetime
from typing import Literal

from bongsu.core.figures import kst_text
from bongsu.core.market import MarketState

Lang = Literal["ko", "en"]


class Words:
    def __init__(self, lang: Lang) -> None:
        self.lang = lang

    def say(self, ko: str, en: str) -> str:
        return ko if self.lang == "ko" else en


def idle_text(reason: str, at: datetime | None, detail: str | None, words: Words) -> str:
    """One sentence: why nothing is done, and what ends it. Reasons are those of the ledger's `idle_reasons`."""
    ko, en = _ADDRESS if (reason, detail) == ("paused", ADDRESS) else _IDLE[reason]
    told = {"at": kst_text(at) if at else words.say("시각 미정", "an unknown time"), "detail": detail or ""}
    return words.say(ko, en).format(**told)


# What stands beside a held market that is not active: its price may be an old one, and who holds it may be stuck.
NOT_ACTIVE = {
    MarketState.WARNING: ("유의 종목", "under warning"),
    MarketState.SUSPENDED: ("거래 중단, 마지막 가격", "suspended, last price"),
    MarketState.DELISTED: ("상장 폐지, 마지막 가격", "delisted, last price"),
}

ADDRESS = "address_refused"  # a pause that nobody asked for, and that ends by itself
_ADDRESS = (
    "업비트가 이 컴퓨터의 공인 IP를 거부해 손절과 익절도 나가지 않습니다. 허용 IP에 등록하면 저절로 이어 갑니다.",
    "Upbit refuses this machine's address; no exit goes out either. Put it on the key's list: the bot goes on by itself.",
)
_IDLE = {
    "scheduler_never_started": (
        "스케줄러가 아직 한 번도 시작되지 않았습니다. bongsu start scheduler 로 시작하세요.",
        "The scheduler has never started. Start it: bongsu start scheduler.",
    ),
    "scheduler_silent": (
        "스케줄러가 {at} 이후 응답이 없습니다. bongsu restart scheduler 로 다시 시작하세요.",
        "The scheduler has been silent since {at}. Restart it: bongsu restart scheduler.",
    ),
    "no_leader": (
        "스케줄러는 살아 있지만 거래 권한(리스)을 기다리고 있습니다.",
        "The scheduler is alive and waits for the lease.",
    ),
    "killed": (
        "{at}에 킬 스위치가 켜졌습니다. 새 매수는 하지 않고, 손절과 익절은 계속합니다.",
        "The kill switch was set at {at}. No new buys; stop-loss and take-profit go on.",
    ),
    "order_unknown": (
        "결과를 확인하지 못한 주문이 있습니다({detail}). 확인될 때까지 매수하지 않습니다.",
        "The outcome of an order is unknown ({detail}). No buys until it is settled.",
    ),
    "ledger_mismatch": (
        "원장과 거래소가 다릅니다: {detail}. 맞을 때까지 매수하지 않습니다.",
        "Ledger and exchange differ: {detail}. No buys until they agree.",
    ),
    "paused": (
        "일시 정지 중입니다({detail}). 매수는 멈추고, 손절과 익절은 계속합니다.",
        "Paused ({detail}). No buys; stop-loss and take-profit go on.",
    ),
    "breaker_daily": (
        "일일 손실 한도에 걸렸습니다(손실 {detail}%). {at}까지 매수하지 않습니다.",
        "The daily loss limit was reached (loss {detail}%). No buys until {at}.",
    ),
    "breaker_weekly": (
        "주간 손실 한도에 걸렸습니다(손실 {detail}%). {at}까지 매수하지 않습니다.",
        "The weekly loss limit was reached (loss {detail}%). No buys until {at}.",
    ),
    "exchange_maintenance": (
        "거래소가 점검 중이라 모든 작업을 쉽니다. 손절과 익절도 나가지 않습니다. 거래소가 다시 열리면 저절로 이어 갑니다.",
        "The exchange is closed for maintenance: every job pauses, stop-loss and take-profit too. It goes on by itself.",
    ),
    "clock_skew": (
        "이 컴퓨터의 시계가 거래소와 {detail}초 어긋나 있습니다. 맞을 때까지 매수하지 않습니다. 손절과 익절은 계속합니다.",
        "This computer's clock and the exchange's differ by {detail} s. No buys meanwhile; stop-loss and take-profit go on.",
    ),
    "monitoring_blind": (
        "{at} 이후 알람을 받지 못합니다. 그동안 매수하지 않습니다. bongsu restart prometheus, bongsu restart alertmanager",
        "No alarm can arrive since {at}. No buys meanwhile. bongsu restart prometheus, bongsu restart alertmanager",
    ),
    "not_reconciled": (
        "막 시작해 거래소와 첫 대조를 기다리고 있습니다. 대조가 끝나야 판단합니다.",
        "Just started: waiting for the first comparison with the exchange; decisions come after it.",
    ),
    "waiting_for_candle": (
        "다음 캔들을 기다립니다. 다음 판단: {at} (시장 시각)",
        "Waiting for the next candle. Next decision: {at} (market time)",
    ),
}
