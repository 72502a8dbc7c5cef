"""The schema's way to its newest version. SQLAlchemy lives beneath Alembic and nowhere else."""

from pathlib import Path

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x626F6E67  # one migration at a time: "bong"


def upgrade(database_url: str) -> None:
    """Brings the database to the newest version; safe to run from several processes at once.

    Raises sqlalchemy.exc.OperationalError when the database cannot be reached.
    """
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine, text
    from sqlalchemy.pool import NullPool

    engine = create_engine(_with_driver(database_url), poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
        connection.commit()
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
    engine.dispose()


def _with_driver(database_url: str) -> str:
    scheme, _, rest = database_url.partition("://")
    if scheme not in ("postgresql", "postgres", "postgresql+psycopg"):
        raise ValueError(f"DATABASE_URL must start with postgresql://, not {scheme}://")
    return f"postgresql+psycopg://{rest}"
