"""A server on loopback that takes what is meant for others, Sentry first, and keeps it as it came."""

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Receiver:
    """`bodies` unpacked; `heads` are the lines and headers of the requests."""

    port: int = 0
    bodies: list[str] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)

    def dsn(self, key: str) -> str:
        return f"http://{key}@127.0.0.1:{self.port}/42"

    def sent_to(self, path: str) -> list[str]:
        """The bodies of the requests whose line holds `path`."""
        return [b for b, head in zip(self.bodies, self.heads, strict=True) if path in head.split("\n")[0]]

    def events(self) -> list[dict[str, Any]]:
        return [event for body in self.sent_to("/envelope/") for event in _events(body)]


def _events(body: str) -> Iterator[dict[str, Any]]:
    """Of an envelope: after its head, pairs of an item's head and the item."""
    lines = [json.loads(line) for line in body.splitlines() if line.strip()]
    for head, item in zip(lines[1::2], lines[2::2], strict=True):
        if head.get("type") == "event":
            yield item


Answer = Callable[[str], tuple[int, str]]  # by the request's line and headers: a status and what is said


@contextmanager
def receive(answer: Answer = lambda _: (200, "{}")) -> Iterator[Receiver]:
    receiver = Receiver()

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            plain = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
            head = f"{self.requestline}\n{self.headers}"
            receiver.bodies.append(plain.decode())
            receiver.heads.append(head)
            status, said = answer(head)
            self.send_response(status)
            self.send_header("Content-Length", str(len(said.encode())))
            self.end_headers()
            self.wfile.write(said.encode())

        do_GET = do_POST  # noqa: N815 - the library's name

        def log_message(self, *_: Any) -> None:
            """Not on the terminal of the tests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
    receiver.port = server.server_port
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
