"""A Prometheus of its own for the samples of one window: given them by remote write, and asked about each moment."""

import math
import os
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import numpy as np

from alarms.life import DAY, Times
from alarms.scrapes import EPOCH, Series
from stage import free_port

STALE = 0x7FF0_0000_0000_0002  # the one NaN that says that a series has ended
PATIENCE = 60.0  # seconds for a start, a delivery or an answer
_BATCH = 300_000  # samples
_MOMENTS = 10_000  # Prometheus answers for 11,000 at most

LabelSet = tuple[tuple[str, str], ...]


class Unanswered(Exception):
    """Prometheus did not start, died, or refused: nothing is known about this window."""


@dataclass(frozen=True)
class Store:
    url: str
    client: httpx2.Client = field(default_factory=lambda: httpx2.Client(timeout=PATIENCE))

    def give(self, known: Iterable[tuple[Series, Times]]) -> None:
        """Each series with the times of its samples, in seconds since the life began."""
        batch, size = b"", 0
        for series, at in known:
            batch += _length_delimited(1, _time_series(series, at))
            size += len(at)
            if size > _BATCH:
                self._write(batch)
                batch, size = b"", 0
        if batch:  # none is left where the last series filled one
            self._write(batch)

    def found(
        self, expression: str, begin: float, end: float, step: int
    ) -> dict[LabelSet, np.ndarray[Any, Any]]:
        """For each label set: at which of the moments from `begin` to `end` the expression has it, as their numbers."""
        found: dict[LabelSet, list[np.ndarray[Any, Any]]] = {}
        for labels, numbers, _ in self._answers(expression, begin, end, step):
            found.setdefault(labels, []).append(numbers)
        return {labels: np.concatenate(numbers) for labels, numbers in found.items()}

    def record(self, name: str, expression: str, begin: float, end: float, step: int) -> None:
        """As a recording rule would; where the expression has no value, the series ends."""
        at = begin + np.arange(math.floor((end - begin) / step) + 1) * step
        recorded: dict[LabelSet, Times] = {}
        for labels, numbers, values in self._answers(expression, begin, end, step):
            recorded.setdefault(labels, np.full(len(at), np.nan))[numbers] = values
        self.give((Series(name, dict(labels), values), at) for labels, values in recorded.items())

    def _answers(
        self, expression: str, begin: float, end: float, step: int
    ) -> Iterator[tuple[LabelSet, "np.ndarray[Any, Any]", Times]]:
        for first in range(0, math.floor((end - begin) / step) + 1, _MOMENTS):
            start = begin + first * step
            until = min(end, start + (_MOMENTS - 1) * step)
            for one in self._ask(expression, start, until, step):
                labels = tuple(sorted((k, v) for k, v in one["metric"].items() if k != "__name__"))
                moments = np.array([float(moment) for moment, _ in one["values"]]) - EPOCH
                values = np.array([float(value) for _, value in one["values"]])
                yield labels, np.rint((moments - begin) / step).astype(int), values

    def _ask(self, expression: str, start: float, end: float, step: int) -> list[Any]:
        question = {"query": expression, "start": start + EPOCH, "end": end + EPOCH, "step": step}
        answer = self._post("/api/v1/query_range", data=question).json()
        if answer.get("warnings"):
            raise Unanswered(str(answer["warnings"]))
        return list(answer["data"]["result"])

    def _write(self, batch: bytes) -> None:
        headers = {
            "Content-Encoding": "snappy",
            "Content-Type": "application/x-protobuf",
            "X-Prometheus-Remote-Write-Version": "0.1.0",
        }
        self._post("/api/v1/write", content=_snappy(batch), headers=headers)

    def _post(self, path: str, **request: Any) -> httpx2.Response:
        try:
            return self.client.post(self.url + path, **request).raise_for_status()
        except httpx2.HTTPStatusError as refused:
            raise Unanswered(refused.response.text) from refused
        except httpx2.HTTPError as error:
            raise Unanswered(repr(error)) from error


@contextmanager
def open_store(prometheus: Path, directory: Path) -> Iterator[Store]:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "prometheus.yml").write_text("{}", encoding="utf-8")
    url = f"http://127.0.0.1:{(port := free_port())}"
    command: list[str | Path] = [
        prometheus,
        f"--config.file={directory / 'prometheus.yml'}",
        f"--storage.tsdb.path={directory / 'tsdb'}",
        # Half of this is how far a series may lie behind another one: all of them are given one after the other.
        f"--storage.tsdb.min-block-duration={100 * DAY}s",
        f"--storage.tsdb.max-block-duration={100 * DAY}s",
        f"--storage.tsdb.retention.time={1000 * DAY}s",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-remote-write-receiver",
        "--log.level=warn",
    ]
    with (directory / "prometheus.log").open("wb") as log:
        # It lives for seconds: memory is cheaper than collecting it.
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env={**os.environ, "GOGC": "400"}, start_new_session=True
        )
        try:
            _await(process, url, directory / "prometheus.log")
            yield Store(url)
        finally:
            process.kill()
            process.wait()


def _await(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx2.get(f"{url}/-/ready").is_success:
                return
        except httpx2.HTTPError:
            pass
        time.sleep(0.05)
    raise Unanswered(f"Prometheus did not start: {log.read_text('utf-8', 'replace')[-2000:]}")


def _time_series(series: Series, at: Times) -> bytes:
    labels = sorted({"__name__": series.name, **series.labels}.items())
    named = b"".join(_length_delimited(1, _label(name, value)) for name, value in labels)
    return named + _samples(series.values, at)


def _label(name: str, value: str) -> bytes:
    return _length_delimited(1, name.encode()) + _length_delimited(2, value.encode())


def _samples(values: Times, at: Times) -> bytes:
    """Of 18 bytes each. `nan` is no sample; the first one after a value ends the series, as a scrape without it does."""
    missing = np.isnan(values)
    ends = missing & np.concatenate([[False], ~missing[:-1]])
    bits = np.where(ends, np.uint64(STALE), values.view(np.uint64))
    shown = ~missing | ends
    written = np.empty((int(shown.sum()), 18), dtype=np.uint8)
    written[:, :3] = (0x12, 16, 0x09)
    written[:, 3:11] = bits[shown].astype("<u8").view(np.uint8).reshape(-1, 8)
    written[:, 11] = 0x10
    milliseconds = np.rint((at[shown] + EPOCH) * 1000).astype(np.int64)
    for byte in range(6):  # any time between 1971 and 2109 takes six
        written[:, 12 + byte] = (milliseconds >> (7 * byte) & 0x7F) | (0x80 if byte < 5 else 0)
    return written.tobytes()


def _length_delimited(field_number: int, content: bytes) -> bytes:
    return bytes([field_number << 3 | 2]) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])


def _snappy(content: bytes) -> bytes:
    """In its format, but not compressed: one literal."""
    return _varint(len(content)) + b"\xfc" + (len(content) - 1).to_bytes(4, "little") + content


Answers = Mapping[LabelSet, "np.ndarray[Any, Any]"]
