"""Errors to Sentry, when the owner wants it: what the log tells at `error`, with what led there. Never in trading's way.

The SDK collects nothing by itself here. What it is given goes through our own redaction, and once more at the end.
"""

import atexit
import logging
import sys
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

import bongsu
from bongsu.core.redaction import redact
from bongsu.errors import CannotStart
from bongsu.ops.logging import Discreet
from bongsu.settings import Settings

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

_LAST_WORDS = 2.0  # seconds that a process which ends gives what is still to be sent
_CRUMBS = 30  # lines of the log before an error that go with it
_OWN_LOGGERS = ("sentry_sdk", "urllib3")  # of the way there: an error on it would go the same way
_CUT = 1_000_000  # characters: a value that the SDK shortens could be cut within a secret


def report_to_sentry(settings: Settings, process: str) -> None:
    """After `configure_logging`. Raises CannotStart where the package is missing."""
    if not settings.sentry_enabled or settings.sentry_dsn is None:
        return
    try:
        import sentry_sdk
    except ImportError:
        raise CannotStart(
            "SENTRY_ENABLED=true 인데 sentry-sdk가 없습니다. make up 을 다시 실행하면 설치됩니다 "
            "(sentry-sdk is missing; make up installs it)"
        ) from None
    sentry_sdk.init(
        dsn=settings.sentry_dsn.get_secret_value(),
        environment=settings.sentry_environment,
        release=f"bongsu@{bongsu.__version__}",
        server_name=process,
        default_integrations=False,  # they would bring arguments, environment and modules of the process
        auto_enabling_integrations=False,  # they would bring requests and queries
        include_local_variables=False,  # secrets live there
        max_request_body_size="never",
        send_default_pii=False,
        auto_session_tracking=False,
        send_client_reports=False,
        propagate_traces=False,
        enable_metrics=False,
        spotlight=False,
        http_proxy="",
        https_proxy="",  # of the environment, none
        max_breadcrumbs=_CRUMBS,
        max_value_length=_CUT,
        before_send=_cleaned,
        before_breadcrumb=_cleaned_crumb,
    )
    everywhere = sentry_sdk.get_global_scope()  # in each thread
    everywhere.set_tag("process", process)
    everywhere.set_tag("mode", settings.bongsu_mode)
    for name in _OWN_LOGGERS:
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.getLogger().addHandler(_ToSentry())
    _listen_to_the_end()
    atexit.register(sentry_sdk.flush, _LAST_WORDS)


class _ToSentry(Discreet):
    """An error is an event, a line below it a crumb on the way to the next one."""

    def emit(self, record: logging.LogRecord) -> None:
        import sentry_sdk

        if record.name.startswith(_OWN_LOGGERS):
            return
        try:
            text, error = redact(_text(record)), _error(record)
            level = record.levelname.lower()
            if record.levelno < logging.ERROR:
                sentry_sdk.add_breadcrumb(category=record.name, message=text, level=level)
                return
            with sentry_sdk.new_scope() as scope:
                scope.set_tag("logger", record.name)
                scope.set_extra("line", text)
                if error is not None:
                    scope.capture_exception(error)
                else:
                    scope.capture_message(text, level=cast(Any, level))
        except Exception:  # noqa: BLE001 - whatever it is, it may not end what only wanted to log
            self.handleError(record)


def _text(record: logging.LogRecord) -> str:
    """Structlog's lines carry the event and its values in the place of the message."""
    if not isinstance(record.msg, Mapping):
        return record.getMessage()
    values = {name: value for name, value in record.msg.items() if name not in _NOT_SHOWN}
    return " ".join(
        [str(record.msg.get("event", "")), *(f"{name}={value}" for name, value in values.items())]
    )


_NOT_SHOWN = ("event", "exc_info", "level", "timestamp", "process")


def _error(record: logging.LogRecord) -> BaseException | None:
    told = record.exc_info or (record.msg.get("exc_info") if isinstance(record.msg, Mapping) else None)
    if isinstance(told, BaseException):
        return told
    if isinstance(told, tuple):
        return cast("BaseException | None", told[1])
    return sys.exc_info()[1] if told else None


def _listen_to_the_end() -> None:
    """What nobody catches goes to Sentry first, and then where it went before."""
    import sentry_sdk

    show, show_of_thread = sys.excepthook, threading.excepthook

    def at_the_end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        sentry_sdk.capture_exception(error)
        show(kind, error, trace)

    def in_a_thread(fault: threading.ExceptHookArgs) -> None:
        sentry_sdk.capture_exception(fault.exc_value)
        show_of_thread(fault)

    sys.excepthook, threading.excepthook = at_the_end, in_a_thread


def _cleaned(event: "Event", _hint: "Hint") -> "Event":
    return cast("Event", _clean(event))


def _cleaned_crumb(crumb: dict[str, Any], _hint: "Hint") -> dict[str, Any]:
    return cast("dict[str, Any]", _clean(crumb))


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {_clean(key): _clean(item) for key, item in value.items() if key != "vars"}
    if isinstance(value, (list, tuple)):
        return [_clean(item) for item in value]
    return value
