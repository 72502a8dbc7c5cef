"""Runs the backend: the server, its heartbeat, and what else lives in the process."""

import asyncio
import gc
import logging
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

import bongsu
from bongsu.core.facts import ErrorOccurred, ErrorType, ProcessStarted
from bongsu.errors import LedgerUnavailable
from bongsu.ledger.store import Ledger

BEAT = 5.0  # seconds
GRACE = 4  # seconds that open requests get after a stop signal
PROCESS = "backend"

Background = Callable[[], Awaitable[None]]
_log = logging.getLogger(__name__)


class _Server(uvicorn.Server):
    """Leaves the signals to us: uvicorn would raise them anew when it ends, and cut off what must still be put away."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    def stop(self) -> None:
        self.should_exit = True


async def run_backend(
    app: FastAPI,
    ledger: Ledger,
    *,
    port: int,
    host: str = "127.0.0.1",
    background: Sequence[Background] = (),
) -> None:
    """Until SIGTERM or SIGINT. The database's absence ends nothing here: all comes back by itself."""
    server = _Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            ws="none",  # the backend speaks none, and need not load what does
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=GRACE,
        )
    )
    for stop in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(stop, server.stop)
    spare_collections()
    lives = (lambda: show_life(ledger), *background)
    tasks = [asyncio.create_task(_kept_alive(life, ledger)) for life in lives]
    try:
        await server.serve()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def spare_collections() -> None:
    """What is there by now stays. Looking through it again and again would halt all requests for a tenth of a second."""
    gc.collect()
    gc.freeze()


async def show_life(ledger: Ledger) -> None:
    """From the event loop, so that a blocked loop looks dead. The start is on record before the first beat."""
    instance = f"{PROCESS}@{socket.gethostname()}:{os.getpid()}"
    announced = False
    while True:
        try:
            if not announced:
                await ledger.record(ProcessStarted(PROCESS, bongsu.__version__))
                announced = True
            await ledger.heartbeat(PROCESS, instance)
            await ledger.flush()
        except LedgerUnavailable as error:
            _log.warning("ledger unavailable: %s", error)
        await asyncio.sleep(BEAT)


async def _kept_alive(life: Background, ledger: Ledger) -> None:
    """A defect in one part is told and counted, and ends neither the others nor that part for good."""
    while True:
        try:
            await life()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told
            _log.exception("a background task failed")
            told = ErrorOccurred(ErrorType.INTERNAL, type(error).__name__, str(error), {"process": PROCESS})
            await ledger.record_in_time(told)
        await asyncio.sleep(BEAT)
