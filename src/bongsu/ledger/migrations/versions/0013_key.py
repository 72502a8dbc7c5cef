"""When the exchange's key ends, as the scheduler was last told."""

from alembic import op

revision = "0013"
down_revision = "0012"

_TABLES = """
ALTER TABLE heartbeats ADD COLUMN key_ends_at timestamptz;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_TABLES)
