"""Where the stack keeps what it keeps."""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[4]
_SYSTEM = Path("/var/lib/bongsu")


@dataclass(frozen=True, slots=True)
class Places:
    """All absolute. `storage` is apart from `state` for root alone, whose home may be closed to PostgreSQL's account."""

    state: Path
    logs: Path
    storage: Path
    port_offset: int = 0

    @classmethod
    def from_environment(cls, port_offset: int | None = None) -> "Places":
        """Without `port_offset` the environment's, else that of the stack that runs from here, else 0."""
        state = Path(os.environ.get("BONGSU_STATE_DIR", ".bongsu")).absolute()
        logs = Path(os.environ.get("BONGSU_LOG_DIR", "logs")).absolute()
        places = cls(state, logs, _storage(state))
        if port_offset is None:
            known = {**places.running_environment(), **os.environ}
            port_offset = int(known.get("BONGSU_PORT_OFFSET", "0"))
        return replace(places, port_offset=port_offset)

    def running_environment(self) -> dict[str, str]:
        """What the running stack told its processes, addresses and secrets included; empty when none runs."""
        try:
            return dict(json.loads(self._environment.read_text()))
        except FileNotFoundError:
            return {}

    @contextlib.contextmanager
    def publish(self, environment: Mapping[str, str]) -> Iterator[None]:
        """Lets other terminals of this user find the stack, as long as it runs."""
        write_private(self._environment, json.dumps(environment))
        try:
            yield
        finally:
            self._environment.unlink(missing_ok=True)

    @property
    def _environment(self) -> Path:
        return self.run / "environment.json"

    def port(self, usual: int) -> int:
        return usual + self.port_offset

    def world(self, world_id: str) -> Path:
        return self.storage / "worlds" / world_id

    @property
    def programs(self) -> Path:
        """Readable for everybody; shared by all checkouts of this machine when we are root."""
        return (_SYSTEM if self.storage.parent == _SYSTEM else self.storage) / "programs"

    @property
    def tools(self) -> Path:
        """The alarm servers, unpacked and not installed."""
        return self.state / "tools"

    @property
    def run(self) -> Path:
        """What only matters while the stack is up: socket, lock, rendered configuration."""
        return self.state / "run"

    def log(self, service: str) -> Path:
        return self.logs / service / f"{service}.log"

    def make(self) -> None:
        for private in (self.state, self.run):
            private.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.storage.mkdir(parents=True, exist_ok=True, mode=0o755)
        self.logs.mkdir(parents=True, exist_ok=True)


def _storage(state: Path) -> Path:
    if chosen := os.environ.get("BONGSU_DATA_DIR"):
        return Path(chosen).absolute()
    if os.geteuid() != 0:
        return state
    return _SYSTEM / hashlib.sha256(str(state).encode()).hexdigest()[:12]


def write_private(path: Path, text: str) -> None:
    """Replaces `path` at once by a file that its owner alone can read."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.touch(mode=0o600)
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
