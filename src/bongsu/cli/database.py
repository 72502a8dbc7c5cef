"""What the owner does with the ledger's database: bring it up to date, back it up, restore it."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from bongsu.cli.running import join_running_stack

app = typer.Typer(help="데이터베이스: 스키마, 백업, 복원 (the database).", no_args_is_help=True)


@app.command("upgrade")
def upgrade() -> None:
    """스키마를 최신으로 (to the newest schema)."""
    from bongsu.errands import upgrade_database

    join_running_stack()
    asyncio.run(upgrade_database())
    print("ok")


@app.command("backup")
def backup(
    to: Annotated[
        Path | None, typer.Option(help="둘 폴더. 비우면 .bongsu/backups (the folder it goes to).")
    ] = None,
) -> None:
    """원장을 지금 백업합니다. 봇은 계속 돌아도 됩니다 (back the ledger up, beside a running bot)."""
    from bongsu.errands import back_ledger_up

    join_running_stack()
    print(asyncio.run(back_ledger_up(to)))


@app.command("restore")
def restore(
    file: Annotated[Path, typer.Argument(help="bongsu db backup 이 만든 파일 (a file of db backup).")],
    replace: Annotated[
        bool,
        typer.Option(
            "--replace", help="지금 원장을 백업한 뒤 바꿉니다 (replace the present one, backed up first)."
        ),
    ] = False,
) -> None:
    """백업을 되돌립니다. 스케줄러와 백엔드를 먼저 멈추세요 (restore; stop scheduler and backend first)."""
    from bongsu.errands import restore_ledger

    join_running_stack()
    print(asyncio.run(restore_ledger(file, replace=replace)))
