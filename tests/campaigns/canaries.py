"""`make canaries`: a whole stack on planted secrets, broken in many ways, and then looked through for them.

In a network of its own, with a loopback and nothing else: its Telegram token is switched on, and nobody outside may hear it.
"""

import contextlib
import fcntl
import json
import os
import signal
import socket
import stat
import struct
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from canaries import planted
from canaries.bench import answer
from canaries.planted import Canary
from canaries.sinks import Sinks, show
from envelopes import Receiver, receive
from native import Stack, open_stack

_APART = "BONGSU_CANARIES_APART"
_SIOCSIFFLAGS, _IFF_UP, _IFF_RUNNING = 0x8914, 0x1, 0x40
_OF_A_SERVER_OF_ONES_OWN = ("DATABASE_URL", "DATA_SOURCE_NAME")
_NOT_THE_BACKEND_S = (
    "exporter_password",
    "reader_password",
)  # it has never read them, and cannot know them for secrets
_PAGES = (
    "status portfolio positions trades decisions orders job-runs risk alerts notifications events settings"
)
_EVERY_SERIES = urllib.parse.quote('{__name__=~".+"}')
_FOREIGN = {
    9090: ("/metrics", "/api/v1/status/config", "/api/v1/status/flags", "/api/v1/targets", "/api/v1/rules"),
    9093: ("/metrics", "/api/v2/status", "/api/v2/alerts", "/api/v2/receivers"),
    9187: ("/metrics",),
    8001: ("/metrics",),
    8700: ("/sandbox/clock", "/sandbox/world", "/sandbox/state", "/sandbox/inbox?limit=1000"),
}
MARKS = {
    "logs": ("mark-alarm", "a bad .env", "alertmanager", "ledger unavailable"),
    "ledger": ("mark-wish", "mark-alarm", "mark-asked"),
    "sentry": ("ExchangeUnavailable", "bongsu@"),
    "command line": ("settings", "telegram", "RETENTION_DAYS"),
    "api": ("mark-asked", "mark-wish"),
    "metrics": ("secrets_redacted_total", "pg_up", "prometheus_build_info", "alertmanager_build_info"),
    "processes": ("bongsu", "prometheus", "alertmanager", "postgres"),
}


def main() -> int:
    if _APART not in os.environ:
        if os.geteuid() != 0:
            print("canaries: needs root, for a network of its own", file=sys.stderr)
            return 69
        os.execvpe(
            "unshare",
            ["unshare", "-n", sys.executable, "-m", "campaigns.canaries"],
            {**os.environ, _APART: "1"},
        )
    _raise_loopback()
    with receive(answer) as receiver, open_stack("--speed", "3600") as stack:
        canaries = _plant(stack, f"127.0.0.1:{receiver.port}")
        sinks = Sinks()
        _live(stack, sinks, canaries)
        _look_through(stack, sinks, receiver)
        exposed = _exposed(stack.root / "state", canaries)
        sinks.add("command line", stack.bongsu("down"))
        sinks.add_folder("logs", stack.root / "logs")
    clean = show(sinks, canaries)
    missing = sinks.lacks(MARKS)
    print(f"files with a canary that others can read: {', '.join(exposed) or 0}")
    print(f"marks that never came to their sink: {', '.join(missing) or 0}")
    return 0 if clean and not missing and not exposed else 1


def _raise_loopback() -> None:
    with socket.socket() as any_socket:
        up = struct.pack("16sh", b"lo", _IFF_UP | _IFF_RUNNING)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, up)


def _plant(stack: Stack, receiver: str) -> tuple[Canary, ...]:
    values = planted.settings("", receiver)
    for name in _OF_A_SERVER_OF_ONES_OWN:
        del values[name]
    switches = ("BONGSU_LANG=en", "SENTRY_ENABLED=true", "TELEGRAM_ENABLED=true", "TELEGRAM_CHAT_ID=7777777")
    lines = [*switches, *(f"{name}={value}" for name, value in values.items())]
    (stack.root / ".env").write_text("\n".join(lines) + "\n")
    for canary in planted.KEPT:
        (stack.root / "state" / canary.name).write_text(canary.text)
        (stack.root / "state" / canary.name).chmod(0o600)
    return (*planted.of_settings(values), *planted.KEPT, *planted.SHAPES)


# -- a bad day ------------------------------------------------------------------------------------------------------


def _live(stack: Stack, sinks: Sinks, canaries: tuple[Canary, ...]) -> None:
    sinks.add("command line", stack.up())
    stack.until(lambda: _rows(stack, "SELECT count(*) FROM decisions") > 0, "a decision")
    for canary in canaries:
        if canary.name not in _NOT_THE_BACKEND_S:
            _ask_wrongly(stack, sinks, canary.text)
    _raise_alarms(stack)
    for words in (("pause", "--yes", "--why"), ("resume", "--yes", "--why")):
        sinks.add("command line", _say(stack, *words, f"mark-wish {planted.SHAPES[13].text}"))
    _fetch(stack, 8700, "/sandbox/faults", [{"kind": "error_before", "path": "/v1/accounts"}], method="PUT")
    stack.until(lambda: " failed" in _log(stack, "scheduler"), "a job fails")
    _fetch(stack, 8700, "/sandbox/faults", method="DELETE")
    stack.bongsu("stop", "postgres")
    stack.until(lambda: "ledger unavailable" in _log(stack, "backend"), "the backend misses its ledger")
    sinks.add("command line", *(_say(stack, *words) for words in (["status"], ["report"], ["doctor"])))
    stack.bongsu("start", "postgres")
    os.kill(stack.pid("scheduler"), signal.SIGKILL)
    stack.until(stack.all_ready, "all is ready again")
    _write_a_bad_env(stack, sinks)
    stack.until(lambda: "***" in _log(stack, "alertmanager"), "Alertmanager has failed to reach Telegram")
    told = (["ps"], ["status", "--json"], ["doctor", "--json"], ["logs"], ["outbox"], ["telegram", "test"])
    sinks.add(
        "command line", *(_say(stack, *words) for words in (*told, ["trade"], ["maintenance"], ["report"]))
    )


def _ask_wrongly(stack: Stack, sinks: Sinks, text: str) -> None:
    word = "".join(c for c in text if c.isalnum())
    known = {"Authorization": f"Bearer {_token(stack)}"}
    kill, alarm = "/api/v1/control/kill", "/api/v1/alerts/webhook"
    for path, body, headers in (
        (kill, {"who": "mark-who", "why": f"mark-asked {text}"}, known),
        (kill, {text: text}, known),
        (kill, {}, {"Authorization": f"Bearer {word}"}),
        (alarm, {"version": "4", "alerts": [_alarm(f"mark-alarm {text}", text)]}, known),
        (alarm, {"version": text}, known),
        (f"/api/v1/trades/{word}?cursor={urllib.parse.quote(text)}", None, {}),
    ):
        sinks.add("api", _fetch(stack, 8000, path, body, headers))


def _alarm(name: str, text: str) -> dict[str, object]:
    return {
        "status": "firing",
        "labels": {"alertname": name, "severity": "critical", "x": text},
        "annotations": {"summary": text, "description": f"mark-alarm {text}"},
        "startsAt": "2026-11-22T12:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": str(abs(hash(name))),
    }


def _raise_alarms(stack: Stack) -> None:
    """One of those that Alertmanager tells by itself, with the token in the address of a Telegram that is not there."""
    alarm = {"labels": {"alertname": "MetricsNotCollected", "severity": "critical"}}
    _fetch(stack, 9093, "/api/v2/alerts", [alarm], {})


def _write_a_bad_env(stack: Stack, sinks: Sinks) -> None:
    env = stack.root / ".env"
    good = env.read_text()
    env.write_text(f"{good}RETENTION_DAYS={planted.SHAPES[0].text}\nA_BAD_NAME={planted.SHAPES[12].text}\n")
    sinks.add(
        "command line", _say(stack, "restart", "scheduler"), _say(stack, "doctor"), _say(stack, "trade")
    )
    env.write_text(good)
    with (stack.root / "logs" / "marks.log").open("w") as marks:
        marks.write("a bad .env was written\n")
    sinks.add("command line", _say(stack, "restart", "scheduler"))


# -- and what it left -----------------------------------------------------------------------------------------------


def _look_through(stack: Stack, sinks: Sinks, receiver: Receiver) -> None:
    sinks.add_ledger(_database_url(stack))
    for page in ("/", "/ready", "/openapi.json", *(f"/api/v1/{name}" for name in _PAGES.split())):
        sinks.add("api", _fetch(stack, 8000, page))
        sinks.add("api", _fetch(stack, 8000, f"{page}?limit=200"))
    sinks.add("metrics", _fetch(stack, 8000, "/metrics"))
    for port, paths in _FOREIGN.items():
        sinks.add("metrics", *(_fetch(stack, port, path) for path in paths))
    sinks.add("metrics", _fetch(stack, 9090, f"/api/v1/series?match[]={_EVERY_SERIES}"))
    sinks.add("processes", *_processes(stack))
    sinks.add("sentry", *receiver.sent_to("/envelope/"))


def _processes(stack: Stack) -> Iterator[str]:
    """Arguments and environment of all that runs from there, the runner first."""
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            environment = (entry / "environ").read_bytes()
            if str(stack.root).encode() in environment and int(entry.name) != os.getpid():
                yield ((entry / "cmdline").read_bytes() + b"\n" + environment).decode(errors="replace")


def _exposed(state: Path, canaries: tuple[Canary, ...]) -> list[str]:
    """Files of the state that hold a secret, as some must, and that others than their owner can read."""
    cores = [canary.core.encode() for canary in canaries]
    files = [path for path in state.rglob("*") if path.is_file() and "tools" not in path.parts]
    holding = [path for path in files if any(core in path.read_bytes() for core in cores)]
    return [str(path.relative_to(state)) for path in holding if stat.S_IMODE(path.stat().st_mode) & 0o077]


def _database_url(stack: Stack) -> str:
    password = planted.settings("", "x")["POSTGRES_PASSWORD"]
    port = 5432 + stack.offset
    return f"postgresql://trading_user:{urllib.parse.quote(password, safe='')}@127.0.0.1:{port}/trading_db"


def _rows(stack: Stack, query: str) -> int:
    import psycopg

    with psycopg.connect(_database_url(stack)) as connection:
        row = connection.execute(query.encode()).fetchone()
    return int(row[0]) if row else 0


def _token(stack: Stack) -> str:
    return (stack.root / "state" / "api_token").read_text().strip()


def _log(stack: Stack, service: str) -> str:
    return (stack.root / "logs" / service / f"{service}.log").read_text()


def _say(stack: Stack, *words: str) -> str:
    """What the command line says, whatever its exit code."""
    try:
        return f"$ {words[0]}\n" + stack.bongsu(*words)
    except AssertionError as otherwise:
        return str(otherwise)


def _fetch(
    stack: Stack,
    port: int,
    path: str,
    body: object = None,
    headers: dict[str, str] | None = None,
    method: str | None = None,
) -> str:
    """What is answered, refusals too."""
    request = urllib.request.Request(
        stack.url(port, path),
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", **(headers or {})},
        method=method,
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return str(reply.read().decode(errors="replace"))
    except urllib.error.HTTPError as refusal:
        return f"{refusal.code} {refusal.headers}\n{refusal.read().decode(errors='replace')}"


if __name__ == "__main__":
    sys.exit(main())
