"""What the exchange lets anybody do in a market."""

from alembic import op

revision = "0007"
down_revision = "0006"

_TABLES = """
CREATE TABLE market_states (
    market text PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('active', 'warning', 'suspended', 'delisted')),
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE market_states IS 'Configured and held markets as the exchange was last seen to have them; bought is only in an active one.';
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_TABLES)
