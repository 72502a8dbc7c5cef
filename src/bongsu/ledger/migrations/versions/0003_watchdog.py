"""When the alarm that always fires last came."""

from alembic import op

revision = "0003"
down_revision = "0002"

_TABLES = """
CREATE TABLE watchdog (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    proven_at timestamptz
);
COMMENT ON TABLE watchdog IS 'When the alarm that always fires was made that last reached us: the proof that alarms arrive. NULL before the first.';
INSERT INTO watchdog DEFAULT VALUES;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_TABLES)
