"""What the daily backup made."""

from alembic import op

revision = "0012"
down_revision = "0011"

_TABLES = """
CREATE TABLE backups (
    file text PRIMARY KEY,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    size_bytes bigint NOT NULL CHECK (size_bytes > 0)
);
COMMENT ON TABLE backups IS 'Daily backups of this ledger that were made and read back; old files go, their rows stay.';
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_TABLES)
