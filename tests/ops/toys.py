"""Tiny services and a runner for them.

`toys.py run FILE` runs the stack that FILE (JSON: a list of toys) describes, as `bongsu up` runs the real one.
`toys.py serve NAME …` is one toy: an HTTP server that notes its start and its stop.
`toys.py ps|down|stop NAME|…` are the command line's functions.
"""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from bongsu.errors import CannotStart
from bongsu.ops.stack import commands, control, stack
from bongsu.ops.stack.child import Launch
from bongsu.ops.stack.places import Places
from bongsu.ops.stack.ports import require_free
from bongsu.ops.stack.probes import http_ready
from bongsu.ops.stack.progress import Progress
from bongsu.ops.stack.services import Restarts, Service
from bongsu.ops.stack.supervisor import Supervisor


def note(root: Path, text: str) -> None:
    with (root / "journal").open("a") as journal:
        journal.write(f"{text}\n")


def serve(options: argparse.Namespace) -> None:
    root, name = options.root, options.name
    note(root, f"start {name}")
    (root / f"{name}.pid").write_text(str(os.getpid()))
    if options.grandchild:
        grandchild = subprocess.Popen(["sleep", "300"])
        (root / f"{name}.grandchild.pid").write_text(str(grandchild.pid))
    if options.exit_code is not None:
        print(f"{name} gives up", flush=True)
        sys.exit(options.exit_code)
    server = HTTPServer(("127.0.0.1", options.port), Answer)
    signal.signal(
        signal.SIGTERM, signal.SIG_IGN if options.deaf else lambda *_: stop(root, name, options.slow)
    )
    print(f"{name} listens", flush=True)
    server.serve_forever()


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return


def stop(root: Path, name: str, slow: float) -> None:
    time.sleep(slow)
    note(root, f"stop {name}")
    sys.exit(0)


def run(file: Path) -> int:
    places = Places.from_environment()
    places.make()
    toys = json.loads(file.read_text())
    with control.only_one(places.run):
        require_free({toy["name"]: toy["port"] for toy in toys})
        launches = [launch(toy, file.parent) for toy in toys]
        healthy = asyncio.run(stack.run(launches, places, Progress(), stay_up, Restarts(first=0.05)))
    return 0 if healthy else 1


async def stay_up(_: Supervisor) -> bool:
    return False


def launch(toy: dict[str, Any], root: Path) -> Launch:
    name, port = toy["name"], toy["port"]
    declared = Service(
        name,
        port,
        ready_path="/",
        memory_mb=64,
        grace=toy.get("grace", 5.0),
        starts_after=tuple(toy.get("starts_after", ())),
        stops_after=tuple(toy.get("stops_after", ())),
    )
    command = [sys.executable, __file__, "serve", name, str(port), str(root), *toy.get("options", ())]
    return Launch(declared, toy.get("command", command), http_ready(port, "/"))


def main() -> int:
    parser = argparse.ArgumentParser()
    parts = parser.add_subparsers(dest="part", required=True)
    parts.add_parser("run").add_argument("file", type=Path)
    served = parts.add_parser("serve")
    served.add_argument("name")
    served.add_argument("port", type=int)
    served.add_argument("root", type=Path)
    served.add_argument("--exit-code", type=int)
    served.add_argument("--slow", type=float, default=0)
    served.add_argument("--deaf", action="store_true")
    served.add_argument("--grandchild", action="store_true")
    parts.add_parser("ps")
    parts.add_parser("down")
    for wish in ("stop", "start", "restart", "logs"):
        parts.add_parser(wish).add_argument("service")
    options = parser.parse_args()
    try:
        match options.part:
            case "serve":
                serve(options)
            case "run":
                return run(options.file)
            case "ps":
                return commands.ps(as_json=True)
            case "down":
                return commands.down()
            case wish:
                return int(getattr(commands, wish)(options.service))
    except CannotStart as refusal:
        print(refusal)
        return 69
    return 0


if __name__ == "__main__":
    sys.exit(main())
