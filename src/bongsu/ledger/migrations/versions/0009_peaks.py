"""How high a position ever stood, for the trailing stop."""

from alembic import op

revision = "0009"
down_revision = "0008"

_TABLES = """
ALTER TABLE positions ADD COLUMN peak numeric;
COMMENT ON COLUMN positions.peak IS 'The highest price since the entry that two quotes confirmed; the trailing stop hangs on it.';
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_TABLES)
