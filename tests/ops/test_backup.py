"""The ledger in a file and back: equal table by table on an empty server, and never half of it."""

import asyncio
import os
import shutil
import signal
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql
from typer.testing import CliRunner, Result

from bongsu.cli import app
from bongsu.core.tradingday import KST
from bongsu.errors import CannotStart
from bongsu.ledger.backups import Backup, BackupLog
from bongsu.ledger.migrate import newest_revision
from bongsu.ledger.projection import project
from bongsu.ops import backup as backups
from bongsu.ops.backup import Ledger, back_up, restore
from bongsu.ops.daily_backup import GRACE, LATE, DailyBackup, due_by, is_due
from bongsu.ops.stack.places import Places
from bongsu.ops.stack.postgres import Cluster, ensure_database
from conftest import PASSWORD
from postgres_keeper import start_server
from web.frozen import way_to
from web.story import live_a_day, open_books

AWKWARD = r"p@ss \:word"
Contents = dict[str, list[tuple[Any, ...]]]


@pytest.fixture
def lived(database_url: str) -> str:
    async def live() -> None:
        async with open_books(database_url) as books:
            await live_a_day(books)

    asyncio.run(live())
    return database_url


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BONGSU_STATE_DIR", str(tmp_path))
    return tmp_path / "backups"


@pytest.fixture
def empty_server(cluster: Cluster) -> Iterator[str]:
    server = start_server(cluster)
    ensure_database(cluster.superuser_url, user="trading_user", password=AWKWARD, database="trading_db")
    yield cluster.url("trading_user", AWKWARD, "trading_db")
    server.send_signal(signal.SIGQUIT)
    server.wait(timeout=60)


def ledger(url: str) -> Ledger:
    return Ledger(url, Places.from_environment().programs)


def contents(url: str) -> Contents:
    """Every row of every table, and where every identity stands."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
        ).fetchall()
        found: Contents = {
            name: connection.execute(
                sql.SQL("SELECT t::text FROM {} t ORDER BY 1").format(sql.Identifier(name))
            ).fetchall()
            for (name,) in tables
        }
        found["sequences"] = connection.execute(
            "SELECT sequencename, last_value FROM pg_sequences ORDER BY 1"
        ).fetchall()
        found["comments"] = connection.execute(
            "SELECT relname, obj_description(oid) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind = 'r' ORDER BY 1"
        ).fetchall()
        found["constraints"] = connection.execute(
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2"
        ).fetchall()
        found["indexes"] = connection.execute(
            "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"
        ).fetchall()
    return found


def typed(url: str, *words: str) -> Result:
    return CliRunner(env={"DATABASE_URL": url}).invoke(app, ["db", *words])


def test_an_empty_server_becomes_the_ledger_table_by_table(
    lived: str, place: Path, empty_server: str
) -> None:
    refused = typed(empty_server, "backup").exception
    assert isinstance(refused, CannotStart)
    assert "원장이 없는" in str(refused)
    away = typed(empty_server.replace("p%40ss", "wrong"), "backup").exception
    assert isinstance(away, CannotStart)
    assert "wrong" not in str(away)

    before = contents(lived)
    made = typed(lived, "backup")
    assert made.exit_code == 0, made.output
    file = Path(made.stdout.strip())
    assert (file.parent, stat.S_IMODE(file.stat().st_mode)) == (place, 0o600)
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert sorted(place.iterdir()) == [file]

    restored = typed(empty_server, "restore", str(file))
    assert restored.exit_code == 0, (restored.output, restored.exception)
    after = contents(empty_server)
    assert after == before
    assert after["alembic_version"] == [(f"({newest_revision()})",)]
    assert min(len(after[name]) for name in ("orders", "fills", "decisions", "events", "metric_counter")) > 1


async def test_a_full_ledger_is_replaced_only_when_told_and_kept(lived: str, place: Path) -> None:
    file = await back_up(ledger(lived), place, 14)
    with psycopg.connect(lived, autocommit=True) as connection:
        connection.execute("DELETE FROM fills")
        connection.execute("CREATE TABLE of_a_later_version (id int)")
    spoiled = contents(lived)
    with pytest.raises(CannotStart, match="--replace"):
        await restore(ledger(lived), file, place, replace=False)
    assert contents(lived) == spoiled

    copy = await restore(ledger(lived), file, place / "before", replace=True)
    assert copy is not None
    good = contents(lived)
    assert good["fills"] != []
    assert "of_a_later_version" not in good
    await restore(ledger(lived), copy, place / "again", replace=True)
    assert contents(lived) == spoiled


async def test_not_beside_a_bot_that_runs(lived: str, place: Path) -> None:
    file = await back_up(ledger(lived), place, 14)
    before = contents(lived)
    with (
        psycopg.connect(lived, application_name="bongsu-scheduler"),
        pytest.raises(CannotStart, match="bongsu-scheduler"),
    ):
        await restore(ledger(lived), file, place, replace=True)
    assert contents(lived) == before


@pytest.mark.parametrize("spoil", ["head", "tail", "empty", "text", "absent"])
async def test_what_is_no_whole_backup_touches_nothing(lived: str, place: Path, spoil: str) -> None:
    file = await back_up(ledger(lived), place, 14)
    whole = file.read_bytes()
    file.write_bytes(
        {"head": whole[:200], "tail": whole[:-20], "empty": b"", "text": b"SELECT 1;"}.get(spoil, b"")
    )
    if spoil == "absent":
        file.unlink()
    before = contents(lived)
    with pytest.raises(CannotStart):
        await restore(ledger(lived), file, place, replace=True)
    assert contents(lived) == before


async def test_a_restore_that_fails_in_the_middle_has_changed_nothing(lived: str, place: Path) -> None:
    file = await back_up(ledger(lived), place, 14)
    with psycopg.connect(lived, autocommit=True) as connection:
        connection.execute("DROP TABLE mutes")
        connection.execute("CREATE VIEW mutes AS SELECT 1")  # in the way of the table
    before = contents(lived)
    with pytest.raises(CannotStart, match="mutes"):
        await restore(ledger(lived), file, place / "before", replace=True)
    assert contents(lived) == before
    (copy,) = (place / "before").iterdir()
    assert copy.suffix == ".dump"


async def test_old_ones_go_when_a_new_one_is_there_and_others_stay(lived: str, place: Path) -> None:
    place.mkdir()
    old, young, foreign, draft = (
        place / name
        for name in (
            "bongsu-world_1-20240101-043000.dump",
            "bongsu-world_1-20240102-043000.dump",
            "bongsu-world_2-20240101-043000.dump",
            ".bongsu-world_1-20240101-043000.dump.part",
        )
    )
    for file in (old, young, foreign, draft):
        file.write_bytes(b"x")
    aged = datetime.now(KST) - timedelta(days=15)
    for file in (old, foreign):
        os.utime(file, (aged.timestamp(), aged.timestamp()))
    made = await back_up(ledger(lived), place, 14)
    assert sorted(place.iterdir()) == sorted((young, foreign, made))


async def test_without_room_nothing_is_written_and_nothing_removed(
    lived: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backups, "_MARGIN", shutil.disk_usage(place.parent).total)
    with pytest.raises(CannotStart, match="MB 가 있어야"):
        await back_up(ledger(lived), place, 14)
    assert list(place.iterdir()) == []


async def test_its_password_stands_in_a_private_file_only_and_for_that_while(lived: str, place: Path) -> None:
    """Seen in the real pg_dump while it waits for a table."""
    with psycopg.connect(lived, autocommit=True) as watching, psycopg.connect(lived) as holding:
        holding.execute("LOCK TABLE fills")
        making = asyncio.create_task(back_up(ledger(lived), place, 14))
        waiting = (
            "SELECT FROM pg_stat_activity WHERE application_name = 'pg_dump' AND wait_event_type = 'Lock'"
        )
        async with asyncio.timeout(60):
            while watching.execute(waiting).fetchone() is None:  # noqa: ASYNC110 - another program's
                await asyncio.sleep(0.01)
        (process,) = [p for p in Path("/proc").glob("[0-9]*") if str(place) in read(p / "cmdline")]
        (passfile,) = place.glob("*.pass")
        assert stat.S_IMODE(passfile.stat().st_mode) == 0o600
        assert passfile.read_text() == f"*:*:*:*:{PASSWORD}\n"
        assert PASSWORD not in read(process / "environ") + read(process / "cmdline")
        holding.rollback()
        made = await making
    assert list(place.iterdir()) == [made]


def read(file: Path) -> str:
    """Of /proc; nothing of a process that has gone."""
    with suppress(OSError):
        return file.read_text(errors="replace")
    return ""


async def test_each_day_one_and_a_failure_is_told_once(database_url: str, place: Path) -> None:
    """Made again where its file is gone; one of another world in the same folder is no backup of this one."""
    tries: list[int] = []
    made: list[Path] = []
    due: list[datetime] = []

    async def make() -> Path:
        tries.append(1)
        if len(tries) < 3:
            raise CannotStart("no room")
        made.append(
            (await back_up(ledger(database_url), place, 14)).replace(place / f"bongsu-{len(tries)}.dump")
        )
        return made[-1]

    place.mkdir()
    (place / "bongsu-another_world-20991231-043000.dump").write_bytes(b"x")
    began = datetime.now(KST)
    async with open_books(database_url) as books:
        daily = DailyBackup(
            make, books.ledger, BackupLog(books.database), due.append, every=0.001, pause=timedelta(0)
        )
        running = asyncio.create_task(daily.run())
        await looked_until(lambda: len(made) == 1 and due[-1] > began + GRACE + LATE, due)
        made[0].unlink()
        await looked_until(lambda: len(made) == 2, due)
        await looked_until(lambda: len(due) > 0, due)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert len(tries) == 4, "each day one"
        last = await BackupLog(books.database).last()
        assert last is not None
        assert (last.file, last.size_bytes) == (str(made[1]), made[1].stat().st_size)
        shown = {one.name: float(one.value) for one in await project(books.database, lease_seconds=10.0)}
        assert shown["backup_last_success_timestamp_seconds"] == pytest.approx(last.made_at.timestamp())
        assert shown["backup_size_bytes"] == last.size_bytes
    assert began + GRACE <= due[0] < began + GRACE + timedelta(minutes=1), "a new world has half an hour"
    with psycopg.connect(database_url) as connection:
        told = connection.execute("SELECT message FROM events WHERE message LIKE 'BackupFailed%'").fetchall()
        messages = connection.execute("SELECT count(*) FROM notifications WHERE text LIKE '%BackupFailed%'")
        assert (told, messages.fetchone()) == ([("BackupFailed: no room",)], (1,))
        counted = connection.execute(
            "SELECT labels->>'outcome', value::int FROM metric_counter WHERE name = 'backup_runs_total'"
        )
        assert dict(counted.fetchall()) == {"success": 2, "failure": 2}


async def looked_until(condition: Callable[[], bool], due: list[datetime]) -> None:
    """And a look more: what it came to is noted at its end."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - by another task
            await asyncio.sleep(0.005)
        looks = len(due)
        while len(due) == looks:  # noqa: ASYNC110 - by another task
            await asyncio.sleep(0.005)


async def test_after_a_failure_it_waits_and_without_the_database_nothing_fails(
    database_url: str, place: Path
) -> None:
    tries: list[int] = []
    due: list[datetime] = []

    async def make() -> Path:
        tries.append(1)
        raise CannotStart("no room")

    async with way_to(database_url) as way, open_books(way.url) as books:
        way.cut()
        log = CountedLog(books.database)
        running = asyncio.create_task(DailyBackup(make, books.ledger, log, due.append, every=0.001).run())
        async with asyncio.timeout(60):
            while log.looks < 2:  # noqa: ASYNC110 - by another task
                await asyncio.sleep(0.005)
        assert (tries, len(due)) == ([], 1)
        way.mend()
        await looked_until(lambda: len(due) > 3, due)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert tries == [1]


class CountedLog(BackupLog):
    looks = 0

    async def last(self) -> Backup | None:
        self.looks += 1
        return await super().last()


def test_half_past_four_in_korea_begins_the_day() -> None:
    morning = datetime(2026, 11, 24, 4, 30, tzinfo=KST)
    second = timedelta(seconds=1)
    assert is_due(None, morning)
    assert not is_due(morning - timedelta(hours=24), morning - second)
    assert is_due(morning - second, morning)
    assert not is_due(morning, morning + timedelta(hours=23))


moments = st.integers(0, 10 * 86_400).map(lambda s: datetime(2026, 11, 20, tzinfo=KST) + timedelta(seconds=s))


@given(moments, st.none() | moments, st.integers(0, 80_000))
def test_the_time_limit_comes_after_the_slot_and_never_for_one_that_is_not_due(
    began: datetime, last: datetime | None, later: int
) -> None:
    until = due_by(last, began)
    assert until >= began + GRACE
    if last is not None and until > began + GRACE:
        assert not is_due(last, until - LATE - timedelta(seconds=1))
        assert is_due(last, until - LATE)
    now = max(began, last or began) + timedelta(seconds=later)
    if now > until:
        assert is_due(last, now), "an alarm only where a backup is due"
