"""Where the other processes are."""

from pathlib import Path
from urllib.parse import quote

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from bongsu.core.redaction import KNOWN
from bongsu.settings.owner import TELEGRAM_API, Settings


class Wiring(BaseSettings):
    """Where the other processes are: given by the runner, not by the owner."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    bongsu_state_dir: Path = Path(".bongsu")
    bongsu_log_dir: Path = Path("logs")
    bongsu_env_file: Path = Path(".env")
    bongsu_port_offset: int = 0
    database_url: SecretStr | None = None
    postgres_host: str | None = None  # where the owner's user, password and database lead, in containers
    exchange_url: str = "http://127.0.0.1:8700"
    telegram_api_url: str | None = None
    prometheus_url: str = "http://127.0.0.1:9090"
    alertmanager_url: str = "http://127.0.0.1:9093"
    bongsu_storage_dir: Path | None = None
    bongsu_backup_dir: Path | None = None
    world_id: str | None = None
    bind_host: str = "127.0.0.1"  # in a container all interfaces: its ports are published on loopback only
    pulse_file: Path | None = None  # touched at each heartbeat, for the container's health check
    classic_prometheus: bool = True  # Debian's build shows its pages under /classic

    def port(self, usual: int) -> int:
        return usual + self.bongsu_port_offset

    @property
    def runbook_pages(self) -> str:
        """The backend's, as this machine reaches it."""
        return f"http://127.0.0.1:{self.port(8000)}/runbooks"

    @property
    def api_token_file(self) -> Path:
        return self.bongsu_state_dir / "api_token"

    @property
    def backups(self) -> Path:
        return self.bongsu_backup_dir or self.bongsu_state_dir / "backups"

    def telegram_api(self, settings: Settings) -> str:
        """Telegram's own when it is switched on, else the exchange's stand-in."""
        usual = TELEGRAM_API if settings.telegram_enabled else f"{self.exchange_url}/telegram"
        return self.telegram_api_url or usual

    def find_database(self, settings: Settings) -> str | None:
        """Given by the runner, or the owner's own, or that of the container network."""
        given = self.database_url or settings.database_url
        if given is not None:
            KNOWN.learn([given.get_secret_value()])
            return given.get_secret_value()
        if self.postgres_host is None:
            return None
        password = settings.kept_postgres_password(self.bongsu_state_dir)
        user, database = quote(settings.postgres_user, safe=""), quote(settings.postgres_db, safe="")
        return f"postgresql://{user}:{quote(password, safe='')}@{self.postgres_host}:5432/{database}"


def account_of(mode: str, world_id: str) -> str:
    """What an order's identifier is made from, besides the wish: two worlds never share one.

    In live trading there is one world, so that a ledger begun anew cannot repeat the order of a candle.
    """
    return f"{mode}:{world_id}"
