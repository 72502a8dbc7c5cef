"""The one command-line program: parses arguments, nothing else.

Exit codes: 0 done, 1 not done or not well, 2 wrong usage, 69 cannot start, 75 asked for but not done yet,
78 settings to repair, 130 interrupted.
"""

import asyncio
import sys
from datetime import date as Date  # noqa: N812 - an option is called date
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bongsu.cli import database, logs, outbox, telegram, trades, wishes
from bongsu.cli import live as live_commands
from bongsu.cli.logs import Follow
from bongsu.cli.running import ask_ledger, join_running_stack
from bongsu.ops.ending import told_in_words

if TYPE_CHECKING:
    from bongsu.ops.stack.world import MarketOptions


app = typer.Typer(
    name="bongsu",
    help="봉수: 업비트 KRW 마켓 자동매매 봇 (a trading bot for Upbit's KRW markets).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(database.app, name="db")
app.add_typer(logs.app, name="logs")
app.add_typer(telegram.app, name="telegram")
app.add_typer(trades.app, name="trades")
app.add_typer(wishes.app)
app.add_typer(outbox.app, name="outbox")
app.add_typer(live_commands.app, name="live")

Candles = Annotated[
    list[str] | None,
    typer.Option(
        help="재생할 1시간 캔들 CSV(.gz), 또는 KRW-ETH=파일. 여러 번 쓸 수 있습니다 (recorded candles)."
    ),
]
SpeedText = Annotated[
    str,
    typer.Option(
        "--speed", help="시장 시계의 속도. 1=실제, 60=1시간이 1분, max=멈추지 않고 (of the market clock)."
    ),
]
Seed = Annotated[int | None, typer.Option(help="생성 시장의 시드 (of the generated market).")]
Capital = Annotated[str | None, typer.Option("--krw", help="시작 자금(원) (starting capital).")]
Start = Annotated[
    str | None, typer.Option(help="시장 시계의 시작, ISO 8601 (where the market's clock starts).")
]
Fresh = Annotated[bool, typer.Option("--fresh", help="이 세계를 지우고 처음부터 (erase this world first).")]
Scenario = Annotated[
    str | None,
    typer.Option(
        help="일부러 낼 고장: YAML 파일, 또는 bad-network, rough-day, wrong-figures (faults to inject)."
    ),
]
Offset = Annotated[
    int | None, typer.Option("--port-offset", help="모든 포트에 더할 값 (added to every port).")
]
Json = Annotated[bool, typer.Option("--json", help="기계가 읽는 출력 (for machines).")]
ServiceName = Annotated[
    str,
    typer.Argument(
        help="postgres, exchange, backend, scheduler, postgres-exporter, prometheus, alertmanager, grafana"
    ),
]


def main() -> None:
    with told_in_words():
        app()


# -- the stack ------------------------------------------------------------------------------------------------


@app.command()
def up(
    candles: Candles = None,
    speed: SpeedText = "60",
    seed: Seed = None,
    krw: Capital = None,
    start: Start = None,
    fresh: Fresh = False,
    scenario: Scenario = None,
    live: Annotated[
        bool,
        typer.Option(
            "--live", help="업비트에서 실제 돈으로. BONGSU_MODE=live 도 필요합니다 (real money, at Upbit)."
        ),
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="백그라운드에서 (in the background).")
    ] = False,
    port_offset: Offset = None,
) -> None:
    """모든 것을 시작하고, Ctrl-C까지 지켜봅니다 (start everything)."""
    from bongsu.ops.stack.up import UpOptions
    from bongsu.ops.stack.up import up as bring_up

    market = _market(candles, speed, seed, krw, start, scenario)
    options = UpOptions(market, fresh=fresh, background=detach, port_offset=port_offset, live=live)
    sys.exit(bring_up(options))


@app.command()
def replay(
    candles: Candles = None,
    seed: Seed = None,
    krw: Capital = None,
    start: Start = None,
    stay: Annotated[bool, typer.Option("--stay", help="끝난 뒤에도 켜 두기 (stay up afterwards).")] = False,
    port_offset: Offset = None,
) -> None:
    """캔들 파일을 처음부터 끝까지 쉬지 않고 재생하고, 원장과 거래소를 대조합니다 (play a recording through)."""
    from bongsu.ops.replay import follow_replay
    from bongsu.ops.stack.up import UpOptions
    from bongsu.ops.stack.up import up as bring_up

    if not candles:
        raise typer.BadParameter("재생할 파일을 주세요: --candles FILE (name a file)")
    market = _market(candles, "max", seed, krw, start)
    options = UpOptions(
        market, fresh=True, port_offset=port_offset, at_end=follow_replay, exit_at_end=not stay
    )
    sys.exit(bring_up(options))


@app.command()
def down() -> None:
    """모두 멈춥니다 (stop everything)."""
    from bongsu.ops.stack import commands

    sys.exit(commands.down())


@app.command()
def ps(as_json: Json = False) -> None:
    """무엇이 돌고 있는지 (what is running)."""
    from bongsu.ops.stack import commands

    sys.exit(commands.ps(as_json=as_json))


@app.command()
def stop(service: ServiceName) -> None:
    """서비스 하나를 멈춥니다 (stop one service)."""
    from bongsu.ops.stack import commands

    sys.exit(commands.stop(service))


@app.command("start")
def start_service(service: ServiceName) -> None:
    """서비스 하나를 시작합니다 (start one service)."""
    from bongsu.ops.stack import commands

    sys.exit(commands.start(service))


@app.command()
def restart(service: ServiceName) -> None:
    """서비스 하나를 다시 시작합니다 (restart one service)."""
    from bongsu.ops.stack import commands

    sys.exit(commands.restart(service))


# -- views ----------------------------------------------------------------------------------------------------


@app.command()
def status(as_json: Json = False) -> None:
    """봇이 잘 있는지, 얼마를 벌었는지 (how the bot is)."""
    from bongsu.ops.status import show_status

    sys.exit(show_status(as_json=as_json))


@app.command()
def report(
    date: Annotated[
        str | None,
        typer.Option(help="그날 09:00에 시작한 거래일, 2026-11-23 처럼. 비우면 어제 (the trading day)."),
    ] = None,
    week: Annotated[bool, typer.Option("--week", help="그날이 든 주 (its week).")] = False,
    month: Annotated[bool, typer.Option("--month", help="그날이 든 달 (its month).")] = False,
    as_json: Json = False,
) -> None:
    """거래일, 주, 달의 리포트: 손익, 판단, 거래, 비용 (the report of a day, week or month)."""
    from bongsu.core.report import Span
    from bongsu.errands import show_report

    if week and month:
        raise typer.BadParameter("--week 와 --month 중 하나만 (one of them)")
    span = Span.WEEK if week else Span.MONTH if month else Span.DAY
    join_running_stack()
    sys.exit(ask_ledger(show_report(span, _day(date), as_json=as_json)))


@app.command()
def inbox(
    follow: Follow = False,
    as_json: Json = False,
    last: Annotated[int, typer.Option(min=1, help="마지막 몇 개 (how many).")] = 20,
) -> None:
    """로컬 수신함에 온 알림 (messages in the local inbox)."""
    from bongsu.ops.inbox import show_inbox

    sys.exit(show_inbox(follow=follow, as_json=as_json, last=last))


@app.command("say")
def say_to_bot(
    text: Annotated[str, typer.Argument(help="예: /status, 또는 확인 코드 (a command, or a code).")],
) -> None:
    """로컬 대화에서 봇에게 말합니다: bongsu say /help (talk to the bot in the local chat)."""
    from bongsu.ops.inbox import say_to_bot as say_it

    sys.exit(say_it(text))


@app.command()
def doctor(as_json: Json = False) -> None:
    """무엇이 잘못되었고 어떻게 고치는지 (what is wrong, and the repair)."""
    from bongsu.ops.doctor import show_diagnosis

    sys.exit(show_diagnosis(as_json=as_json))


# -- processes ------------------------------------------------------------------------------------------------


@app.command()
def exchange(
    world_dir: Annotated[Path, typer.Option(help="세계를 보관하는 폴더 (where the world is kept).")] = Path(
        ".bongsu/exchange"
    ),
    candles: Candles = None,
    speed: SpeedText = "60",
    seed: Seed = None,
    krw: Capital = None,
    start: Start = None,
    fresh: Fresh = False,
    scenario: Scenario = None,
    real_time: Annotated[
        bool,
        typer.Option(
            "--real-time", help="시계가 이 컴퓨터의 시각을 따릅니다 (this machine's time; speed 1)."
        ),
    ] = False,
    host: Annotated[str, typer.Option(help="여는 주소 (the address it listens on).")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8700,
) -> None:
    """모의 거래소만 (the sandbox exchange alone)."""
    from dataclasses import asdict

    from bongsu.ops.logging import configure_logging
    from bongsu.sandbox.serve import ExchangeOptions, run

    configure_logging("exchange")
    market = _market(candles, "1" if real_time else speed, seed, krw, start, scenario)
    chosen = {name: value for name, value in asdict(market).items() if value is not None}
    run(
        ExchangeOptions(world_dir=world_dir, fresh=fresh, real_time=real_time, host=host, port=port, **chosen)
    )


@app.command()
def scheduler() -> None:
    """스케줄러만: 거래하는 유일한 프로세스 (the only process that trades)."""
    from bongsu.app import run_scheduler

    asyncio.run(run_scheduler())


@app.command()
def backend() -> None:
    """백엔드만: API, 메트릭, 경보 접수 (API, metrics, alert intake)."""
    from bongsu.app import run_backend

    asyncio.run(run_backend())


@app.command()
def trade() -> None:
    """거래 사이클을 한 번 실행합니다. 스케줄러가 돌고 있으면 그곳에 부탁합니다 (one trading cycle by hand)."""
    from bongsu.errands import run_trade

    join_running_stack()
    ran, result = asyncio.run(run_trade())
    print(result, file=sys.stdout if ran else sys.stderr)
    sys.exit(0 if ran else 1)


@app.command(
    epilog="끝 코드: 0 같음, 1 다르거나 확인을 기다림, 75 아직 대조하지 못함 (0 equal, 1 not, 75 not yet)"
)
def reconcile(
    explain: Annotated[
        bool,
        typer.Option("--explain", help="까닭도 찾습니다: 직접 한 주문, 다음에 할 일 (look for the reason)."),
    ] = False,
    as_json: Json = False,
) -> None:
    """원장과 거래소의 잔고를 지금 대조합니다. 아무것도 바꾸지 않습니다 (compare ledger and exchange)."""
    from bongsu.errands import compare_with_exchange

    join_running_stack()
    sys.exit(ask_ledger(compare_with_exchange(explain=explain, as_json=as_json)))


@app.command()
def maintenance(
    minutes: Annotated[int, typer.Option(min=1, max=60, help="몇 분 동안 (for how many minutes).")] = 5,
    end: Annotated[bool, typer.Option("--end", help="지금 끝냅니다 (end it now).")] = False,
) -> None:
    """재시작이나 배포를 예고해 잠깐의 중단이 알람이 되지 않게 합니다. 저절로 끝납니다 (announce a restart)."""
    from bongsu.errands import announce_maintenance

    join_running_stack()
    ask_ledger(announce_maintenance(0 if end else minutes))
    print("점검 끝 (maintenance ended)" if end else f"점검 {minutes}분 (maintenance for {minutes} minutes)")


# -- arguments ------------------------------------------------------------------------------------------------


def _market(
    candles: list[str] | None,
    speed: str,
    seed: int | None,
    krw: str | None,
    start: str | None,
    scenario: str | None = None,
) -> "MarketOptions":
    from bongsu.ops.stack.world import MarketOptions

    return MarketOptions(tuple(candles or ()), _speed(speed), seed, _moment(start), _amount(krw), scenario)


def _speed(text: str) -> float | Literal["max"]:
    if text == "max":
        return "max"
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"--speed {text}: 숫자 또는 max (a number, or max)") from None


def _moment(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        raise typer.BadParameter(f"--start {text}: 2024-03-01T00:00:00+09:00 처럼 (ISO 8601)") from None


def _day(text: str | None) -> Date | None:
    try:
        return Date.fromisoformat(text) if text else None
    except ValueError:
        raise typer.BadParameter(f"--date {text}: 2026-11-23 처럼 (YYYY-MM-DD)") from None


def _amount(text: str | None) -> Decimal | None:
    try:
        return Decimal(text) if text else None
    except InvalidOperation:
        raise typer.BadParameter(f"--krw {text}: 1000000 처럼 (an amount of won)") from None
