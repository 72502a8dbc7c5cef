"""What the owner takes out of the ledger."""

import sys
from datetime import date as Date  # noqa: N812 - a day of the calendar
from pathlib import Path
from typing import Annotated

import typer

from bongsu.cli.running import ask_ledger, join_running_stack

app = typer.Typer(help="거래 내보내기 (take trades out).", no_args_is_help=True)


@app.callback()
def trades() -> None:
    """거래 내보내기 (take trades out)."""


@app.command("export")
def export_trades(
    year: Annotated[
        int | None, typer.Option(min=2000, max=2999, help="1월 1일부터 12월 31일까지, KST (a calendar year).")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--from", help="첫날, 2026-01-01 처럼, KST (the first day).")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", help="마지막 날, 그날도 들어갑니다 (the last day, included).")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="저장할 새 파일. 비우면 화면으로 (a new file; else to the terminal)."
        ),
    ] = None,
) -> None:
    """거래를 세금 신고용 CSV로: 시각, 수량, 금액, 수수료, 실현손익 (trades as CSV, for taxes)."""
    from bongsu.errands import export_trades

    first, last = _days(year, since, until)
    join_running_stack()
    sys.exit(ask_ledger(export_trades(first, last, output)))


def _days(year: int | None, since: str | None, until: str | None) -> tuple[Date, Date]:
    if year is not None and since is None and until is None:
        return Date(year, 1, 1), Date(year, 12, 31)
    if year is not None or since is None or until is None:
        raise typer.BadParameter("--year 하나, 또는 --from 과 --to 둘 다 (a year, or both ends)")
    first, last = _day("--from", since), _day("--to", until)
    if last < first:
        raise typer.BadParameter(f"--to {until}: --from {since} 보다 앞섭니다 (before the first day)")
    return first, last


def _day(option: str, text: str) -> Date:
    try:
        return Date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{option} {text}: 2026-11-23 처럼 (YYYY-MM-DD)") from None
