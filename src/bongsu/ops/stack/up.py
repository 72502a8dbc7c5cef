"""`bongsu up`: from a command line to a running stack."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from bongsu.errors import SettingsInvalid
from bongsu.ops.language import say, speak
from bongsu.ops.live.desk import require_ready
from bongsu.ops.stack import control, stack
from bongsu.ops.stack.addresses import print_addresses
from bongsu.ops.stack.detach import Release, in_background
from bongsu.ops.stack.native import Database, Native
from bongsu.ops.stack.places import Places
from bongsu.ops.stack.ports import require_free
from bongsu.ops.stack.postgres import Cluster
from bongsu.ops.stack.postgres_programs import find_programs
from bongsu.ops.stack.progress import Progress
from bongsu.ops.stack.render import telegram_account
from bongsu.ops.stack.services import service
from bongsu.ops.stack.supervisor import State, Supervisor
from bongsu.ops.stack.world import LiveWorld, MarketOptions, World
from bongsu.settings import TELEGRAM_API, Settings, Wiring, keep_secret, load_settings

Verdict = Callable[[Native, Progress], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class UpOptions:
    """`at_end` watches a replay and judges it: True when it went well."""

    market: MarketOptions
    fresh: bool = False
    background: bool = False
    port_offset: int | None = None
    at_end: Verdict | None = None
    exit_at_end: bool = False
    live: bool = False


def up(options: UpOptions) -> int:
    """0 after an orderly end, 1 when a service could not start or a replay went wrong.

    Raises SettingsInvalid, LiveRefused or CannotStart before anything is started.
    """
    settings = load_settings()
    speak(settings.bongsu_lang)
    _require_one_mode(settings, live=options.live)
    offset = (
        int(os.environ.get("BONGSU_PORT_OFFSET", "0")) if options.port_offset is None else options.port_offset
    )
    places = Places.from_environment(offset)
    places.make()
    with control.only_one(places.run):
        if settings.is_live:
            require_ready(settings, places.state)
        native = _prepare(options, settings, places)
        if options.background:
            return in_background(lambda release: _run(options, native, release), places.log("runner"))
        return _run(options, native, lambda _: None)


def _require_one_mode(settings: Settings, *, live: bool) -> None:
    """Real money takes two deliberate acts: the setting, and the flag at each start. Raises SettingsInvalid."""
    if live and not settings.is_live:
        raise SettingsInvalid(
            [
                say(
                    "BONGSU_MODE: --live 로 시작하려면 .env에 BONGSU_MODE=live 를 적으세요",
                    "BONGSU_MODE: for --live, set BONGSU_MODE=live in .env",
                )
            ]
        )
    if settings.is_live and not live:
        raise SettingsInvalid(
            [
                say(
                    "BONGSU_MODE: live 입니다. 실거래는 bongsu up --live (make up ARGS=--live)로, 모의거래는 "
                    "BONGSU_MODE=sandbox 로 바꾸고 시작하세요",
                    "BONGSU_MODE: it is live. Start with bongsu up --live (make up ARGS=--live), or set "
                    "BONGSU_MODE=sandbox to trade no real money",
                )
            ]
        )


def _run(options: UpOptions, native: Native, release: Release) -> int:
    progress = Progress()
    ended_well = True

    async def body(supervisor: Supervisor) -> bool:
        nonlocal ended_well
        if failed := _failed_foundation(supervisor):
            progress.bad(
                say(f"{failed} 없이는 봇이 돌 수 없습니다.", f"The bot cannot run without {failed}.")
            )
            return True
        await print_addresses(native, supervisor, progress)
        release(all(s.state is State.READY for s in supervisor.services.values()))
        if options.at_end is None:
            return False
        ended_well = await options.at_end(native, progress)
        return options.exit_at_end

    with native.places.publish(native.environment()):
        healthy = asyncio.run(stack.run(native.launches(), native.places, progress, body))
    return 0 if healthy and ended_well else 1


def _failed_foundation(supervisor: Supervisor) -> str:
    needed = {name for s in supervisor.services.values() for name in s.launch.service.starts_after}
    failed = [n for n, s in supervisor.services.items() if n in needed and s.state is State.FAILED]
    return ", ".join(failed)


def _prepare(options: UpOptions, settings: Settings, places: Places) -> Native:
    """Everything that can be refused is refused here, before the first process starts."""
    progress = Progress()
    world = _world(options, settings, places)
    stand_in = f"http://127.0.0.1:{places.port(service('exchange').port)}/telegram"
    telegram_api = Wiring().telegram_api(settings) if settings.is_live else TELEGRAM_API
    native = Native(
        places=places,
        world_id=world.id,
        world=world.directory,
        database=_database(settings, places, world.directory),
        exchange=world.exchange_arguments(),
        telegram=lambda: telegram_account(load_settings(), stand_in, telegram_api),
        env_file=Path(os.environ.get("BONGSU_ENV_FILE", ".env")).absolute(),
        tell=progress.line,
    )
    require_free(native.ports())
    world.open(fresh=options.fresh, tell=progress.line)
    keep_secret(places.state / "api_token")
    native.keep_database_url()
    cluster = native.database.cluster
    if cluster is not None and not cluster.pgdata.exists():
        progress.line(say("PostgreSQL 데이터 폴더를 만드는 중…", "making PostgreSQL's data directory…"))
    if cluster is not None:
        cluster.initialise()
    return native


def _world(options: UpOptions, settings: Settings, places: Places) -> World | LiveWorld:
    if settings.is_live:
        return LiveWorld.of(places)
    return World.of(options.market, places, replay=options.at_end is not None)


def _database(settings: Settings, places: Places, world: Path) -> Database:
    watcher = settings.data_source_name
    watched_as = watcher.get_secret_value() if watcher else ""
    if settings.database_url is not None:
        return Database(settings.database_url.get_secret_value(), watched_as=watched_as)
    password = settings.kept_postgres_password(places.state)
    port = places.port(service("postgres").port)
    cluster = Cluster(find_programs(places.programs), world, port)
    url = cluster.url(settings.postgres_user, password, settings.postgres_db)
    return Database(url, settings.postgres_user, password, settings.postgres_db, cluster, watched_as)
