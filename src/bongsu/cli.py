"""The one command-line program: parses arguments, nothing else. Exit codes: 0 done, 1 not done, 2 wrong usage,
69 cannot start, 78 settings to repair."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from bongsu.errors import CannotStart, SettingsInvalid

EX_UNAVAILABLE = 69
EX_CONFIG = 78

app = typer.Typer(
    name="bongsu",
    help="봉수: 업비트 KRW 마켓 자동매매 봇 (trading bot for Upbit's KRW markets).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
db_app = typer.Typer(help="데이터베이스 (database).", no_args_is_help=True)
app.add_typer(db_app, name="db")

Candles = Annotated[
    list[Path] | None,
    typer.Option(help="재생할 캔들 파일 CSV 또는 CSV.gz, 여러 번 쓸 수 있음 (recorded candles; repeatable)."),
]
Speed = Annotated[
    str | None,
    typer.Option(help="시장 시계의 속도: 1은 실제, 60은 한 시간이 1분, max는 멈추지 않고 (market clock)."),
]
Seed = Annotated[int | None, typer.Option(help="생성 시장의 시드 (seed of a generated market).")]
Capital = Annotated[str | None, typer.Option("--krw", help="시작 자금, 원 (starting capital).")]
Start = Annotated[str | None, typer.Option(help="시작 시각, ISO 8601 (start of the market's clock).")]
Fresh = Annotated[bool, typer.Option("--fresh", help="이 세계를 지우고 처음부터 (erase this world first).")]
Offset = Annotated[
    int | None, typer.Option("--port-offset", help="모든 포트에 더할 값 (added to every port).")
]
Json = Annotated[bool, typer.Option("--json", help="기계가 읽는 출력 (for machines).")]
ServiceName = Annotated[
    str, typer.Argument(help="postgres exchange backend scheduler prometheus alertmanager")
]


def main() -> None:
    """What cannot start says why in words, not in a traceback."""
    try:
        app()
    except SettingsInvalid as invalid:
        print("설정을 고쳐 주세요. 아무것도 시작하지 않았습니다 (nothing was started):", file=sys.stderr)
        for fault in invalid.faults:
            print(f"  • {fault}", file=sys.stderr)
        sys.exit(EX_CONFIG)
    except CannotStart as reason:
        print(f"시작할 수 없습니다 (cannot start): {reason}", file=sys.stderr)
        sys.exit(EX_UNAVAILABLE)
    except KeyboardInterrupt:
        sys.exit(130)


# -- processes ------------------------------------------------------------------------------------------------


@app.command()
def scheduler() -> None:
    """스케줄러: 유일하게 거래하는 프로세스 (the only process that trades)."""
    from bongsu.app import run_scheduler

    asyncio.run(run_scheduler())


@app.command()
def backend() -> None:
    """백엔드: API, 메트릭, 경보 접수 (API, metrics, alert intake)."""
    from bongsu.app import run_backend

    asyncio.run(run_backend())


@app.command()
def trade() -> None:
    """거래 사이클을 한 번 실행. 스케줄러가 돌고 있으면 그곳에 부탁 (one trading cycle by hand)."""
    from bongsu.app import run_trade

    ran, result = asyncio.run(run_trade())
    print(result, file=sys.stdout if ran else sys.stderr)
    sys.exit(0 if ran else 1)


if __name__ == "__main__":
    main()
