"""The second step of the containers, when PostgreSQL answers: `python -m bongsu.ops.stack.roles`.

Makes the bot's role and database, the exporter's role and that of Grafana, as the native stack does. At each start,
so that a changed POSTGRES_PASSWORD counts.
"""

from pathlib import Path

import psycopg

from bongsu.errors import CannotStart
from bongsu.ops.ending import told_in_words
from bongsu.ops.stack.containers import KEYS
from bongsu.ops.stack.postgres import SUPERUSER, ensure_database, ensure_exporter, ensure_reader
from bongsu.settings import Settings, load_settings

_REPAIR = (
    "\n.env의 POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB와 키 볼륨을 확인한 뒤 다시 up 하세요 "
    "(check these three of .env and the volume of keys, then up again)"
)


def furnish(settings: Settings, keys: Path, server: str) -> None:
    """`server` as host and port. Raises CannotStart."""
    try:
        _furnish(settings, keys, server)
    except psycopg.Error as refused:
        raise CannotStart(f"PostgreSQL: {refused}{_REPAIR}") from refused
    except OSError as missing:
        raise CannotStart(f"{missing.filename}: {missing.strerror}{_REPAIR}") from missing


def _furnish(settings: Settings, keys: Path, server: str) -> None:
    password = (keys / "postgres/superuser_password").read_text()
    url = f"postgresql://{SUPERUSER}:{password}@{server}/postgres"
    ensure_database(
        url,
        user=settings.postgres_user,
        password=settings.kept_postgres_password(keys / "bot"),
        database=settings.postgres_db,
    )
    if settings.database_url is None:
        ensure_exporter(url, password=(keys / "exporter/password").read_text(), database=settings.postgres_db)
        ensure_reader(
            url,
            password=(keys / "grafana/password").read_text(),
            database=settings.postgres_db,
            owner=settings.postgres_user,
        )


if __name__ == "__main__":
    with told_in_words():
        furnish(load_settings(), Path(KEYS), "postgres:5432")
