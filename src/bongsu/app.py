"""The composition root: settings in, running processes out. The only file that names every concrete class."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from prometheus_client import start_http_server

import bongsu
from bongsu.adapters.clock import SandboxClock, WallClock
from bongsu.adapters.prometheus import count_alert_rules, look_at_alarm_servers, read_waits
from bongsu.adapters.upbit.client import UpbitExchange
from bongsu.advising import canary_of, choose_advisor
from bongsu.core.decision import ValidationRules
from bongsu.core.facts import JobName, LiveStarted
from bongsu.core.market import Market
from bongsu.core.start_check import Start
from bongsu.ledger.backups import BackupLog
from bongsu.ledger.ban_log import BanLog
from bongsu.ledger.database import Database
from bongsu.ledger.leases import Lease
from bongsu.ledger.migrate import bring_up_to_date
from bongsu.ledger.opening import database_url, open_ledger
from bongsu.ledger.reading import Reading
from bongsu.ledger.start_log import StartLog
from bongsu.ledger.store import Ledger
from bongsu.ledger.voice import Voice
from bongsu.ledger.watchdog import WatchdogLog
from bongsu.metric import Owner
from bongsu.monitoring.telemetry import Telemetry
from bongsu.ops import backup
from bongsu.ops.daily_backup import DailyBackup
from bongsu.ops.logging import configure_logging
from bongsu.ops.sentry import report_to_sentry
from bongsu.ops.stack.places import CHECKOUT, Places
from bongsu.place import find_place, open_exchange, when_there
from bongsu.sending import look_at_second, open_senders, telegram_account
from bongsu.settings import (
    Settings,
    Wiring,
    account_of,
    load_settings,
)
from bongsu.trading.bans import Bans
from bongsu.trading.blindness import MonitoringWatch, blindness_of
from bongsu.trading.cycle import TradingCycle
from bongsu.trading.daily_report import DailyReport
from bongsu.trading.desk import Desk
from bongsu.trading.examination import Examination
from bongsu.trading.execution import Execution
from bongsu.trading.hints import Hints
from bongsu.trading.jobs import Job
from bongsu.trading.key_watch import KeyWatch
from bongsu.trading.listing import Listing
from bongsu.trading.opening import Opening, note_address
from bongsu.trading.ports import Advisor, Blindness
from bongsu.trading.protect import Protection
from bongsu.trading.ranges import TrueRanges
from bongsu.trading.reconcile import Reconciliation
from bongsu.trading.scheduler import Scheduler
from bongsu.trading.timetable import timetable
from bongsu.trading.universe import Universe, universe_of
from bongsu.trading.valuation import Valuation
from bongsu.trading.view import MarketView

_log = logging.getLogger(__name__)

T = TypeVar("T")

RULES_EVERY = 15.0  # wall seconds between two questions for the loaded alert rules
FIRST_WORDS = 10.0  # seconds to become the one that sends, before anything is told
LAST_WORDS = 2.0  # wall seconds for the last messages of a process that stops


async def run_scheduler(
    settings: Settings | None = None, wiring: Wiring | None = None, advisor: Advisor | None = None
) -> None:
    """Until SIGTERM or SIGINT. Raises SettingsInvalid and CannotStart."""
    settings, wiring = settings or load_settings(), wiring or Wiring()
    configure_logging("scheduler", settings.secrets())
    report_to_sentry(settings, "scheduler")
    async with (
        open_trading(settings, wiring, process="scheduler", advisor=advisor) as trading,
        open_senders(
            settings, wiring, trading.database, instance_name("scheduler"), preempts=True
        ) as senders,
    ):
        sending: list[asyncio.Task[None]] = []

        async def begin_sending() -> None:
            if not sending:
                sending.extend(asyncio.create_task(sender.run()) for sender in senders.all)
                for task in sending:
                    task.add_done_callback(lambda _: scheduler.stopping.set())  # silent is as good as dead
                await senders.telegram.leads_within(FIRST_WORDS)  # else the backend would tell of our start

        scheduler = _schedule(trading, wiring.prometheus_url, begin_sending)
        _stop_on_signal(scheduler.stopping)
        server, _ = start_http_server(
            wiring.port(8001), wiring.bind_host, trading.telemetry.instruments.registry
        )
        try:
            await scheduler.run()
            for task in sending:
                if task.done():
                    task.result()
            await senders.telegram.drain(LAST_WORDS)
        finally:
            for task in sending:
                task.cancel()
            await asyncio.gather(*sending, return_exceptions=True)
            server.shutdown()


def _schedule(trading: "Trading", prometheus_url: str, on_lead: Callable[[], Awaitable[None]]) -> Scheduler:
    def observe_lag(seconds: float) -> None:
        trading.telemetry.instruments.observe("scheduler_event_loop_lag_seconds", seconds)
        trading.telemetry.note_connections()
        for group, left in trading.exchange.requests_left.items():
            trading.telemetry.instruments.set("exchange_rate_limit_remaining", left, group=group)

    return Scheduler(
        ledger=trading.ledger,
        lease=trading.lease,
        clock=trading.clock,
        jobs=trading.jobs,
        protection=trading.protection,
        instance=instance_name("scheduler"),
        version=bongsu.__version__,
        lease_seconds=trading.settings.lease_seconds,
        retention_days=trading.settings.retention_days,
        observe_lag=observe_lag,
        opening=trading.opening,
        listing=trading.listing,
        hints=trading.hints,
        examination=_examination(trading, prometheus_url),
        on_lead=on_lead,
    )


def _examination(trading: "Trading", prometheus_url: str) -> Examination:
    settings = trading.settings
    return Examination(
        ledger=trading.ledger,
        clock=trading.clock,
        jobs=trading.jobs,
        seen=StartLog(trading.database, trading.lease).look,
        signs=lambda: trading.exchange.signs,
        second=partial(look_at_second, settings),
        alarms=partial(look_at_alarm_servers, prometheus_url),
        start=Start(
            settings.bongsu_mode,
            () if settings.market_scanner else trading.markets,
            not settings.telegram_enabled,
            expected_rules(),
        ),
    )


def _stop_on_signal(stopping: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopping.set)


@dataclass(frozen=True, slots=True)
class Trading:
    """A process's way to trade, connected."""

    settings: Settings
    database: Database
    ledger: Ledger
    lease: Lease
    clock: SandboxClock | WallClock
    exchange: UpbitExchange
    opening: Opening
    listing: Listing
    hints: Hints
    protection: Protection
    markets: tuple[Market, ...]
    jobs: tuple[Job, ...]
    telemetry: Telemetry


@contextlib.asynccontextmanager
async def open_trading(
    settings: Settings, wiring: Wiring, *, process: str, advisor: Advisor | None = None
) -> AsyncIterator[Trading]:
    """`advisor` in the place of the configured one. Raises CannotStart when database or exchange do not appear."""
    url = database_url(settings, wiring)
    await when_there("PostgreSQL", lambda: bring_up_to_date(url))
    async with contextlib.AsyncExitStack() as stack:
        place = await find_place(settings, wiring)
        clock, markets = place.clock, place.markets
        stack.push_async_callback(clock.close)
        database = Database(url, process=process)
        telemetry = Telemetry(
            Owner.SCHEDULER,
            config_hash=settings.config_hash,
            mode=settings.bongsu_mode,
            connections=lambda: database.connections,
            answers=lambda: database.answers,
        )
        database.observe = telemetry.transaction_ended
        await database.open()
        stack.push_async_callback(database.close)
        lease = Lease(database, "scheduler", instance_name(process), settings.lease_seconds)
        ledger = open_ledger(settings, database, lease, wiring.pulse_file)
        await when_there(
            "PostgreSQL",
            lambda: ledger.prepare(place.world, settings.bongsu_mode, markets, settings.model_names),
        )
        ban_log = BanLog(database)
        silent_until = await ban_log.silent_until()
        if settings.is_live:
            await _require_fit(settings, wiring, ledger, silent_until)
        bans = Bans(ban_log.write)
        stack.push_async_callback(bans.close)
        exchange = await stack.enter_async_context(open_exchange(settings, place, telemetry, bans.remember))
        if silent_until is not None:
            exchange.keep_silent(silent_until)
        key = KeyWatch(exchange.key_ends_at)
        if settings.is_live:
            looking = asyncio.create_task(key.keep_looking())
            stack.callback(looking.cancel)
        opening = Opening(
            lambda: replace(exchange.signs, key_ends_at=key.ends_at),
            lambda: exchange.probe(markets[0]),
            partial(note_address, ledger),
        )
        universe = universe_of(settings.scan_rules, markets, exchange, ledger, clock)
        listing = Listing(exchange, ledger, universe.known, lambda: opening.closed)
        hints = Hints(settings.risk_limits, clock, partial(exchange.streams, markets))
        blind = await stack.enter_async_context(_watching(settings, database, opening, listing))
        protection, jobs = _compose(
            settings,
            ledger,
            clock,
            exchange,
            telemetry,
            listing,
            hints,
            universe,
            account_of(settings.bongsu_mode, place.world),
            advisor,
            blind,
        )
        yield Trading(
            settings,
            database,
            ledger,
            lease,
            clock,
            exchange,
            opening,
            listing,
            hints,
            protection,
            markets,
            jobs,
            telemetry,
        )


def _compose(
    settings: Settings,
    ledger: Ledger,
    clock: SandboxClock | WallClock,
    exchange: UpbitExchange,
    telemetry: Telemetry,
    listing: Listing,
    hints: Hints,
    universe: Universe,
    account: str,
    advisor: Advisor | None,
    blind: Blindness,
) -> tuple[Protection, tuple[Job, ...]]:
    limits = settings.risk_limits
    rules = ValidationRules(
        min_buy_confidence=settings.min_buy_confidence,
        max_size=limits.buy_fraction,
        canary=canary_of(account),
    )
    observe = telemetry.instruments.observe
    execution = Execution(
        exchange,
        ledger,
        clock,
        account=account,
        patience=settings.unknown_patience_seconds,
        blind=blind,
        observe=lambda phase, seconds: observe("order_latency_seconds", seconds, phase=phase),
        rest=hints.rest,
    )
    reconciliation = Reconciliation(exchange, ledger, clock, execution)
    valuation = Valuation(exchange, ledger, clock, execution, limits, settings.trading_day_start)
    ranges = TrueRanges(exchange, clock)
    protection = Protection(
        exchange, ledger, clock, execution, limits, ranges, settings.bongsu_lang, hints.watch
    )
    cycle = TradingCycle(
        universe=universe,
        ledger=ledger,
        clock=clock,
        advisor=advisor or choose_advisor(settings, ledger, rules),
        view=MarketView(exchange, ledger, clock, limits, blind),
        listing=listing,
        reconciliation=reconciliation,
        valuation=valuation,
        protection=protection,
        desk=Desk(exchange, ledger, execution, limits, blind),
        rules=rules,
        observe=lambda seconds: observe("ai_decision_latency_seconds", seconds),
    )
    report = DailyReport(ledger, clock)
    runs = {
        JobName.RECONCILE: reconciliation.run,
        JobName.POSITION: protection.run,
        JobName.PORTFOLIO: valuation.run,
        JobName.TRADING: cycle.run,
        JobName.DAILY_REPORT: report.run,
    }
    return protection, timetable(runs, settings.trading_day_start)


async def _require_fit(
    settings: Settings, wiring: Wiring, ledger: Ledger, silent_until: datetime | None
) -> None:
    """Raises LiveRefused. The first start that passes is on record, with its cap."""
    from bongsu.ops.live.consent import read_consent
    from bongsu.ops.live.gate import require_fit

    held = (await ledger.portfolio()).positions or await ledger.open_intents()
    await require_fit(settings, wiring, holding=bool(held), silent_until=silent_until)
    consent = read_consent(wiring.bongsu_state_dir, settings)
    assert consent is not None  # it is refused otherwise
    await ledger.record(LiveStarted(settings.live_first_week_cap_krw, consent.by, consent.at))


@contextlib.asynccontextmanager
async def _watching(
    settings: Settings, database: Database, opening: Opening, listing: Listing
) -> AsyncIterator[Blindness]:
    """What blocks buys by itself; stale and odd quotes are refused where they are read."""
    watch = MonitoringWatch(WatchdogLog(database).look, settings.monitoring_blind_seconds)
    await watch.look()
    looking = asyncio.create_task(watch.keep_looking())
    try:
        yield blindness_of(settings.bongsu_mode, watch, opening.signs, listing.blind)
    finally:
        looking.cancel()


def instance_name(process: str) -> str:
    return f"{process}@{socket.gethostname()}:{os.getpid()}"


async def run_backend(settings: Settings | None = None, wiring: Wiring | None = None) -> None:
    """Until SIGTERM or SIGINT; the database's absence ends nothing. Raises SettingsInvalid and CannotStart."""
    from bongsu.ledger.projection import project
    from bongsu.monitoring.ledger_series import LedgerSeries
    from bongsu.monitoring.panels import PanelWatch
    from bongsu.web.app import create_backend
    from bongsu.web.serve import run_backend as serve

    settings, wiring = settings or load_settings(), wiring or Wiring()
    configure_logging("backend", settings.secrets())
    settings = settings.without_exchange_keys()
    report_to_sentry(settings, "backend")
    url = database_url(settings, wiring)
    await when_there("PostgreSQL", lambda: bring_up_to_date(url))
    database = Database(url, process="backend")
    series = LedgerSeries(
        partial(
            project,
            database,
            lease_seconds=settings.lease_seconds,
            markets=tuple(settings.markets),
            day_start=settings.trading_day_start,
            ai_budget=settings.ai_budget,
        )
    )
    telemetry = Telemetry(
        Owner.BACKEND,
        config_hash=settings.config_hash,
        mode=settings.bongsu_mode,
        connections=lambda: database.connections,
        ledger=series,
        disks={"data": wiring.bongsu_storage_dir or wiring.bongsu_state_dir, "logs": wiring.bongsu_log_dir},
    )
    database.observe = telemetry.transaction_ended

    async def watch_rules() -> None:
        while True:
            loaded = await count_alert_rules(wiring.prometheus_url)
            telemetry.note_rules(loaded=loaded, expected=expected_rules())
            await asyncio.sleep(RULES_EVERY)

    panels = PanelWatch(CHECKOUT / "monitoring/grafana", wiring.prometheus_url, telemetry.note_panels)
    runbooks = settings.bongsu_runbook_base or wiring.runbook_pages
    ledger = open_ledger(settings, database, pulse=wiring.pulse_file, runbooks=runbooks)
    await database.open()
    try:
        async with (
            open_senders(settings, wiring, database, instance_name("backend"), preempts=False) as senders,
            _open_dialogue(settings, wiring, database, ledger) as chatting,
        ):
            backend = create_backend(settings, wiring, database, ledger, telemetry)
            async with _watching_the_watchers(settings, wiring, database, ledger) as watching:
                speaking = [sender.run for sender in senders.all]
                own = _backing_up(settings, wiring, database, ledger, telemetry)
                lives = [*speaking, series.run, watch_rules, panels.run, *chatting, *watching, *own]
                await serve(backend, ledger, host=wiring.bind_host, port=wiring.port(8000), background=lives)
    finally:
        await database.close()


@contextlib.asynccontextmanager
async def _open_dialogue(
    settings: Settings, wiring: Wiring, database: Database, ledger: Ledger
) -> AsyncIterator[list[Callable[[], Awaitable[None]]]]:
    """Nothing where nobody may command: then the bot's updates are left alone."""
    from bongsu.adapters.telegram.chat import TelegramChat
    from bongsu.core.chat import AllowList
    from bongsu.web.chat.dialogue import Dialogue
    from bongsu.web.chat.hearing import Ears

    users = settings.command_users
    if not users:
        yield []
        return
    token, chat_id = telegram_account(settings)
    chats = users | ({int(chat_id)} if chat_id.lstrip("-").isdigit() else set())
    talk = TelegramChat(wiring.telegram_api(settings), token)
    ears = Ears(token.partition(":")[0], AllowList(users, chats), ledger, Reading(database), settings)
    lease = Lease(database, "commands", instance_name("backend"), settings.lease_seconds)
    try:
        yield [Dialogue(talk, ears, lease, ledger).run]
    finally:
        await talk.close()


def backed_up(settings: Settings, wiring: Wiring) -> backup.Ledger:
    """Raises CannotStart."""
    return backup.Ledger(database_url(settings, wiring), Places.from_environment().programs)


def _backing_up(
    settings: Settings, wiring: Wiring, database: Database, ledger: Ledger, telemetry: Telemetry
) -> list[Callable[[], Awaitable[None]]]:
    if settings.backup_keep_days == 0:
        return []
    make = partial(backup.back_up, backed_up(settings, wiring), wiring.backups, settings.backup_keep_days)
    return [DailyBackup(make, ledger, BackupLog(database), telemetry.note_backup_due).run]


def expected_rules(rules: Path = CHECKOUT / "monitoring/alert_rules.yml") -> int | None:
    """Alert rules in the file; None where the program runs without it."""
    try:
        return sum(line.lstrip(" -").startswith("alert:") for line in rules.read_text("utf-8").splitlines())
    except OSError:
        return None


@contextlib.asynccontextmanager
async def _watching_the_watchers(
    settings: Settings, wiring: Wiring, database: Database, ledger: Ledger
) -> AsyncIterator[list[Callable[[], Awaitable[None]]]]:
    """What says that no alarm can arrive, what ends those that are over, and what is called outside while all is well."""
    from bongsu.adapters.alertmanager import read_roll
    from bongsu.adapters.deadman import DeadmanSwitch
    from bongsu.ledger.alarms import AlarmLog
    from bongsu.monitoring.deadman import Deadman
    from bongsu.monitoring.lookout import Lookout
    from bongsu.monitoring.roll_call import AlarmRollCall

    log, patience = WatchdogLog(database), settings.monitoring_blind_seconds
    lookout = Lookout(ledger, log, Voice(settings.bongsu_lang, settings.bongsu_mode), patience)
    asking = partial(read_roll, wiring.alertmanager_url), partial(read_waits, wiring.prometheus_url)
    watching: list[Callable[[], Awaitable[None]]] = [lookout.run]
    watching.append(AlarmRollCall(ledger, AlarmLog(database), log, *asking, patience).run)
    if settings.deadman_url is None:
        yield watching
        return
    switch = DeadmanSwitch(settings.deadman_url.get_secret_value())
    try:
        yield [*watching, Deadman(switch, ledger, log, patience).run]
    finally:
        await switch.close()
