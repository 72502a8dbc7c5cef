"""What stands against live trading, each thing by itself and all of them at once, before a stand-in of Upbit."""

import json
import os
import pty
import select
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from bongsu.errors import LiveRefused
from bongsu.ops.live import gate
from bongsu.ops.live.account import deliver, examine_account
from bongsu.ops.live.consent import PHRASES, is_given, keep_consent, read_consent
from bongsu.ops.patient import Finding
from bongsu.settings import Settings, Wiring
from ports import free_port
from stage import Stage, live_settings, open_stage

PATIENCE = 60  # seconds
WELL = {"key", "withdrawal", "expiry", "order", "markets", "clock", "telegram", "consent"}
NEEDED = (
    "UPBIT_ACCESS_KEY",
    "UPBIT_SECRET_KEY",
    "UPBIT_IP_ALLOWLIST_SET=true",
    "UPBIT_NO_WITHDRAW_RIGHT=true",
    "TELEGRAM_ENABLED=true",
    "bongsu live confirm",
)
TRADING = ["view_account", "view_orders", "make_orders"]


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Upbit and Telegram on this machine's time; no database."""
    with open_stage(tmp_path_factory.mktemp("upbit"), "", candles=None, speed="1", real_time=True) as stage:
        yield stage


@pytest.fixture
def upbit(stand_in: Stage) -> Stage:
    stand_in.disarm()
    stand_in.ask("/sandbox/key", method="DELETE")
    return stand_in


def chosen(upbit: Stage, **changes: Any) -> Settings:
    return Settings(_env_file=None, **(live_settings(upbit.exchange) | changes))  # type: ignore[call-arg]


async def examined(upbit: Stage, state: Path, **changes: Any) -> list[Finding]:
    return await examine_account(chosen(upbit, **changes), state)


def against(findings: list[Finding]) -> set[str]:
    return {finding.check for finding in gate.refusing(findings)}


async def test_an_owner_who_did_everything_may_begin(upbit: Stage, tmp_path: Path) -> None:
    assert against(await examined(upbit, tmp_path)) == {"live_consent"}
    keep_consent(tmp_path, chosen(upbit))
    findings = await examined(upbit, tmp_path)
    assert against(findings) == set()
    assert {f.check.removeprefix("live_") for f in findings} == WELL
    gate.refuse_unless_fit(findings)


async def test_while_banned_nothing_is_asked(upbit: Stage, tmp_path: Path) -> None:
    upbit.arm({"kind": "latency", "seconds": 0, "path": "/v1/*"})
    soon = datetime.now(UTC) + timedelta(hours=1)
    assert "live_key" in against(await examine_account(chosen(upbit), tmp_path, soon))
    assert upbit.ask("/sandbox/faults")[0]["seen"] == 0


async def test_whatever_is_missing_is_told_at_once_each_with_its_repair(upbit: Stage, tmp_path: Path) -> None:
    nothing = Settings(_env_file=None, bongsu_mode="live", upbit_api_url=upbit.exchange)  # type: ignore[call-arg]
    findings = await examine_account(nothing, tmp_path)
    with pytest.raises(LiveRefused) as refused:
        gate.refuse_unless_fit(findings)
    assert not refused.value.passing
    told = "\n".join(refused.value.refusals)
    assert [name for name in NEEDED if name not in told] == []
    assert len(refused.value.refusals) == 6
    assert all(" → " in line for line in refused.value.refusals)


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ({"rights": [*TRADING, "view_withdrawals"]}, "live_withdrawal"),
        ({"rights": ["view_account", "view_orders"]}, "live_order"),
        ({"rights": ["view_orders", "make_orders"]}, "live_key"),
        ({"address_allowed": False}, "live_address"),
        ({"expires_at": "2020-01-01T00:00:00+00:00"}, "live_key"),
    ],
    ids=["may see withdrawals", "may not order", "may not see balances", "from elsewhere", "expired"],
)
async def test_a_key_that_is_not_fit_is_refused(
    upbit: Stage, tmp_path: Path, key: dict[str, Any], found: str
) -> None:
    keep_consent(tmp_path, chosen(upbit))
    upbit.ask("/sandbox/key", {"rights": TRADING, **key}, "PUT")
    assert against(await examined(upbit, tmp_path)) == {found}


async def test_a_key_that_ends_soon_is_a_warning(upbit: Stage, tmp_path: Path) -> None:
    upbit.ask("/sandbox/key", {"expires_at": (datetime.now(UTC) + timedelta(days=10)).isoformat()}, "PUT")
    expiry = next(f for f in await examined(upbit, tmp_path) if f.check == "live_expiry")
    assert (expiry.state, "9일 남음" in expiry.detail) == ("warn", True)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"upbit_secret_key": "another-secret"}, {"live_key"}),
        ({"markets": "KRW-ETH,KRW-NOSUCH"}, {"live_markets"}),
        ({"telegram_enabled": False}, {"live_telegram"}),
        ({"upbit_access_key": "your_access_key"}, {"live_settings"}),
    ],
    ids=["wrong secret", "unlisted market", "no Telegram", "placeholder"],
)
async def test_a_setting_that_is_not_fit_is_refused(
    upbit: Stage, tmp_path: Path, changes: dict[str, Any], found: set[str]
) -> None:
    keep_consent(tmp_path, chosen(upbit, **changes))
    assert against(await examined(upbit, tmp_path, **changes)) == found


async def test_a_clock_that_is_wrong_refuses_and_may_be_over_by_itself(upbit: Stage, tmp_path: Path) -> None:
    keep_consent(tmp_path, chosen(upbit))
    upbit.arm({"kind": "clock_offset", "path": "/v1/*", "offset": -5})
    findings = await examined(upbit, tmp_path)
    assert against(findings) == {"live_clock"}
    with pytest.raises(LiveRefused) as refused:
        gate.refuse_unless_fit(findings)
    assert refused.value.passing


async def test_an_account_without_won_cannot_begin(upbit: Stage, tmp_path: Path) -> None:
    keep_consent(tmp_path, chosen(upbit))
    upbit.ask("/sandbox/account", {"currency": "KRW", "delta": "-1000000"})
    try:
        assert against(await examined(upbit, tmp_path)) == {"live_order"}
    finally:
        upbit.ask("/sandbox/account", {"currency": "KRW", "delta": "1000000"})


async def test_silence_refuses_for_now(upbit: Stage, tmp_path: Path) -> None:
    nobody = {"upbit_api_url": f"http://127.0.0.1:{free_port()}"}
    keep_consent(tmp_path, chosen(upbit))
    findings = await examined(upbit, tmp_path, **nobody)
    assert against(findings) == {"live_key", "live_clock"}
    with pytest.raises(LiveRefused) as refused:
        gate.refuse_unless_fit(findings)
    assert refused.value.passing


async def test_only_a_message_that_arrives_counts(upbit: Stage) -> None:
    wiring = Wiring(telegram_api_url=f"{upbit.exchange}/telegram")
    assert (await deliver(chosen(upbit), wiring, "🔎 점검")).state == "ok"
    assert [m["text"] for m in upbit.ask("/sandbox/inbox")][-1] == "🔎 점검"
    upbit.arm({"kind": "error_before", "path": "/telegram/*", "status": 403})
    assert (await deliver(chosen(upbit), wiring, "🔎 점검")).state == "fail"


async def test_the_owners_word_is_good_for_one_key(upbit: Stage, tmp_path: Path) -> None:
    kept = keep_consent(tmp_path, chosen(upbit))
    assert read_consent(tmp_path, chosen(upbit)) == kept
    assert read_consent(tmp_path, chosen(upbit, upbit_access_key="another-key")) is None
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert chosen(upbit).upbit_access_key.get_secret_value() not in file.read_text()  # type: ignore[union-attr]


def test_the_phrase_is_typed_as_it_stands() -> None:
    assert all(is_given(f" {phrase} ") for phrase in PHRASES)
    assert not any(map(is_given, ("", "네", "yes", "실거래", PHRASES[0] + "?")))


# -- the command line ---------------------------------------------------------------------------------------------


@pytest.fixture
def environment(upbit: Stage, tmp_path: Path) -> dict[str, str]:
    owner = live_settings(upbit.exchange)
    lines = [f"{name.upper()}={value}" for name, value in owner.items()]
    (tmp_path / ".env").write_text("\n".join(lines))
    return os.environ | {
        "BONGSU_ENV_FILE": str(tmp_path / ".env"),
        "BONGSU_STATE_DIR": str(tmp_path / "state"),
        "BONGSU_LOG_DIR": str(tmp_path / "logs"),
        "BONGSU_DATA_DIR": str(tmp_path / "data"),
        "TELEGRAM_API_URL": f"{upbit.exchange}/telegram",
        "BONGSU_LANG": "ko",
    }


def run(environment: dict[str, str], *words: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "bongsu", *words]
    ran = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return ran.returncode, ran.stdout + ran.stderr


def test_real_money_takes_setting_flag_and_word(environment: dict[str, str], tmp_path: Path) -> None:
    code, told = run(environment, "up")
    assert (code, "bongsu up --live" in told) == (78, True)
    code, told = run(environment | {"BONGSU_MODE": "sandbox"}, "up", "--live")
    assert (code, "BONGSU_MODE=live" in told) == (78, True)
    code, told = run(environment, "up", "--live")
    assert (code, told.count("❌"), "bongsu live confirm" in told) == (78, 1, True)
    assert not (tmp_path / "data" / "worlds").exists()
    code, told = run(environment, "live", "confirm")
    assert (code, "터미널에서만" in told) == (78, True)
    assert not (tmp_path / "state" / "live_consent.json").exists()


def test_the_word_is_typed_in_a_terminal(environment: dict[str, str], tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "bongsu", "live", "confirm"]
    program = subprocess.Popen(
        command, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    shown = b""
    while "라고 치세요: ".encode() not in shown:
        assert select.select([ours], [], [], PATIENCE)[0], shown.decode()
        shown += os.read(ours, 4096)
    os.write(ours, f"{PHRASES[0]}\n".encode())
    assert program.wait(PATIENCE) == 0
    os.close(ours)
    assert "100,000원까지" in shown.decode()
    kept = json.loads((tmp_path / "state" / "live_consent.json").read_text())
    assert datetime.fromisoformat(kept["at"]) > datetime.now(UTC) - timedelta(minutes=5)


def test_the_check_tells_the_owners_chat(environment: dict[str, str], upbit: Stage) -> None:
    code, told = run(environment, "live", "check")
    assert (code, "live_consent" in told) == (1, True)
    letter = upbit.ask("/sandbox/inbox?limit=1000")[-1]["text"]
    assert letter.startswith("🔎 실거래 시작 점검\n")
    assert "❌ 실거래를 시작한다는 확인이 없습니다" in letter
    assert httpx2.get(f"{upbit.exchange}/sandbox/state").json()["orders"] == []
