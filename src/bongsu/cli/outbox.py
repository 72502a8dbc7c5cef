"""Messages and what became of them."""

import sys
from typing import Annotated

import typer

from bongsu.cli.running import ask_ledger, join_running_stack

app = typer.Typer(
    help="알림이 어떻게 되었는지, 포기한 알림 다시 보내기 (messages, and those to send again).",
    no_args_is_help=True,
)

Json = Annotated[bool, typer.Option("--json", help="기계가 읽는 출력 (for machines).")]
Number = Annotated[int, typer.Argument(min=1, help="목록의 번호 (a number of the list).")]


@app.command("list")
def list_outbox(
    dead: Annotated[bool, typer.Option("--dead", help="포기한 것만 (those given up).")] = False,
    waiting: Annotated[bool, typer.Option("--waiting", help="기다리는 것만 (those waiting).")] = False,
    held: Annotated[
        bool, typer.Option("--held", help="모으는 중인 것만 (those held for a digest or a group).")
    ] = False,
    last: Annotated[int, typer.Option(min=1, max=1000, help="마지막 몇 개 (how many).")] = 20,
    as_json: Json = False,
) -> None:
    """메시지와 경로마다의 상태 (messages, and their state on each channel)."""
    from bongsu.errands import list_messages

    if dead + waiting + held > 1:
        raise typer.BadParameter("--dead, --waiting, --held 중 하나만 (one of them)")
    state = "dead" if dead else "pending" if waiting else "held" if held else None
    join_running_stack()
    sys.exit(ask_ledger(list_messages(state, last, as_json=as_json)))


@app.command()
def show(number: Number, as_json: Json = False) -> None:
    """메시지 하나를 그대로, 실패한 까닭과 함께 (one message as it is, with why it failed)."""
    from bongsu.errands import show_message

    join_running_stack()
    sys.exit(ask_ledger(show_message(number, as_json=as_json)))


@app.command()
def resend(
    numbers: Annotated[list[int] | None, typer.Argument(help="목록의 번호 (numbers of the list).")] = None,
    everything: Annotated[bool, typer.Option("--all", help="포기한 것 모두 (all given up).")] = False,
) -> None:
    """포기한 알림을 다시 보냅니다. 두 번 해도 한 번만 갑니다 (send what was given up again; once)."""
    from bongsu.errands import resend as send_again

    if bool(numbers) == everything:
        raise typer.BadParameter("번호를 적거나 --all (numbers, or --all)")
    join_running_stack()
    sys.exit(ask_ledger(send_again(numbers or [])))


@app.command("test")
def test_channels() -> None:
    """둘째 경로마다 시험 메시지를 하나 보냅니다 (one test message through each second channel)."""
    from bongsu.errands import test_channels as send_one_each

    sys.exit(ask_ledger(send_one_each()))
