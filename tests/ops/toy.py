"""One tiny service: `toy.py NAME PORT ROOT …` answers HTTP and notes its start and its stop.

It imports nothing of ours, so that many of them start quickly.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any


def note(root: Path, text: str) -> None:
    with (root / "journal").open("a") as journal:
        journal.write(f"{text}\n")


def serve(options: argparse.Namespace) -> None:
    root, name = options.root, options.name
    note(root, f"start {name}")
    fresh = root / f"{name}.pid.new"
    fresh.write_text(str(os.getpid()))
    fresh.rename(root / f"{name}.pid")
    if options.grandchild:
        grandchild = subprocess.Popen(["sleep", "300"])
        (root / f"{name}.grandchild.pid").write_text(str(grandchild.pid))
    if options.exit_code is not None:
        print(f"{name} gives up", flush=True)
        sys.exit(options.exit_code)
    time.sleep(options.late)
    server = HTTPServer(("127.0.0.1", options.port), Answer)
    signal.signal(signal.SIGTERM, signal.SIG_IGN if options.deaf else lambda *_: stop(options))
    print(f"{name} listens", flush=True)
    server.serve_forever()


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return


def stop(options: argparse.Namespace) -> None:
    time.sleep(options.slow)
    for number in range(options.last_words):
        print("word", number)
    note(options.root, f"stop {options.name}")
    sys.exit(0)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("port", type=int)
    parser.add_argument("root", type=Path)
    parser.add_argument("--exit-code", type=int)
    parser.add_argument("--slow", type=float, default=0, help="seconds it takes to stop")
    parser.add_argument("--last-words", type=int, default=0, help="lines it prints when it stops")
    parser.add_argument("--late", type=float, default=0, help="seconds until it answers")
    parser.add_argument("--deaf", action="store_true", help="ignores SIGTERM")
    parser.add_argument("--grandchild", action="store_true", help="starts a process of its own")
    serve(parser.parse_args())


if __name__ == "__main__":
    main()
