"""The first step of the containers: `python -m bongsu.ops.stack.prepare`.

Makes the keys and gives each folder of them to the one account that may read it; writes Alertmanager's configuration,
whose image has no program that could; opens `./logs` and `./backups` to our account and to their owner. As root, with
the capabilities for just that and without a network. Nothing that exists is changed but what `.env` decides.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from bongsu.errors import CannotStart
from bongsu.ops.ending import told_in_words
from bongsu.ops.stack.containers import BACKUPS, ENV_FILE, KEYS, KEYS_GROUP, LOGS, OWN_UID, READERS
from bongsu.ops.stack.exporter import foreign_source
from bongsu.ops.stack.places import CHECKOUT
from bongsu.ops.stack.postgres import EXPORTER
from bongsu.ops.stack.render import render_alertmanager, telegram_account
from bongsu.settings import Settings, keep_secret, load_settings

_PROCESSES = ("backend", "exchange", "scheduler")
_WEBHOOK = "http://backend:8000/api/v1/alerts/webhook"
_STAND_IN = "http://exchange:8700/telegram"


@dataclass(frozen=True, slots=True)
class Keys:
    """`mine` are kept as they are once they are made, the others written anew at each start."""

    directory: Path

    def folder(self, reader: str) -> Path:
        return self.directory / reader

    def make(self, settings: Settings) -> None:
        for reader in READERS:
            self.folder(reader).mkdir(mode=0o750, exist_ok=True)
        token = keep_secret(self.folder("bot") / "api_token")
        if settings.postgres_password is None:
            keep_secret(self.folder("bot") / "postgres_password")
        keep_secret(self.folder("postgres") / "superuser_password")
        keep_secret(self.folder("grafana") / "password")
        for name, text in self._source(settings).items():
            self._write(self.folder("exporter") / name, text)
        self._write(self.folder("alertmanager") / "api_token", token)
        self._write(self.folder("alertmanager") / "alertmanager.yml", self._routes(settings))

    def hand_over(self) -> None:
        """Nobody else reads them, but for the step that sets the passwords in the database."""
        for reader, uid in READERS.items():
            for path in (self.folder(reader), *self.folder(reader).iterdir()):
                os.chown(path, uid, KEYS_GROUP)
                path.chmod(0o750 if path.is_dir() else 0o440)

    def _routes(self, settings: Settings) -> str:
        return render_alertmanager(
            CHECKOUT / "monitoring/alertmanager.yml.tmpl",
            webhook=_WEBHOOK,
            token_file=Path(KEYS) / "alertmanager/api_token",
            telegram=telegram_account(settings, _STAND_IN),
        )

    def _source(self, settings: Settings) -> dict[str, str]:
        """The exporter's; by the owner's own address where there is one."""
        if chosen := settings.data_source_name or settings.database_url:
            return _taken_apart(foreign_source(chosen.get_secret_value(), None))
        password = keep_secret(self.folder("exporter") / "password")
        where = f"postgres:5432/{quote(settings.postgres_db, safe='')}?sslmode=disable&connect_timeout=5"
        return {"uri": where, "user": EXPORTER, "password": password}

    @staticmethod
    def _write(path: Path, text: str) -> None:
        """In one step: a server may be reading the one before."""
        fresh = path.with_name(f".{path.name}")
        fresh.touch(mode=0o600)
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)


def _taken_apart(source: Mapping[str, str]) -> dict[str, str]:
    """As the exporter wants it where no secret may stand in the environment."""
    parts = urlsplit(source["DATA_SOURCE_NAME"])
    where = parts.netloc.rpartition("@")[2]
    return {
        "uri": f"{where}{parts.path}?{parts.query}",
        "user": unquote(parts.username or ""),
        "password": source.get("PGPASSWORD", ""),
    }


def open_logs(logs: Path, env_file: Path) -> None:
    """Our account writes there; whoever owns `.env` can delete and pack what it wrote."""
    owner = env_file.stat().st_uid
    for folder in (logs, *(logs / name for name in _PROCESSES)):
        folder.mkdir(exist_ok=True)
        os.chown(folder, owner, OWN_UID)
        folder.chmod(0o2775)
        for log in folder.glob("*.log"):
            os.chown(log, -1, OWN_UID)
            log.chmod(0o664)


def open_backups(backups: Path, env_file: Path) -> None:
    """Our account writes there what nobody else may read; whoever owns `.env` can list and delete it."""
    backups.mkdir(exist_ok=True)
    os.chown(backups, env_file.stat().st_uid, OWN_UID)
    backups.chmod(0o770)


def prepare(keys: Keys, logs: Path, backups: Path, env_file: Path) -> None:
    """Raises SettingsInvalid and CannotStart."""
    settings = load_settings(env_file)
    try:
        keys.make(settings)
        keys.hand_over()
        open_logs(logs, env_file)
        open_backups(backups, env_file)
    except OSError as refused:
        raise CannotStart(
            f"{refused.filename}: {refused.strerror}. 키 볼륨과 ./logs, ./backups 에 쓸 수 있어야 합니다 "
            "(the volume of keys, ./logs and ./backups must be writable)"
        ) from refused


if __name__ == "__main__":
    with told_in_words():
        prepare(
            Keys(Path(KEYS)), Path(LOGS), Path(BACKUPS), Path(os.environ.get("BONGSU_ENV_FILE", ENV_FILE))
        )
