"""What was moved from outside is adopted, and waits for its owner's word."""

from alembic import op

revision = "0008"
down_revision = "0007"

_TABLES = """
ALTER TABLE funds_moved ADD COLUMN flow numeric NOT NULL DEFAULT 0;
UPDATE funds_moved SET flow = amount WHERE currency = 'KRW';
COMMENT ON COLUMN funds_moved.flow IS 'By how much the bot''s equity moved with it, in won: no profit. Coins that never were the bot''s move none of it.';

CREATE TABLE adoptions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    currency text NOT NULL,
    market text,
    amount numeric NOT NULL,
    taken numeric NOT NULL,
    price numeric,
    found jsonb NOT NULL,
    acknowledged_at timestamptz,
    acknowledged_by text
);
CREATE INDEX adoptions_waiting ON adoptions (market) WHERE acknowledged_at IS NULL;
COMMENT ON TABLE adoptions IS 'Differences that were taken into our books as external; until the owner acknowledges one, its market is not bought.';
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_TABLES)
