"""Logs of a process: one line an event, JSON unless a person watches; no secret passes, whoever wrote the line."""

import contextlib
import logging
import math
import os
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from bongsu.core.redaction import KNOWN, REMOVALS, Sink, redact
from bongsu.ops.stack.rotation import RotatingLog, sweep_old_logs

_SWEEP_SECONDS = 86_400
_QUIET = ("httpx2", "httpcore", "httpcore2", "asyncio", "uvicorn.access", "psycopg.pool")


def configure_logging(
    process: str,
    secrets: Sequence[str] = (),
    *,
    level: int = logging.INFO,
    stream: TextIO | None = None,
) -> None:
    """For structlog and the standard library alike. May be called again, when the secrets are known."""
    KNOWN.learn(secrets)
    out = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _naming(process),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    outputs: list[Output] = [Output(out), *_kept(process)]
    for output in outputs:
        output.setFormatter(
            RedactingFormatter(
                counting=output is outputs[0],
                foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
                processors=[
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    *_rendering(output.stream),
                ],
            )
        )
    root = logging.getLogger()
    root.handlers[:] = outputs
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)


class Discreet(logging.Handler):
    """Tells of its own trouble without the arguments of the line, which Python's way would show as they are."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        trouble = redact(traceback.format_exc(limit=-3))
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(f"a line of the log was lost, {record.pathname}:{record.lineno}: {trouble}")


class Output(Discreet, logging.StreamHandler["TextIO | LogFile"]):
    pass


class RedactingFormatter(structlog.stdlib.ProcessorFormatter):
    """Looks at each text of a line, and at the finished line: what JSON has written may look like no secret any more, and
    what was no text before may be one.

    Of the outputs of a process one is `counting`: a line that goes to two of them has leaked once.
    """

    def __init__(
        self,
        *,
        counting: bool,
        foreign_pre_chain: list[Processor],
        processors: list[Processor],
    ) -> None:
        super().__init__(
            processors=[*processors[:-1], self._clean_texts, processors[-1]],
            foreign_pre_chain=foreign_pre_chain,
        )
        self._counting = counting
        self._found = False  # in the line at hand; an output writes one at a time

    def format(self, record: logging.LogRecord) -> str:
        self._found = False
        line = super().format(record)
        clean = redact(line)
        if self._counting and (self._found or clean != line):
            REMOVALS.note(Sink.LOG)
        return clean

    def _clean_texts(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {name: self._clean(value) for name, value in event.items()}

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str):
            clean = redact(value)
            self._found |= clean != value
            return clean
        if isinstance(value, Mapping):
            return {self._clean(name): self._clean(item) for name, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._clean(item) for item in value]
        return value


class LogFile:
    """A stream that keeps itself bounded, and the folder beside it free of what is older than a month."""

    def __init__(self, directory: Path, process: str) -> None:
        self._directory = directory
        self._log = RotatingLog(directory / process / f"{process}.log")
        self._swept = -math.inf

    def write(self, text: str) -> None:
        self._log.write(text.encode())
        if time.monotonic() - self._swept > _SWEEP_SECONDS:
            self._swept = time.monotonic()
            sweep_old_logs(self._directory)

    def flush(self) -> None:
        """Every line is written through at once."""

    def isatty(self) -> bool:
        return False


def _kept(process: str) -> list[Output]:
    """Where no runner keeps what we say: in a container, BONGSU_LOG_FILES names the folder."""
    directory = os.environ.get("BONGSU_LOG_FILES")
    return [Output(LogFile(Path(directory), process))] if directory else []


def _rendering(out: TextIO | LogFile) -> list[Processor]:
    if out.isatty():
        return [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    return [
        structlog.processors.format_exc_info,  # no local variables: secrets live there
        structlog.processors.EventRenamer("message"),
        structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
    ]


def _naming(process: str) -> Processor:
    def name_it(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["process"] = process
        return event

    return name_it
