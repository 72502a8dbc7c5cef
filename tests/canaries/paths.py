"""A process of the bot in which everything goes wrong that can, each time with a secret in hand.

`python -m canaries.paths CONFIG` plays it, in a process of its own, as the bot's are: what it says goes to its sinks.
"""

import asyncio
import contextlib
import json
import logging
import os
import sys
import threading
import warnings
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx2
import psycopg
import structlog
from prometheus_client import generate_latest
from psycopg.conninfo import make_conninfo

from bongsu import app as composition
from bongsu.adapters.deadman import DeadmanSwitch
from bongsu.adapters.telegram.client import TelegramMessenger
from bongsu.adapters.upbit.client import UpbitExchange
from bongsu.core import facts as f
from bongsu.core.decision import Rejection, RejectionReason
from bongsu.core.order import Side
from bongsu.core.risk import Veto, VetoReason
from bongsu.core.snapshot import PriceSource
from bongsu.errors import BongsuError, NotDelivered, SettingsInvalid
from bongsu.ledger.database import Database
from bongsu.ledger.leases import Lease
from bongsu.ledger.outbox import Outbox
from bongsu.ledger.projection import project
from bongsu.ledger.telling import Telling
from bongsu.ledger.voice import Voice
from bongsu.metrics import Owner
from bongsu.monitoring.ledger_series import LedgerSeries
from bongsu.monitoring.telemetry import Telemetry
from bongsu.ops.ending import told_in_words
from bongsu.ops.logging import configure_logging
from bongsu.ops.sentry import report_to_sentry
from bongsu.settings import SECRET_NAMES, Settings, Wiring, describe, keep_secret, load_settings
from bongsu.web.app import create_backend
from canaries.planted import Canary
from core.samples import ETH, NOON, advice, snapshot
from web.story import ACCOUNT, Books, alert, fund, intend, open_books, request

log = logging.getLogger("canaries")


@dataclass(frozen=True)
class Bench:
    """`echo` answers each request with what it was asked by, as an error; `closed` is a port where nobody answers."""

    settings: Settings
    books: Books
    out: Path
    telegram: str
    echo: str
    closed: int

    def keep(self, name: str, text: str) -> None:
        with (self.out / name).open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")


# -- what Python and its libraries say ------------------------------------------------------------------------------


def fail(words: str) -> None:
    local = words  # noqa: F841 - a traceback with variables would show it
    raise ConnectionError(f"no answer: {words}")


async def lines(_: Bench, text: str) -> None:
    log.info("mark-line %s", text)
    log.error("mark-error %s", text, extra={"deep": {"list": [text]}})
    structlog.get_logger("canaries").warning("mark-structlog", value=text, deep=[{text: text}])
    log.error("mark-format %d", text)
    warnings.warn(f"mark-warning {text}", stacklevel=1)
    print(f"mark-print {text}")


async def traces(_: Bench, text: str) -> None:
    try:
        try:
            fail(text)
        except ConnectionError as first:
            raise ValueError(f"mark-trace {text}") from first
    except ValueError:
        log.exception("mark-exception")
        structlog.get_logger("canaries").exception("mark-exception of structlog", value=text)
    group = ExceptionGroup(f"mark-group {text}", [ValueError(text), KeyError(text)])
    log.error("mark-grouped", exc_info=group)


async def uncaught(_: Bench, text: str) -> None:
    thread = threading.Thread(target=fail, args=(f"mark-thread {text}",), name=text[:20])
    thread.start()
    thread.join()

    class Bad:
        def __del__(self) -> None:
            raise ValueError(f"mark-destructor {text}")

    Bad()
    asyncio.get_running_loop().call_exception_handler(
        {"message": f"mark-loop {text}", "exception": ValueError(text)}
    )


# -- what others say to us ------------------------------------------------------------------------------------------


async def exchange(bench: Bench, text: str) -> None:
    """It repeats our signed request in its refusal, and the key."""
    key, secret = text, f"{text}-secret"
    async with UpbitExchange(bench.echo, key, secret, rate_factor=float("inf")) as upbit:
        try:
            await upbit.balances()
        except BongsuError as error:
            await _tell(bench, f.ErrorType.EXCHANGE, error)


async def telegram(bench: Bench, text: str) -> None:
    token = f"87654321:{''.join(c for c in text if c.isalnum())[-40:]:x>35}"  # one in its shape, at least
    for api in (bench.echo, f"http://127.0.0.1:{bench.closed}"):
        messenger = TelegramMessenger(api, token, "7")
        try:
            await messenger.send(f"mark-refused {text}", "once")
        except NotDelivered as error:
            await _tell(bench, f.ErrorType.TELEGRAM, error)
        finally:
            await messenger.close()


async def deadman(bench: Bench, text: str) -> None:
    for url in (f"http://127.0.0.1:{bench.closed}/{quote(text)}", f"{bench.echo}/ping/{quote(text)}"):
        switch = DeadmanSwitch(url)
        try:
            await switch.call()
        except NotDelivered as error:
            await _tell(bench, f.ErrorType.INTERNAL, error)
        finally:
            await switch.close()


async def database(bench: Bench, text: str) -> None:
    """libpq's own words: about a server that is away, about an option that it does not know, and a row that is there twice.

    An address that it cannot take apart is refused when the settings are read, as `validation` has it.
    """
    for address in (
        f"postgresql://me:{quote(text, safe='')}@127.0.0.1:{bench.closed}/none",
        make_conninfo(host="127.0.0.1", port=bench.closed, password=text).replace("port", "mark_port"),
    ):
        try:
            psycopg.connect(address, connect_timeout=1)
        except psycopg.Error as error:
            log.exception("mark-database %s", address)
            await _tell(bench, f.ErrorType.DB, error)
    try:
        async with bench.books.database.transaction("twice") as tx:
            await tx.execute("CREATE TEMP TABLE twice (name text UNIQUE) ON COMMIT DROP")
            for _ in range(2):
                await tx.execute("INSERT INTO twice VALUES (%s)", (text,))
    except psycopg.Error as error:
        await _tell(bench, f.ErrorType.DB, error)


async def _tell(bench: Bench, kind: f.ErrorType, error: BaseException) -> None:
    log.error("mark-told", exc_info=error)
    context = {"mark-context": repr(error)}
    await bench.books.ledger.record(
        f.ErrorOccurred(kind, type(error).__name__, f"mark-fact {error}", context)
    )


async def validation(bench: Bench, text: str) -> None:
    """The owner pasted it into the wrong line of `.env`."""
    env = bench.out.parent / "wrong.env"
    plain = [name for name in describe() if name not in SECRET_NAMES]
    env.write_text(
        "\n".join([*(f"{name}={text}" for name in plain), text, f"{text}=x", f"DATABASE_URL={text}"])
    )
    try:
        load_settings(env)
    except SettingsInvalid as invalid:
        log.error("mark-settings %s", invalid)  # noqa: TRY400
    with contextlib.suppress(SystemExit), told_in_words():
        load_settings(env)


# -- what goes on record, and from there to the owner ---------------------------------------------------------------


async def facts(bench: Bench, text: str) -> None:
    ledger, number = bench.books.ledger, uuid4().int % 10**9
    at = NOON + timedelta(seconds=number)
    await ledger.record(f.Reconciled((), at))  # the gate is open, as it was before
    await ledger.set_killed(False)
    wish = replace(request(ETH, Side.BUY, at=at, amount="6000"), reason=f"mark-order {text}")
    intent = await intend(bench.books, wish)
    await ledger.record(f.OrderRefused(intent, text, f"mark-refusal {text}", at))
    run = await ledger.start_run(f.JobName.TRADING, at)
    assert run is not None
    seen = replace(snapshot(), candle_closed_at=at)
    said = replace(advice(), reasons=tuple(replace(r, text=f"mark-reason {text}") for r in advice().reasons))
    fired = alert(f"mark-alert {text}")
    for fact in (
        f.ErrorOccurred(f.ErrorType.INTERNAL, f"mark-error {text}", text, {text: text}),
        f.JobFailed(run, f.JobName.TRADING, f.ErrorType.INTERNAL, text, f"mark-job {text}", {"x": text}),
        f.AdviceRejected(said, "llm", seen, Rejection(RejectionReason.CITATION, text, text), 1.0),
        f.DecisionSkipped(ETH, at, at, "rules", f.DecisionSkip.STALE, f"mark-skip {text}"),
        f.TradeVetoed(ETH, Veto(VetoReason.MIN_INTERVAL, f"mark-veto {text}", text), None, at),
        f.PriceRejected(ETH, PriceSource.BOOK, f"mark-price {text}"),
        f.DuplicatePrevented(f.Layer.INTENT, ETH, f"mark-twin {text}"),
        f.Reconciled((f"mark-mismatch {text}",), at),
        f.CommandHeard(str(number), number, 7, 7, f"mark-command {text}", f.Hearing.UNKNOWN),
        f.AlertMuted(f"mark-muted {text}", at, text),
        f.Paused("owner", f"mark-pause {text}", text),
        f.Resumed("owner", text),
        f.MaintenanceAnnounced(1, text),
        f.ProcessStopped("scheduler", f"mark-stop {text}"),
        replace(
            fired,
            fingerprint=str(number),
            summary=text,
            description=f"mark-described {text}",
            runbook_url=f"https://x/{text}",
            labels={**fired.labels, text: text},
        ),
    ):
        await ledger.record(fact)
    await ledger.request_control(f.ControlKind.PAUSE, {"x": text}, who=text, why=f"mark-wish {text}")


async def send(bench: Bench) -> None:
    """All that is to be told, over the messenger, as the sender would."""
    lease = Lease(bench.books.database, "sender", "me", 60)
    assert await lease.take()
    outbox = Outbox(bench.books.database, lease, Telling(Voice("ko", "sandbox")))
    messenger = TelegramMessenger(bench.telegram, "1:x", "7", part_pause=0.0)
    while (message := await outbox.next(pace=0.0, patience=0.0)) is not None:
        await outbox.sent(message, await messenger.send(message.text, str(message.id)))
    await messenger.close()


# -- what is asked of the backend -----------------------------------------------------------------------------------


async def api(bench: Bench, client: httpx2.AsyncClient, text: str) -> None:
    token = keep_secret(bench.out.parent / "state" / "api_token")
    known = {"Authorization": f"Bearer {token}"}
    stranger = {"Authorization": f"Bearer {''.join(c for c in text if c.isalnum())}"}
    wish, one_line = "/api/v1/control/kill", " ".join(text.split())
    asked = [
        client.post(wish, json={"who": "mark-who", "why": f"mark-asked {text}"}, headers=known),
        client.post(wish, json={text: text, "who": 7}, headers=known),
        client.post(wish, content=f"mark-body {text}", headers={**known, "Content-Type": "application/json"}),
        client.post(wish, json={}, headers=stranger),
        client.post("/api/v1/control/close", json={"market": text}, headers=known),
        client.post(
            "/api/v1/alerts/webhook", json={"version": text, "alerts": [{text: text}]}, headers=known
        ),
        client.get("/api/v1/decisions", params={"cursor": text, "market": text, "limit": text}),
        client.get(f"/api/v1/trades/{''.join(c for c in text if c.isalnum())}"),
        client.get("/mark-broken", params={"words": one_line}),
    ]
    for waiting in asked:
        await _answered(bench, await waiting)


async def pages(bench: Bench, client: httpx2.AsyncClient) -> None:
    names = "status portfolio positions trades decisions orders job-runs risk alerts notifications events settings"
    paths = [f"/api/v1/{name}" for name in names.split()]
    for path in ("/", "/health", "/ready", "/openapi.json", *paths, *(f"{path}?limit=200" for path in paths)):
        await _answered(bench, await client.get(path))
    shown = ""
    for _ in range(600):  # the ledger is read beside, in its own time
        shown = (await client.get("/metrics")).text
        if "ledger_up 1.0" in shown:
            break
        await asyncio.sleep(0.1)
    bench.keep("metrics", shown)


async def _answered(bench: Bench, reply: httpx2.Response) -> None:
    bench.keep("api", f"{reply.status_code} {reply.headers}\n{reply.text}")


@contextlib.asynccontextmanager
async def asking(bench: Bench, wiring: Wiring) -> AsyncIterator[httpx2.AsyncClient]:
    books = bench.books
    series = LedgerSeries(lambda: project(books.database, lease_seconds=10.0))
    telemetry = Telemetry(
        Owner.BACKEND,
        config_hash=bench.settings.config_hash,
        mode="sandbox",
        connections=lambda: books.database.connections,
        ledger=series,
    )
    backend = create_backend(bench.settings, wiring, books.database, books.ledger, telemetry)

    @backend.get("/mark-broken")
    async def broken(words: str) -> None:
        fail(f"mark-broken {words}")

    transport = httpx2.ASGITransport(app=backend, raise_app_exceptions=False)
    reading = asyncio.create_task(series.run())
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8100") as client:
        yield client
    reading.cancel()


# -- all of it ------------------------------------------------------------------------------------------------------

EACH: tuple[Callable[[Bench, str], Any], ...] = (
    *(lines, traces, uncaught, exchange, telegram, deadman, database, validation, facts),
)

# What must have come to each sink, so that its silence about the canaries says something.
MARKS: Mapping[str, tuple[str, ...]] = {
    "log": (
        *(
            "mark-line",
            "mark-error",
            "mark-structlog",
            "mark-warning",
            "mark-trace",
            "mark-group",
            "mark-loop",
        ),
        *("mark-told", "mark-settings", "mark-database"),
    ),
    "terminal": (
        "mark-print",
        "mark-thread",
        "mark-destructor",
        "a line of the log was lost",
        "settings to repair",
    ),
    "ledger": (
        *("mark-error", "mark-job", "mark-reason", "mark-skip", "mark-veto", "mark-price", "mark-twin"),
        *("mark-mismatch", "mark-command", "mark-muted", "mark-pause", "mark-described", "mark-order"),
        *("mark-refusal", "mark-wish", "mark-asked", "mark-fact", "mark-context", "mark-broken"),
    ),
    "telegram": ("mark-error", "mark-job", "mark-described", "mark-refused", "mark-fact"),
    "sentry": ("mark-error", "mark-line", "mark-trace", "mark-thread", "mark-told"),
    "api": ("mark-veto", "mark-described", "mark-skip", "mark-asked", "500 ", "422 ", "401 "),
    "metrics": ("bot_errors_total", "secrets_redacted_total"),
    "process": ("canaries.paths",),
}


def main() -> None:
    config: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    os.environ["BONGSU_LOG_FILES"] = str(Path(config["out"]).parent / "logs")
    with told_in_words():
        settings = load_settings()
        for name in config["kept"]:
            keep_secret(Path(config["state"]) / name)
        configure_logging("scheduler", settings.secrets())
        report_to_sentry(settings, "scheduler")
        asyncio.run(play(config, settings))
        Path(config["out"], "process").write_text("\n".join(_process()))
        fail(f"mark-last {config['canaries'][0]['text']}")


def _process() -> Iterator[str]:
    for name in ("cmdline", "environ"):
        yield Path(f"/proc/self/{name}").read_text(encoding="utf-8").replace("\0", "\n")


async def play(config: Mapping[str, Any], settings: Settings) -> None:
    wiring = Wiring(bongsu_state_dir=Path(config["state"]))
    url = composition.database_url(settings, wiring)
    async with open_books(url) as books:
        bench = Bench(
            settings, books, Path(config["out"]), config["telegram"], config["echo"], config["closed"]
        )
        await fund(books)
        await books.ledger.register_job(f.JobName.TRADING, 60.0, 480.0)
        async with asking(bench, wiring) as client:
            ways = [*(partial(path, bench) for path in EACH), partial(api, bench, client)]
            for number, canary in enumerate(Canary(**fields) for fields in config["canaries"]):
                for way in ways[number % config["one_in"] :: config["one_in"]]:
                    await way(canary.text)
            await send(bench)
            await pages(bench, client)
        scheduler = Telemetry(Owner.SCHEDULER, config_hash=settings.config_hash, mode="sandbox")
        bench.keep("metrics", generate_latest(scheduler.instruments.registry).decode())
    wrong = Database(f"{url}_none", process="canaries")
    await wrong.open()
    with contextlib.suppress(BongsuError):
        async with wrong.transaction("mark-away"):
            pass
    await wrong.close()


assert ACCOUNT  # the story's account is whose orders these are

if __name__ == "__main__":
    main()
