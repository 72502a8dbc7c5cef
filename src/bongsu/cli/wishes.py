"""What the owner may ask of a running bot: the words of the chat, typed in a terminal."""

import sys
from typing import Annotated

import typer

from bongsu.cli.running import ask_ledger, join_running_stack
from bongsu.core.facts import ControlKind
from bongsu.core.market import Market, parse_market

EX_TEMPFAIL = 75
_CODES = {"done": 0, "refused": 1, "pending": EX_TEMPFAIL}

_CODES_TOLD = (
    "끝 코드: 0 실행됨, 1 거부되었거나 그만둠, 2 잘못 씀, 69 원장에 닿지 못함, 75 요청했지만 아직 실행 전 "
    "(exit codes: 0 done, 1 refused or called off, 2 wrong usage, 69 no ledger, 75 asked for, not done yet)"
)

app = typer.Typer(rich_markup_mode=None)

Why = Annotated[str, typer.Option(help="이유. 기록에 남습니다 (why; it goes on record).")]
Yes = Annotated[
    bool, typer.Option("--yes", "-y", help="묻지 않고 바로 (do not ask for the confirming word).")
]
Wait = Annotated[
    float, typer.Option(min=0, max=600, help="결과를 기다릴 시간(초) (seconds to wait for the result).")
]
Json = Annotated[bool, typer.Option("--json", help="기계가 읽는 출력 (for machines).")]


@app.command(epilog=_CODES_TOLD)
def pause(why: Why = "", yes: Yes = False, wait: Wait = 10, as_json: Json = False) -> None:
    """새 매수를 멈춥니다. 손절과 익절은 계속합니다 (no new buys until resumed)."""
    _ask_for(ControlKind.PAUSE, why, yes=yes, wait=wait, as_json=as_json)


@app.command(epilog=_CODES_TOLD)
def resume(why: Why = "", yes: Yes = False, wait: Wait = 10, as_json: Json = False) -> None:
    """멈춘 매수를 다시 합니다. 킬 스위치는 그대로입니다 (end the pause, not the kill switch)."""
    _ask_for(ControlKind.RESUME, why, yes=yes, wait=wait, as_json=as_json)


@app.command(epilog=_CODES_TOLD)
def close(
    market: Annotated[str, typer.Argument(help="KRW-ETH 처럼, 또는 ETH (the market).")],
    why: Why = "",
    yes: Yes = False,
    wait: Wait = 60,
    as_json: Json = False,
) -> None:
    """한 종목을 모두 팝니다 (sell all that is held of a market)."""
    _ask_for(ControlKind.CLOSE, why, _market(market), yes=yes, wait=wait, as_json=as_json)


@app.command(epilog=_CODES_TOLD)
def flatten(why: Why = "", yes: Yes = False, wait: Wait = 120, as_json: Json = False) -> None:
    """보유한 모든 종목을 팝니다. 새 매수는 막지 않습니다: kill --flatten (sell everything that is held)."""
    _ask_for(ControlKind.FLATTEN, why, yes=yes, wait=wait, as_json=as_json)


@app.command(epilog=_CODES_TOLD)
def kill(
    sell: Annotated[
        bool, typer.Option("--flatten", help="보유한 것도 모두 팝니다 (sell everything, too).")
    ] = False,
    why: Why = "",
    yes: Yes = False,
    wait: Wait = 120,
    as_json: Json = False,
) -> None:
    """킬 스위치: 새 매수를 바로 막습니다. 스케줄러를 기다리지 않습니다 (no new buys, at once)."""
    _ask_for(ControlKind.KILL, why, yes=yes, wait=wait, as_json=as_json, also_flatten=sell)


@app.command(epilog=_CODES_TOLD)
def unkill(why: Why = "", wait: Wait = 10, as_json: Json = False) -> None:
    """킬 스위치를 풉니다. 터미널에서 확인 낱말을 쳐야 합니다 (release it; always asks for the word)."""
    _ask_for(ControlKind.UNKILL, why, yes=False, wait=wait, as_json=as_json)


@app.command(epilog=_CODES_TOLD)
def ack(
    market: Annotated[
        str | None, typer.Argument(help="KRW-ETH 처럼, 또는 ETH. 없으면 모두 (the market; none: all).")
    ] = None,
    why: Why = "",
    yes: Yes = False,
    wait: Wait = 10,
    as_json: Json = False,
) -> None:
    """봇의 주문이 아닌 변동이 내가 한 일임을 확인합니다 (what moved from outside was you)."""
    _ask_for(ControlKind.ACK, why, _market(market) if market else None, yes=yes, wait=wait, as_json=as_json)


def _ask_for(
    kind: ControlKind,
    why: str,
    market: Market | None = None,
    *,
    yes: bool,
    wait: float,
    as_json: bool,
    also_flatten: bool = False,
) -> None:
    from bongsu.ops.wishes import Wish, ask_for, confirm, find_settings

    wishes = [Wish(kind, why, market)]
    if also_flatten:
        wishes.append(Wish(ControlKind.FLATTEN, why))
    join_running_stack()
    settings = find_settings()
    if not yes and not confirm(wishes):
        sys.exit(1 if sys.stdin.isatty() else 2)
    states = ask_ledger(ask_for(wishes, settings, wait, as_json=as_json))
    sys.exit(max(_CODES[state] for state in states))


def _market(text: str) -> Market:
    name = text.upper()
    try:
        return parse_market(name if name.startswith("KRW-") else f"KRW-{name}")
    except ValueError:
        raise typer.BadParameter(f"{text[:20]}: KRW-ETH 처럼 적어 주세요 (such as KRW-ETH)") from None
