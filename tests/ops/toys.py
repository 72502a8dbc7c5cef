"""A runner for tiny services (toy.py).

`toys.py run FILE` runs the stack that FILE (JSON: a list of toys) describes, as `bongsu up` runs the real one.
`toys.py ps|down|stop NAME|…` are the command line's functions.
"""

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from bongsu.errors import CannotStart
from bongsu.ops.stack import commands, control, stack
from bongsu.ops.stack.child import Launch
from bongsu.ops.stack.detach import Release, in_background
from bongsu.ops.stack.places import Places
from bongsu.ops.stack.ports import require_free
from bongsu.ops.stack.probes import http_ready
from bongsu.ops.stack.progress import Progress
from bongsu.ops.stack.services import Restarts, Service
from bongsu.ops.stack.supervisor import State, Supervisor

TOY = Path(__file__).with_name("toy.py")


def run(file: Path, *, background: bool = False) -> int:
    places = Places.from_environment()
    places.make()
    toys = json.loads(file.read_text())
    with control.only_one(places.run):
        require_free({toy["name"]: toy["port"] for toy in toys})
        launches = [launch(toy, file.parent) for toy in toys]
        if background:
            return in_background(lambda release: supervise(launches, places, release), places.log("runner"))
        return supervise(launches, places, lambda _: None)


def supervise(launches: list[Launch], places: Places, release: Release) -> int:
    async def stay_up(supervisor: Supervisor) -> bool:
        release(all(s.state is State.READY for s in supervisor.services.values()))
        return False

    healthy = asyncio.run(stack.run(launches, places, Progress(), stay_up, Restarts(first=0.05)))
    return 0 if healthy else 1


def launch(toy: dict[str, Any], root: Path) -> Launch:
    name, port = toy["name"], toy["port"]
    declared = Service(
        name,
        port,
        ready_path="/",
        memory_mb=64,
        grace=toy.get("grace", 30.0),
        starts_after=tuple(toy.get("starts_after", ())),
        stops_after=tuple(toy.get("stops_after", ())),
    )
    command = [sys.executable, str(TOY), name, str(port), str(root), *toy.get("options", ())]
    return Launch(declared, toy.get("command", command), http_ready(port, "/"))


def main() -> int:
    parser = argparse.ArgumentParser()
    parts = parser.add_subparsers(dest="part", required=True)
    run_parser = parts.add_parser("run")
    run_parser.add_argument("file", type=Path)
    run_parser.add_argument("-d", dest="background", action="store_true")
    parts.add_parser("ps")
    parts.add_parser("down")
    for wish in ("stop", "start", "restart", "logs"):
        parts.add_parser(wish).add_argument("service")
    options = parser.parse_args()
    try:
        match options.part:
            case "run":
                return run(options.file, background=options.background)
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
