"""Trading with real money: since when, by whose word, and the cap of the first week."""

from alembic import op

revision = "0010"
down_revision = "0009"

_TABLES = """
CREATE TABLE live_start (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    consented_by text NOT NULL,
    consented_at timestamptz NOT NULL,
    cap numeric NOT NULL CHECK (cap > 0),
    cap_until timestamptz NOT NULL,
    lifted_at timestamptz,
    lifted_by text
);
COMMENT ON TABLE live_start IS 'The first start with real money: by whose word, and the most that may be held in its first week.';
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_TABLES)
