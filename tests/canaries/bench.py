"""A process full of canaries, and all that came out of it."""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from bongsu.settings import SECRET_NAMES
from canaries import planted
from canaries.planted import Canary
from canaries.sinks import Sinks
from envelopes import receive
from ports import free_port
from stage import REPOSITORY

PATIENCE = 600.0  # seconds, on a loaded machine


def play(root: Path, address: str, database_url: str, *, one_in: int) -> tuple[Sinks, tuple[Canary, ...]]:
    """`address` with CORE for its password. Each canary goes one in so many ways, and all ways are gone."""
    with receive(answer) as receiver:
        values = planted.settings(address, f"127.0.0.1:{receiver.port}")
        canaries = (*planted.of_settings(values), *planted.KEPT, *planted.SHAPES)
        plant(root, values)
        here = f"http://127.0.0.1:{receiver.port}"
        config = {
            "canaries": [asdict(canary) for canary in canaries],
            "one_in": one_in,
            "kept": [canary.name for canary in planted.KEPT],
            "state": str(root / "state"),
            "out": str(root / "out"),
            "telegram": f"{here}/telegram",
            "echo": f"{here}/echo",
            "closed": free_port(),
        }
        (root / "config.json").write_text(json.dumps(config))
        ran = run(root, "canaries.paths", str(root / "config.json"))
        assert "mark-last" in ran.stderr, ran.stderr[-3000:]
        sinks = Sinks()
        sinks.add("telegram", *receiver.sent_to("/sendMessage"))
        sinks.add("sentry", *receiver.sent_to("/envelope/"))
    sinks.add("terminal", ran.stdout, ran.stderr)
    sinks.add_folder("log", root / "logs")
    for name in ("api", "metrics", "process"):
        sinks.add(name, (root / "out" / name).read_text())
    sinks.add_ledger(database_url)
    for command in ("doctor", "logs") if one_in == 1 else ("logs",):
        told = run(root, "bongsu", command)
        sinks.add("command line", told.stdout, told.stderr)
    return sinks, canaries


def answer(head: str) -> tuple[int, str]:
    """As Telegram and Sentry would be content; what is asked below /echo gets its own request as a refusal."""
    if "/echo/" not in head.split("\n", maxsplit=1)[0]:
        return 200, json.dumps({"ok": True, "result": {"message_id": 1}})
    refusal = {"name": "jwt_verification", "message": head}
    return 400, json.dumps({"ok": False, "description": head, "error": refusal})


def plant(root: Path, values: dict[str, str]) -> None:
    lines = ["SENTRY_ENABLED=true", *(f"{name}={value}" for name, value in values.items())]
    (root / ".env").write_text("\n".join(lines) + "\n")
    (root / "state").mkdir()
    (root / "out").mkdir()
    for canary in planted.KEPT:
        (root / "state" / canary.name).write_text(canary.text)


def run(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if name not in SECRET_NAMES}
    environment |= {
        "BONGSU_ENV_FILE": str(root / ".env"),
        "BONGSU_STATE_DIR": str(root / "state"),
        "BONGSU_LOG_DIR": str(root / "logs"),
        "PYTHONPATH": os.pathsep.join((str(REPOSITORY / "src"), str(REPOSITORY / "tests"))),
        "BONGSU_LANG": "en",
    }
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        env=environment,
        cwd=root,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
