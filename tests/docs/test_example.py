"""`.env.example` is what the settings say, and starts as it is."""

import os
import re
import shutil
from pathlib import Path

import pytest

from bongsu.errors import SettingsInvalid
from bongsu.ops.example import render_example
from bongsu.settings import Settings, describe, load_settings

EXAMPLE = Path(__file__).parents[2] / ".env.example"


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the example, and none of the settings in the environment."""
    for name in describe():
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)
    return Path(shutil.copy(EXAMPLE, tmp_path / ".env"))


def test_it_is_up_to_date() -> None:
    assert EXAMPLE.read_text(encoding="utf-8") == render_example(), (
        "python -m bongsu.ops.example > .env.example"
    )


def test_every_setting_stands_there_once() -> None:
    names = re.findall(r"^([A-Z_]+)=", render_example(), re.MULTILINE)
    assert names == list(describe())


def test_a_plain_copy_means_the_defaults(env_file: Path) -> None:
    placeholders = {"telegram_bot_token", "telegram_chat_id", "sentry_dsn"}
    copied = load_settings(env_file).model_dump(exclude=placeholders)
    assert copied == Settings().model_dump(exclude=placeholders)


@pytest.mark.parametrize(
    ("switch", "named"),
    [
        ("TELEGRAM_ENABLED", ["TELEGRAM_BOT_TOKEN", "TELEGRAM_CHAT_ID"]),
        ("SENTRY_ENABLED", ["SENTRY_DSN"]),
    ],
)
def test_a_placeholder_that_is_switched_on_is_refused_by_name(
    env_file: Path, switch: str, named: list[str]
) -> None:
    text = env_file.read_text(encoding="utf-8").replace(f"{switch}=false", f"{switch}=true")
    env_file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsInvalid) as refused:
        load_settings(env_file)
    assert [fault.split(":")[0] for fault in refused.value.faults] == named


def test_the_lines_can_be_sourced_by_a_shell(env_file: Path) -> None:
    values = [
        line.partition("=")[2] for line in env_file.read_text().splitlines() if re.match("[A-Z_]+=", line)
    ]
    assert all(not set(value) & set(" $`\"'\\;&|<>()") for value in values), os.linesep.join(values)
