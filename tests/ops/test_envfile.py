"""The owner's `.env` after a change: what was asked for counts, everything else reads and looks as before."""

import io
import stat
import subprocess
from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from bongsu.ops.envfile import change, read_values, save

ROOT = Path(__file__).resolve().parents[2]
NEW = {"TELEGRAM_CHAT_ID": "1000", "TELEGRAM_ALLOWED_USERS": "1000,7"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "TELEGRAM_CHAT_ID=5\n"),
        ("A=1", "A=1\nTELEGRAM_CHAT_ID=5\n"),
        ("# 채팅\nTELEGRAM_CHAT_ID=your_chat_id_here\nB=2\n", "# 채팅\nTELEGRAM_CHAT_ID=5\nB=2\n"),
        ("TELEGRAM_CHAT_ID=1 # mine\n", "TELEGRAM_CHAT_ID=5 # mine\n"),
        ("TELEGRAM_CHAT_ID=1#not\n", "TELEGRAM_CHAT_ID=5\n"),
        ("TELEGRAM_CHAT_ID='1 # 2' # mine\n", "TELEGRAM_CHAT_ID=5 # mine\n"),
        ('\n\n export TELEGRAM_CHAT_ID = "1"\r\nB=2\r\n', "\n\n export TELEGRAM_CHAT_ID = 5\r\nB=2\r\n"),
        ("A=1\r\n", "A=1\r\nTELEGRAM_CHAT_ID=5\r\n"),
        ("TELEGRAM_CHAT_ID=1\nTELEGRAM_CHAT_ID=2\n", "TELEGRAM_CHAT_ID=1\nTELEGRAM_CHAT_ID=5\n"),
        ("telegram_chat_id=1\n", "telegram_chat_id=5\n"),
        ("TELEGRAM_CHAT_ID\n", "TELEGRAM_CHAT_ID=5\n"),
        ("TELEGRAM_CHAT_ID=\nB=2", "TELEGRAM_CHAT_ID=5\nB=2"),
        ("# TELEGRAM_CHAT_ID=1\n", "# TELEGRAM_CHAT_ID=1\nTELEGRAM_CHAT_ID=5\n"),
        ('N="a\nTELEGRAM_CHAT_ID=1"\n', 'N="a\nTELEGRAM_CHAT_ID=1"\nTELEGRAM_CHAT_ID=5\n'),
        ("이건 설정이 아님\nTELEGRAM_CHAT_ID=1\n", "이건 설정이 아님\nTELEGRAM_CHAT_ID=5\n"),
    ],
)  # fmt: skip
def test_one_value_takes_the_place_of_the_one_that_counts(before: str, after: str) -> None:
    assert change(before, {"TELEGRAM_CHAT_ID": "5"}) == after
    assert read_values(after)["TELEGRAM_CHAT_ID"] == "5"


LINES = st.one_of(
    st.text("ab #='\"\\\n\r\tTELEGRAM_CHAT_ID$", max_size=30),
    st.sampled_from(
        ["TELEGRAM_CHAT_ID=1 # a\n", "export B='x y'\n", "# c\r\n", "TELEGRAM_ALLOWED_USERS=\n", "C\n"]
    ),
)


@given(st.lists(LINES, max_size=6).map("".join))
def test_whatever_stands_there_the_rest_is_kept(text: str) -> None:
    changed = change(text, NEW)
    found = dotenv_values(stream=io.StringIO(changed), interpolate=False)
    values = {name.upper(): value for name, value in found.items()}
    assert {name: values[name] for name in NEW} == NEW
    before = dotenv_values(stream=io.StringIO(text), interpolate=False)
    kept = {name: value for name, value in before.items() if name.upper() not in NEW}
    assert {name: found.get(name, "gone") for name in kept} == kept
    assert change(changed, NEW) == changed


def test_the_shipped_example_changes_in_four_lines_only() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    changed = change(text, {**NEW, "TELEGRAM_ENABLED": "true", "TELEGRAM_BOT_TOKEN": "1:x"})
    pairs = zip(text.splitlines(), changed.splitlines(), strict=True)
    assert [new for old, new in pairs if old != new] == [
        "TELEGRAM_ENABLED=true",
        "TELEGRAM_BOT_TOKEN=1:x",
        "TELEGRAM_CHAT_ID=1000",
        "TELEGRAM_ALLOWED_USERS=1000,7",
    ]


@pytest.mark.parametrize(("mode", "then"), [(0o644, 0o600), (0o600, 0o600), (0o640, 0o640), (0o660, 0o660)])
def test_the_file_is_closed_to_others_and_so_is_its_backup(tmp_path: Path, mode: int, then: int) -> None:
    path = tmp_path / ".env"
    path.write_text("TELEGRAM_BOT_TOKEN=old\n")
    path.chmod(mode)
    saved = save(path, NEW)
    assert saved.backup is not None
    assert saved.backup.read_text() == "TELEGRAM_BOT_TOKEN=old\n"
    assert [stat.S_IMODE(file.stat().st_mode) for file in (path, saved.backup)] == [then, then]
    assert saved.narrowed == (mode == 0o644)
    assert sorted(file.name for file in tmp_path.iterdir()) == [".env", ".env.bak"]
    assert save(path, NEW).backup is None, "nothing had to be changed"


def test_a_new_file_is_closed_and_a_link_stays_one(tmp_path: Path) -> None:
    link = tmp_path / ".env"
    link.symlink_to(tmp_path / "kept")
    assert save(link, NEW).backup is None
    assert link.is_symlink()
    assert stat.S_IMODE((tmp_path / "kept").stat().st_mode) == 0o600
    assert read_values((tmp_path / "kept").read_text()) == NEW


def test_what_cannot_be_written_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes(b"A=\xff\n")
    with pytest.raises(UnicodeDecodeError):
        save(path, NEW)
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [(".env", b"A=\xff\n")]


@pytest.mark.parametrize("name", [".env", ".env.bak"])
def test_git_holds_neither_the_file_nor_its_backup(name: str) -> None:
    assert subprocess.run(["git", "check-ignore", "-q", name], cwd=ROOT, check=False).returncode == 0
