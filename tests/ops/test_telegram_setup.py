"""`bongsu telegram setup` and `test` against the Bot API stand-in: who is found, what is written, how it can end."""

import asyncio
import os
import pty
import re
import select
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import typer.main
from typer.testing import CliRunner, Result

from bongsu.adapters.telegram.chat import TelegramChat
from bongsu.cli import app
from bongsu.errors import NotDelivered
from bongsu.ops.envfile import read_values
from bongsu.ops.telegram_texts import Why
from bongsu.settings import SANDBOX_TOKEN, load_settings
from ports import free_port
from stand_in import PATIENCE, StandIn

ROOT = Path(__file__).resolve().parents[2]
COMMANDS: Any = typer.main.get_command(app)
OWNER = 1000
POLLED = "/telegram/*getUpdates"

Run = Callable[..., Result]


@pytest.fixture
def telegram(stand_in: StandIn) -> StandIn:
    """With nothing in it of the tests before."""
    chat = f"{stand_in.url}/telegram/bot{SANDBOX_TOKEN}/getUpdates"
    waiting = httpx2.get(chat, timeout=PATIENCE).json()["result"]
    newest = max((update["update_id"] for update in waiting), default=0)
    httpx2.get(chat, params={"offset": newest + 1}, timeout=PATIENCE).raise_for_status()
    return stand_in


@pytest.fixture
def env(telegram: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped example with the bot's token in it, as an owner would have it."""
    for name in [name for name in os.environ if name.startswith("TELEGRAM_")]:
        monkeypatch.delenv(name)
    path = tmp_path / ".env"
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    path.write_text(example.replace("your_bot_token_here", SANDBOX_TOKEN), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BONGSU_ENV_FILE", str(path))
    monkeypatch.setenv("BONGSU_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("TELEGRAM_API_URL", f"{telegram.url}/telegram")
    return path


def write_to_bot(telegram: StandIn, text: str = "안녕", **who: Any) -> None:
    body = {"text": text, **who}
    httpx2.post(f"{telegram.url}/sandbox/chat/type", json=body, timeout=PATIENCE).raise_for_status()


def run(*words: str, typed: str = "") -> Result:
    """Without a terminal."""
    return CliRunner().invoke(app, ["telegram", *words], input=typed)


@pytest.fixture
def in_a_terminal(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Any:
    def run_and_type(*words: str, typed: str) -> tuple[int, str]:
        ours, theirs = pty.openpty()
        os.write(ours, typed.encode())
        with os.fdopen(ours, "wb"), os.fdopen(theirs, "r") as keyboard, monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", keyboard)
            code = 0
            try:
                COMMANDS.main(["telegram", *words], standalone_mode=False)
            except SystemExit as ended:
                code = int(str(ended.code))
        shown = capfd.readouterr()
        return code, shown.out + shown.err

    return run_and_type


def test_the_chat_is_found_tried_and_written(telegram: StandIn, env: Path, in_a_terminal: Any) -> None:
    env.chmod(0o644)
    before = env.read_text(encoding="utf-8")
    write_to_bot(telegram)
    code, shown = in_a_terminal("setup", typed="y\n")
    assert code == 0, shown
    assert "찾았습니다: 주인, 번호 1000" in shown
    assert "bongsu restart scheduler" in shown
    assert SANDBOX_TOKEN not in shown
    (message,) = telegram.received()
    assert message.text.startswith("🔔 시험 메시지")
    changed = [
        (old, new)
        for old, new in zip(before.splitlines(), env.read_text().splitlines(), strict=True)
        if old != new
    ]
    assert changed == [
        ("TELEGRAM_ENABLED=false", "TELEGRAM_ENABLED=true"),
        ("TELEGRAM_CHAT_ID=your_chat_id_here", "TELEGRAM_CHAT_ID=1000"),
        ("TELEGRAM_ALLOWED_USERS=", "TELEGRAM_ALLOWED_USERS=1000"),
    ]
    backup = env.with_name(".env.bak")
    assert backup.read_text(encoding="utf-8") == before
    assert [stat.S_IMODE(file.stat().st_mode) for file in (env, backup)] == [0o600, 0o600]
    assert load_settings(env).command_users == {OWNER}


def test_a_known_number_needs_no_terminal_and_keeps_who_may_command(telegram: StandIn, env: Path) -> None:
    env.write_text("TELEGRAM_ALLOWED_USERS=7,1000\n")
    said = run("setup", "--token-file", "-", "--chat", "1000", "--yes", typed=f"{SANDBOX_TOKEN}\n")
    assert (said.exit_code, SANDBOX_TOKEN in said.output) == (0, False), said.output
    values = read_values(env.read_text())
    assert (values["TELEGRAM_ALLOWED_USERS"], values["TELEGRAM_BOT_TOKEN"]) == ("7,1000", SANDBOX_TOKEN)
    assert len(telegram.received()) == 1

    env.unlink()
    token = env.with_name("token")
    token.write_text(f"{SANDBOX_TOKEN}\n")
    said = run("setup", "--token-file", str(token), "--chat", "1000", "--yes", "--no-commands")
    assert said.exit_code == 0, said.output
    assert "TELEGRAM_ALLOWED_USERS" not in env.read_text()
    assert stat.S_IMODE(env.stat().st_mode) == 0o600


def test_of_several_the_owner_picks_one(telegram: StandIn, env: Path, in_a_terminal: Any) -> None:
    write_to_bot(telegram, user_id=7, name="낯선 사람\x1b[2J")
    write_to_bot(telegram)
    code, shown = in_a_terminal("setup", typed="2\ny\n")
    assert code == 0, shown
    assert "  1. 낯선 사람[2J, 번호 7" in shown, "what a terminal would obey is left out"
    assert read_values(env.read_text())["TELEGRAM_CHAT_ID"] == "1000"


def one(telegram: StandIn) -> None:
    write_to_bot(telegram)


def two(telegram: StandIn) -> None:
    write_to_bot(telegram)
    write_to_bot(telegram, user_id=7)


def group(telegram: StandIn) -> None:
    write_to_bot(telegram, chat_id=-5, chat_type="group")


def another_bot(telegram: StandIn) -> None:
    write_to_bot(telegram, user_id=8, is_bot=True)


def webhook(telegram: StandIn) -> None:
    words = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
    telegram.break_with(path=POLLED, kind="error_before", status=409, description=words)


def refused(telegram: StandIn) -> None:
    telegram.break_with(kind="error_before", status=401, path="/telegram/*getMe")


def blocked(telegram: StandIn) -> None:
    telegram.break_with(kind="error_before", status=403, path="/telegram/*sendMessage")


def down(telegram: StandIn) -> None:
    telegram.break_with(kind="down")


def nothing(_: StandIn) -> None:
    pass


KNOWN = ("--chat", "1000", "--yes")


@pytest.mark.parametrize(
    ("before", "words", "told"),
    [
        (nothing, (), "아무도 봇에게 말하지 않았습니다"),
        (another_bot, (), "아무도 봇에게 말하지 않았습니다"),
        (group, (), "단체방의 말만 왔습니다"),
        (two, (), "본인의 번호를 --chat 으로 주세요. (1000, 7)"),
        (one, (), "--chat 번호 --yes 로 다시 하세요. (1000)"),
        (one, ("--yes",), "--chat 번호 --yes 로 다시 하세요. (1000)"),
        (webhook, (), "웹훅이 걸려 있어"),
        (refused, KNOWN, "토큰을 거부했습니다(401)"),
        (down, KNOWN, "텔레그램에 닿지 못했습니다"),
        (blocked, KNOWN, "시험 메시지를 보내지 못했습니다"),
        (nothing, ("--chat", "999", "--yes"), "그 번호의 대화가 없습니다"),
        (nothing, ("--token-file", "/nowhere"), "토큰이 없습니다"),
        (nothing, ("--token-file", "-"), "토큰이 없습니다"),
    ],
    ids=lambda value: getattr(value, "__name__", None) or "x",
)
def test_every_end_has_words_of_its_own_and_changes_nothing(
    telegram: StandIn, env: Path, before: Callable[[StandIn], None], words: tuple[str, ...], told: str
) -> None:
    was = env.read_bytes()
    before(telegram)
    said = run("setup", "--wait", "0", *words)
    assert (said.exit_code, told in said.stderr) == (1, True), said.output
    assert SANDBOX_TOKEN not in said.output
    assert (env.read_bytes(), telegram.received()) == (was, [])
    assert sorted(file.name for file in env.parent.iterdir()) == [".env"]


@pytest.mark.parametrize("why", Why)
def test_every_end_is_told_in_both_languages(why: Why, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BONGSU_LANG", "en")
    english = str(why.ends("x"))
    monkeypatch.setenv("BONGSU_LANG", "ko")
    korean = str(why.ends("x"))
    assert re.search("[가-힣]", korean)
    assert re.search("[A-Za-z]{3}", english)
    assert not re.search("[가-힣]", english)
    assert set(re.findall(r"40\d|--[a-z-]+", korean)) == set(re.findall(r"40\d|--[a-z-]+", english))


@contextmanager
def a_bot_that_polls(telegram: StandIn) -> Iterator[None]:
    """As a running backend does: thrown out of the chat, it comes back."""
    over = threading.Event()

    async def listen() -> None:
        talk = TelegramChat(f"{telegram.url}/telegram", SANDBOX_TOKEN)
        while not over.is_set():
            try:
                await talk.listen(1)
            except NotDelivered:
                await asyncio.sleep(0.05)
        await talk.close()

    thread = threading.Thread(target=asyncio.run, args=(listen(),))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(PATIENCE)


@pytest.mark.usefixtures("env")
def test_a_bot_that_reads_the_chat_already_is_named(telegram: StandIn) -> None:
    with a_bot_that_polls(telegram):
        said = run("setup", "--wait", "60")
    assert (said.exit_code, "봇이 이미 이 대화를 읽고 있습니다(409)" in said.stderr) == (1, True), said.output
    assert "bongsu stop backend" in said.stderr


@pytest.mark.usefixtures("env")
def test_no_network_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEGRAM_API_URL", f"http://127.0.0.1:{free_port()}")
    said = run("setup", *KNOWN)
    assert (said.exit_code, "닿지 못했습니다" in said.stderr) == (1, True), said.output


def test_nobody_is_written_down_whom_the_owner_does_not_know(
    telegram: StandIn, env: Path, in_a_terminal: Any
) -> None:
    was = env.read_bytes()
    for typed in ("n\n", "\n", "\x04"):
        write_to_bot(telegram, user_id=7)
        code, shown = in_a_terminal("setup", typed=typed)
        assert (code, "그만두었습니다" in shown) == (1, True), shown
    assert env.read_bytes() == was


def test_a_file_that_cannot_be_written_leaves_the_lines_to_write(telegram: StandIn, env: Path) -> None:
    """As in a container, whose `.env` is mounted for reading: nobody may make a file beside it."""
    draft = env.with_name(f".{env.name}.{os.getpid()}")
    draft.mkdir()
    was = env.read_bytes()
    said = run("setup", *KNOWN)
    assert said.exit_code == 1
    assert "  TELEGRAM_CHAT_ID=1000\n" in said.stderr
    assert SANDBOX_TOKEN not in said.output
    assert env.read_bytes() == was


def test_the_token_is_asked_for_and_never_shown(telegram: StandIn, env: Path) -> None:
    """A whole life in a terminal: a wrong token, the right one, somebody who writes while it waits, and yes."""
    env.write_text("BONGSU_LANG=ko\n")
    ours, theirs = pty.openpty()
    program = subprocess.Popen(
        [sys.executable, "-m", "bongsu", "telegram", "setup"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown, read = b"", 0

    def until(words: str) -> None:
        """Reads on behind what was read before; what comes in one piece with it is not lost."""
        nonlocal shown, read
        while (found := shown.find(words.encode(), read)) < 0:
            assert select.select([ours], [], [], PATIENCE)[0], f"{words} is not shown: {shown.decode()}"
            shown += os.read(ours, 4096)
        read = found + len(words.encode())

    until("보이지 않습니다): ")
    os.write(ours, b"1:wrong-token\n")
    until("토큰을 거부했습니다(401)")
    until("보이지 않습니다): ")
    os.write(ours, f"{SANDBOX_TOKEN}\n".encode())
    until("t.me/bongsu_sandbox_bot")
    write_to_bot(telegram, "/start")
    until("[y/N] ")
    os.write(ours, "네\n".encode())
    until("bongsu doctor")
    assert program.wait(PATIENCE) == 0
    os.close(ours)
    for secret in ("wrong-token", SANDBOX_TOKEN):
        assert secret not in shown.decode()
    assert read_values(env.read_text()) == {
        "BONGSU_LANG": "ko",
        "TELEGRAM_ENABLED": "true",
        "TELEGRAM_BOT_TOKEN": SANDBOX_TOKEN,
        "TELEGRAM_CHAT_ID": "1000",
        "TELEGRAM_ALLOWED_USERS": "1000",
    }


def test_a_test_message_goes_where_the_settings_say(
    telegram: StandIn, env: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("setup", *KNOWN).exit_code == 0
    telegram.begin()
    sent = run("test")
    assert (sent.exit_code, "✅ 보냈습니다" in sent.stdout) == (0, True)
    assert [message.text.splitlines()[0] for message in telegram.received()] == ["🔔 시험 메시지"]
    telegram.break_with(kind="error_before", status=403)
    said = run("test")
    assert (said.exit_code, "텔레그램이 거부했습니다" in said.stderr) == (1, True)
    telegram.break_with(kind="down")
    said = run("test")
    assert (said.exit_code, "닿지 못했습니다" in said.stderr, SANDBOX_TOKEN in said.output) == (
        1,
        True,
        False,
    )

    env.write_text("TELEGRAM_ENABLED=false\n")
    telegram.begin()
    monkeypatch.delenv("TELEGRAM_API_URL")
    monkeypatch.setenv("EXCHANGE_URL", telegram.url)
    assert "bongsu inbox" in run("test").stdout
    assert len(telegram.received()) == 1
