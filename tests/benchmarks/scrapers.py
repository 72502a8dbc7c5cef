"""Ten Prometheuses at once, in a process that shares nothing with the backend: `python scrapers.py PORT SECONDS`."""

import gzip
import json
import sys
import threading
import time
from http.client import HTTPConnection

SCRAPERS = 10
PAUSE = 0.7  # seconds; longer than a page is kept, so that each round has one made


def ask(connection: HTTPConnection, path: str) -> tuple[float, bytes]:
    """Seconds until the answer was there, and the answer."""
    began = time.perf_counter()
    connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
    body = connection.getresponse().read()
    return time.perf_counter() - began, body


def scrape(port: int, seconds: float) -> dict[str, object]:
    """Each round all ask for `/metrics` at the same moment, and all for an empty answer at another one.

    What the first round took, while everything starts, is told apart as `cold`.
    """
    times: dict[str, list[float]] = {"/metrics": [], "/nothing": []}
    ups: list[bool] = []
    together = threading.Barrier(SCRAPERS)
    rounds = int(seconds / PAUSE)

    def one() -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        for _ in range(rounds):
            bodies = []
            for path, taken in times.items():
                together.wait()
                took, body = ask(connection, path)
                taken.append(took)
                bodies.append(body)
            ups.append(b"\nledger_up 1.0" in gzip.decompress(bodies[0]))
            time.sleep(PAUSE)

    threads = [threading.Thread(target=one) for _ in range(SCRAPERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    cold = {path: max(taken[:SCRAPERS]) for path, taken in times.items()}
    warm = {path: taken[SCRAPERS:] for path, taken in times.items()}
    return {"cold": cold, "times": warm, "up": sum(ups) / len(ups)}


if __name__ == "__main__":
    print(json.dumps(scrape(int(sys.argv[1]), float(sys.argv[2]))))
