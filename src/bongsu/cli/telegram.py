"""Telegram, from the owner's terminal."""

import asyncio
import sys
from typing import Annotated

import typer

from bongsu.cli.running import join_running_stack

app = typer.Typer(help="텔레그램 (Telegram).", no_args_is_help=True)


@app.command()
def setup(
    token_file: Annotated[
        str | None,
        typer.Option(
            help="토큰이 든 파일, 또는 - 로 표준 입력. 비우면 .env의 것이나 직접 입력 (holds the token)."
        ),
    ] = None,
    chat: Annotated[
        int | None, typer.Option(help="1:1 대화의 번호를 이미 알 때. 찾지 않습니다 (the number, if known).")
    ] = None,
    wait: Annotated[
        float, typer.Option(min=0, max=3600, help="봇에게 말을 걸 때까지 기다릴 시간(초) (seconds to wait).")
    ] = 180,
    commands: Annotated[
        bool, typer.Option(help="이 사람의 명령도 듣습니다 (may command the bot, too).")
    ] = True,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="묻지 않습니다. --chat 과 함께 (do not ask; with --chat).")
    ] = False,
) -> None:
    """채팅을 스스로 찾아 .env에 적고 시험 메시지를 보냅니다 (finds your chat and writes it into .env)."""
    from bongsu.errands import set_telegram_up
    from bongsu.errors import NotSetUp
    from bongsu.ops.telegram_setup import Wanted
    from bongsu.settings import Wiring

    wanted = Wanted(Wiring().bongsu_env_file, token_file, chat, wait, commands, yes)
    try:
        asyncio.run(set_telegram_up(wanted))
    except NotSetUp as ended:
        print(ended, file=sys.stderr)
        sys.exit(1)


@app.command("test")
def send_test() -> None:
    """지금 설정대로 시험 메시지를 하나 보냅니다 (send one message as the settings are)."""
    from bongsu.errands import send_test_message
    from bongsu.errors import NotDelivered
    from bongsu.ops.telegram_texts import not_arrived

    join_running_stack()
    try:
        print(asyncio.run(send_test_message()))
    except NotDelivered as failure:
        print(not_arrived(failure), file=sys.stderr)
        sys.exit(1)
