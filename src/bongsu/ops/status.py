"""The bot's state in the terminal, as the backend tells it."""

import json
import sys
from datetime import datetime
from decimal import Decimal
from typing import Any

from bongsu.core.figures import (
    kst_text,
    percent_text,
    price_text,
    signed_won_text,
    size_text,
    volume_text,
    won_text,
)
from bongsu.core.market import Market, base_currency
from bongsu.core.money import Price
from bongsu.ops.language import say
from bongsu.ops.running import NoAnswer, fetch, find_addresses
from bongsu.ops.stack.places import Places

_STATES = {
    "deciding": ("판단하는 중", "deciding"),
    "waiting": ("대기 중", "waiting"),
    "blocked": ("거래하지 않음", "not trading"),
}
_ACTIONS = {"buy": ("매수", "buy"), "sell": ("매도", "sell"), "hold": ("관망", "hold")}
_OUTCOMES = {"rejected": ("거부됨", "rejected"), "skipped": ("건너뜀", "skipped")}
_JOB_OUTCOMES = {
    "success": ("성공", "success"),
    "failure": ("실패", "failure"),
    "skipped": ("건너뜀", "skipped"),
}
_MODES = {
    "sandbox": ("모의거래", "sandbox"),
    "paper": ("모의거래, 실시세", "paper"),
    "live": ("실거래", "live"),
}

Shape = dict[str, Any]


def show_status(*, as_json: bool = False) -> int:
    """1 when the backend does not answer."""
    url = f"{find_addresses(Places.from_environment()).backend}/api/v1/status"
    try:
        status = fetch(url, lang=say("ko", "en"))
    except NoAnswer as why:
        print(
            say(
                f"백엔드에 물어볼 수 없습니다: {why}\n시작: make up · 서비스 목록: bongsu ps · 진단: bongsu doctor",
                f"The backend cannot be asked: {why}\nStart: make up · what runs: bongsu ps · check: bongsu doctor",
            ),
            file=sys.stderr,
        )
        return 1
    print(json.dumps(status, ensure_ascii=False, indent=2) if as_json else render(status))
    return 0


def render(status: Shape) -> str:
    world = status["world"] or say("아직 없음", "none yet")
    lines = [
        f"{say('봉수', 'Bongsu')} {status['version']} · {say(*_MODES[status['mode']])} · {say('세계', 'world')} {world}",
        _row(say("상태", "state"), say(*_STATES[status["state"]])),
        *(_row("", reason["text"]) for reason in status["idle"]),
        *(_row(say("요청", "asked for"), _wish(wish)) for wish in status["waiting"]),
        *(_row(say("프로세스", "processes"), _process(p)) for p in status["processes"]),
        *_portfolio(status["portfolio"]),
        *_titled(say("보유", "held"), [_position(p) for p in status["portfolio"]["positions"]]),
        *_titled(say("최근 판단", "decisions"), [_decision(d) for d in status["last_decisions"]]),
        *_titled(say("작업", "jobs"), [_job(j) for j in status["jobs"]]),
        _row(say("백업", "backup"), last_backup(status["backup"])),
        *_titled(say("경보", "alerts"), [_alert(a) for a in status["firing"]]),
    ]
    return "\n".join(lines)


def _wish(wish: Shape) -> str:
    what = " ".join((wish["kind"], *wish["args"].values()))
    since = kst_text(datetime.fromisoformat(wish["requested_at"]))
    return say(f"{what}  {since}에 요청, 아직 실행 전", f"{what}  asked for at {since}, not done yet")


def _portfolio(portfolio: Shape) -> list[str]:
    if portfolio["equity"] is None:
        return [_row(say("자산", "equity"), say("아직 평가되지 않음", "not valued yet"))]
    old = say(" (5분 넘게 갱신되지 않음)", " (over five minutes old)") if portfolio["stale"] else ""
    cash = say(f"현금 {_won(portfolio['cash'])}", f"cash {_won(portfolio['cash'])}")
    return [
        _row(say("자산", "equity"), f"{_won(portfolio['equity'])} ({cash}){old}"),
        *(_row(_period(p["scope"]), _profit(p)) for p in portfolio["profits"]),
    ]


def _period(scope: str) -> str:
    return say("오늘 손익", "today") if scope == "daily" else say("주간 손익", "this week")


def _profit(profit: Shape) -> str:
    won = signed_won_text(Decimal(profit["profit"])) + say("원", " KRW")
    return won if profit["ratio"] is None else f"{won} ({percent_text(Decimal(profit['ratio']))}%)"


def _position(position: Shape) -> str:
    market = Market(position["market"])
    held = f"{market}  {volume_text(Decimal(position['volume']))} {base_currency(market)}"
    entry = price_text(Price(Decimal(position["entry_price"])))
    if position["price"] is None or position["unrealized_ratio"] is None:
        return say(f"{held}  진입가 {entry}원", f"{held}  entry {entry} KRW")
    now = price_text(Price(Decimal(position["price"])))
    change = percent_text(Decimal(position["unrealized_ratio"]))
    return say(
        f"{held}  진입가 {entry}원  현재가 {now}원  {change}%",
        f"{held}  entry {entry}  now {now} KRW  {change}%",
    )


def _decision(decision: Shape) -> str:
    said = f"{kst_text(datetime.fromisoformat(decision['at']))}  {decision['market']}"
    if decision["outcome"] != "accepted":
        return f"{said}  {say(*_OUTCOMES[decision['outcome']])}: {decision['refusal_detail'] or decision['refusal']}"
    reasons = ", ".join(reason["text"] for reason in decision["reasons"])
    told = f"{said}  {say(*_ACTIONS[decision['action']])} {decision['confidence_label']}  {reasons}"
    return f"{told}  → {decision['refusal_detail']}" if decision["refusal"] else told


def _job(job: Shape) -> str:
    if job["run_id"] is None:
        outcome = say("아직 실행되지 않음", "not run yet")
    elif job["outcome"] is None:
        outcome = say("실행 중", "running")
    else:
        outcome = say(*_JOB_OUTCOMES[job["outcome"]])
    reason = f" ({job['reason']})" if job["reason"] else ""
    return f"{job['name']:<18} {outcome}{reason}"


def _process(process: Shape) -> str:
    age = f"{Decimal(process['age_seconds']):.0f}"
    if process["alive"]:
        return f"{process['process']}: " + say(f"정상 ({age}초 전)", f"alive ({age} s ago)")
    return f"{process['process']}: " + say(f"응답 없음 ({age}초째)", f"silent (for {age} s)")


def last_backup(backup: Shape | None) -> str:
    if backup is None:
        return say("아직 없음", "none yet")
    return f"{kst_text(datetime.fromisoformat(backup['made_at']))} ({size_text(backup['size_bytes'])})"


def _alert(alert: Shape) -> str:
    since = kst_text(datetime.fromisoformat(alert["starts_at"]))
    return f"{alert['name']} ({alert['severity']}) {alert['summary']}  {say('발생', 'since')} {since}"


def _titled(title: str, items: list[str]) -> list[str]:
    if not items:
        return [_row(title, say("없음", "none"))]
    return [_row(title if number == 0 else "", item) for number, item in enumerate(items)]


def _row(title: str, text: str) -> str:
    columns = sum(2 if "가" <= letter <= "힣" else 1 for letter in title)
    return f"{title}{' ' * max(12 - columns, 1)}{text}"


def _won(amount: str) -> str:
    return won_text(Decimal(amount)) + say("원", " KRW")
