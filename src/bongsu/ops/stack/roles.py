"""The second step of the containers, when PostgreSQL answers: `python -m bongsu.ops.stack.roles`.

Makes the bot's role and database, the exporter's role and that of Grafana, as the native stack does. At each start,
so that a changed POSTGRES_PASSWORD counts.
"""

from pathlib import Path

from bongsu.ops.stack.containers import ENV_FILE, KEYS
from bongsu.ops.stack.postgres import SUPERUSER, ensure_database, ensure_exporter, ensure_reader
from bongsu.settings import Settings, load_settings


def furnish(settings: Settings, keys: Path, server: str) -> None:
    """`server` as host and port."""
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
    furnish(load_settings(Path(ENV_FILE)), Path(KEYS), "postgres:5432")
