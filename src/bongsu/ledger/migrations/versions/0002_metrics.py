"""What the metrics of the contract need: the price an order was sized at, what the scheduler sees, announced restarts."""

from alembic import op

revision = "0002"
down_revision = "0001"

_TABLES = """
ALTER TABLE order_intents ADD COLUMN quote numeric;
COMMENT ON COLUMN order_intents.quote IS 'The price the order was sized at; slippage is measured against it.';

ALTER TABLE heartbeats ADD COLUMN clock_offset_seconds numeric, ADD COLUMN exchange_maintenance boolean;
COMMENT ON COLUMN heartbeats.clock_offset_seconds IS 'The exchange''s clock less ours, in wall seconds, as the process saw it last.';
COMMENT ON COLUMN heartbeats.exchange_maintenance IS 'Whether the exchange answers everything with 503.';

CREATE TABLE maintenance (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    ends_at timestamptz NOT NULL,
    who text NOT NULL
);
COMMENT ON TABLE maintenance IS 'A restart that was announced, so that its gaps ring no alarm; over by itself at ends_at.';

CREATE INDEX decisions_paid ON decisions (recorded_at) WHERE cost_krw IS NOT NULL;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_TABLES)
