"""Trading with real money: whether all is fit for it, the owner's word, the first week's cap."""

import sys
from typing import Annotated

import typer

from bongsu.cli.running import ask_ledger, join_running_stack

app = typer.Typer(
    help="실거래: 점검, 확인, 첫 주 한도 (live trading: check, confirm, the first week's cap).",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def check() -> None:
    """실거래를 시작할 수 있는지 봅니다. 아무것도 시작하지 않습니다 (whether all is fit; starts nothing)."""
    from bongsu.errands import check_live

    join_running_stack()
    sys.exit(check_live())


@app.command()
def confirm() -> None:
    """실거래를 시작한다고 터미널에서 확인합니다. 날짜와 함께 보관되어 재시작에 쓰입니다 (give your word, once a key)."""
    from bongsu.errands import confirm_live

    print(confirm_live())


@app.command("lift-cap")
def lift_cap(
    who: Annotated[str, typer.Option("--who", help="기록에 남을 이름 (name on record).")] = "",
) -> None:
    """첫 주 보유 한도를 풉니다. 터미널에서 낱말을 쳐야 하고, 기록에 남습니다 (lift the first week's cap)."""
    from bongsu.errands import lift_live_cap

    join_running_stack()
    done, told = ask_ledger(lift_live_cap(who))
    print(told, file=sys.stdout if done else sys.stderr)
    sys.exit(0 if done else 1)
