"""A message may be the words under a picture."""

from alembic import op

revision = "0005"
down_revision = "0004"

_TABLES = """
ALTER TABLE notifications ADD COLUMN picture bytea;
COMMENT ON COLUMN notifications.picture IS 'A PNG, under which the text stands; kept with it, so that it goes out as it was drawn.';
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_TABLES)
