"""What a command line wants done once, over the same parts as the running processes."""

import asyncio
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from bongsu.app import Trading, backed_up, open_trading
from bongsu.core.facts import CapLifted, ControlKind, JobName, JobSucceeded, MaintenanceAnnounced
from bongsu.core.report import Span
from bongsu.errors import CannotStart, ExchangeError
from bongsu.ledger.database import Database
from bongsu.ledger.migrate import bring_up_to_date
from bongsu.ledger.opening import database_url, open_database, open_ledger
from bongsu.ledger.reading import Reading
from bongsu.ledger.voice import Voice
from bongsu.ops.language import say, speak
from bongsu.ops.logging import configure_logging
from bongsu.ops.sentry import report_to_sentry
from bongsu.place import find_place, open_exchange, when_there
from bongsu.sending import open_messenger
from bongsu.settings import TELEGRAM_API, Wiring, load_settings
from bongsu.trading.controls import how_it_went
from bongsu.trading.jobs import Runner
from bongsu.trading.reconcile import Comparison
from bongsu.trading.scheduler import keep

if TYPE_CHECKING:
    from bongsu.ops.telegram_setup import Wanted


async def run_trade() -> tuple[bool, str]:
    """One cycle by hand: under the lease when nobody leads, else by the process that does.

    Answers whether it went well, and how.
    """
    settings, wiring = load_settings(), Wiring()
    configure_logging("trade", settings.secrets())
    report_to_sentry(settings, "trade")
    async with open_trading(settings, wiring, process="trade") as trading:
        if not await trading.lease.take():
            return await _ask_the_leader(trading)
        keeping = asyncio.create_task(keep(trading.lease, settings.lease_seconds))
        try:
            job = next(job for job in trading.jobs if job.name is JobName.TRADING)
            await trading.ledger.register_job(job.name, job.interval.total_seconds(), job.deadline)
            slot = job.slot(trading.clock.now(), trading.clock.state)
            end = await Runner(trading.ledger, trading.opening).run(job, slot, requested_by=uuid4())
        finally:
            keeping.cancel()
            await trading.lease.release()
        return isinstance(end, JobSucceeded), how_it_went(end)


async def compare_with_exchange(*, explain: bool, as_json: bool) -> int:
    """Beside whatever runs; changes nothing. Raises CannotStart and LedgerUnavailable."""
    from bongsu.ops import reconcile

    settings, wiring = load_settings(), Wiring()
    speak(settings.bongsu_lang)
    async with open_database(settings) as database:
        ledger, place = open_ledger(settings, database), await find_place(settings, wiring)
        try:
            async with open_exchange(settings, place) as exchange:
                comparison = Comparison(exchange, ledger, place.clock)
                found = await reconcile.find(comparison, ledger, Reading(database))
        except ExchangeError as away:
            raise CannotStart(f"거래소에 물을 수 없습니다 (the exchange cannot be asked): {away}") from away
        finally:
            await place.clock.close()
    print(reconcile.as_json(found) if as_json else reconcile.tell(found, explain=explain))
    return found.code


async def _ask_the_leader(trading: Trading) -> tuple[bool, str]:
    control = await trading.ledger.request_control(
        ControlKind.RUN_NOW, {}, who="bongsu trade", why="one cycle by hand"
    )
    source = Reading(trading.database)
    while True:
        async with source.look() as view:
            row = await view.one("control", id=control)
        if row is not None and row["state"] != "pending":
            return row["state"] == "done", f"scheduler: {row['result']}"
        await asyncio.sleep(0.2)


async def list_messages(state: str | None, last: int, *, as_json: bool) -> int:
    """Raises CannotStart and LedgerUnavailable."""
    from bongsu.ops import outbox

    async with open_database(load_settings()) as database:
        return await outbox.list_messages(Reading(database), state=state, last=last, as_json=as_json)


async def show_message(number: int, *, as_json: bool) -> int:
    """1 when there is none. Raises CannotStart and LedgerUnavailable."""
    from bongsu.ops import outbox

    async with open_database(load_settings()) as database:
        return await outbox.show_message(Reading(database), number, as_json=as_json)


async def resend(numbers: list[int]) -> int:
    """No numbers: all that were given up. Raises CannotStart and LedgerUnavailable."""
    from bongsu.ops import outbox
    from bongsu.ops.wishes import who_asks

    settings = load_settings()
    async with open_database(settings) as database:
        ledger = open_ledger(settings, database)
        return await outbox.resend(Reading(database), ledger, numbers, who_asks())


async def test_channels() -> int:
    """1 when one of them does not take it, or there is none."""
    from bongsu.sending import send_test_messages

    return await send_test_messages(load_settings())


def check_live() -> int:
    """Prints every finding, and tells the owner by Telegram. 1 when something stands against live trading."""
    from bongsu.ops.live.desk import show_check

    settings, wiring = load_settings(), Wiring()
    speak(settings.bongsu_lang)
    return show_check(settings, wiring)


def confirm_live() -> str:
    """What to say of it. Raises LiveRefused."""
    from bongsu.ops.live.desk import confirm

    settings, wiring = load_settings(), Wiring()
    speak(settings.bongsu_lang)
    return confirm(settings, wiring.bongsu_state_dir)


async def lift_live_cap(who: str) -> tuple[bool, str]:
    """Whether it is lifted now, and what to say. Raises CannotStart and LedgerUnavailable."""
    from bongsu.ops.live.desk import LIFTED, NO_CAP, agree_to_lift
    from bongsu.ops.wishes import who_asks

    settings = load_settings()
    speak(settings.bongsu_lang)
    if refusal := agree_to_lift():
        return False, refusal
    async with open_database(settings) as database:
        lifted = await open_ledger(settings, database).record(CapLifted(who or who_asks()))
    return lifted, say(*(LIFTED if lifted else NO_CAP))


async def announce_maintenance(minutes: int) -> None:
    """0 ends it. Raises CannotStart and LedgerUnavailable."""
    settings = load_settings()
    async with open_database(settings) as database:
        await open_ledger(settings, database).record(MaintenanceAnnounced(minutes, "bongsu maintenance"))


async def show_report(span: Span, day: date | None, *, as_json: bool) -> int:
    """1 when there is none. Raises CannotStart and LedgerUnavailable."""
    from bongsu.ops.report import print_report

    settings = load_settings()
    database = Database(database_url(settings, Wiring()), process="cli")
    return await print_report(database, settings, span, day, as_json=as_json)


async def export_trades(first: date, last: date, target: Path | None) -> int:
    """Raises CannotStart and LedgerUnavailable."""
    from bongsu.ops.trades import export

    settings = load_settings()
    speak(settings.bongsu_lang)
    async with open_database(settings) as database:
        return await export(database, first, last, target)


async def set_telegram_up(wanted: "Wanted") -> None:
    """Needs no settings that are well: it is often what makes them so. Raises NotSetUp."""
    from bongsu.adapters.telegram.chat import TelegramChat
    from bongsu.ops.telegram_setup import read_known, set_up

    url = Wiring().telegram_api_url or TELEGRAM_API
    await set_up(wanted, lambda token: TelegramChat(url, token), read_known(wanted.env))


async def send_test_message() -> str:
    """To where messages go as the settings are. Answers what to say. Raises NotDelivered."""
    from bongsu.ops.telegram_texts import arrived, greeting

    settings = load_settings()
    speak(settings.bongsu_lang)
    messenger = open_messenger(settings, Wiring())
    try:
        number = await messenger.send(greeting(Voice(settings.bongsu_lang, settings.bongsu_mode)), "test")
    finally:
        await messenger.close()
    return arrived(number, really=settings.telegram_enabled)


async def upgrade_database() -> None:
    """Raises CannotStart."""
    url = database_url(load_settings(), Wiring())
    await when_there("PostgreSQL", lambda: bring_up_to_date(url))


async def back_ledger_up(folder: Path | None) -> Path:
    """Beside whatever runs. Raises CannotStart."""
    from bongsu.ops.backup import back_up

    settings, wiring = load_settings(), Wiring()
    speak(settings.bongsu_lang)
    return await back_up(backed_up(settings, wiring), folder or wiring.backups, settings.backup_keep_days)


async def restore_ledger(file: Path, *, replace: bool) -> str:
    """What to say of it. Raises CannotStart; then the ledger is as it was, or the message says where it is."""
    from bongsu.ops.backup import restore

    settings, wiring = load_settings(), Wiring()
    speak(settings.bongsu_lang)
    copy = await restore(backed_up(settings, wiring), file, wiring.backups, replace=replace)
    before = f" (이전 원장 | the one before: {copy})" if copy else ""
    await upgrade_database()
    return say(f"복원했습니다{before}", f"restored{before}")
