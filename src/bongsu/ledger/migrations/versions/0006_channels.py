"""Messages may be held for a while and told together; and go through a second channel as well."""

from alembic import op

revision = "0006"
down_revision = "0005"

_TABLES = """
ALTER TABLE notifications
    ADD COLUMN urgency text NOT NULL DEFAULT 'info' CHECK (urgency IN ('info', 'warning', 'critical')),
    ADD COLUMN hold_until timestamptz,
    ADD COLUMN held_for text CHECK (held_for IN ('quiet', 'storm')),
    ADD COLUMN of_the_channel boolean NOT NULL DEFAULT false,
    ADD COLUMN told_in bigint REFERENCES notifications ON DELETE SET NULL,
    DROP CONSTRAINT notifications_state_check,
    ADD CONSTRAINT notifications_state_check CHECK (state IN ('pending', 'held', 'merged', 'sent', 'dead')),
    ADD CONSTRAINT notifications_held CHECK (state <> 'held' OR (hold_until IS NOT NULL AND held_for IS NOT NULL));
CREATE INDEX notifications_held_until ON notifications (hold_until) WHERE state = 'held';
CREATE INDEX notifications_ended ON notifications (ended_at) WHERE state IN ('sent', 'dead');
CREATE INDEX notifications_told_in ON notifications (told_in) WHERE told_in IS NOT NULL;
COMMENT ON TABLE notifications IS 'The outbox: a message is written with the fact it tells, and sent in order. log_line is written to the log when it was sent; maybe_sent: an attempt was made whose outcome nobody knows. Its state is that on Telegram; a second channel has its own in deliveries.';
COMMENT ON COLUMN notifications.hold_until IS 'Held back till then: for quiet hours, or because its topic was told a moment ago (a storm).';
COMMENT ON COLUMN notifications.told_in IS 'The digest or group that tells this one; then its state is merged.';

CREATE TABLE deliveries (
    notification_id bigint NOT NULL REFERENCES notifications ON DELETE CASCADE,
    channel text NOT NULL CHECK (channel IN ('mail', 'webhook')),
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'dead', 'spared')),
    only_if_late boolean NOT NULL,
    due_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    maybe_sent boolean NOT NULL DEFAULT false,
    last_error text,
    channel_id text,
    PRIMARY KEY (notification_id, channel)
);
CREATE INDEX deliveries_pending ON deliveries (channel, notification_id) WHERE state = 'pending';
COMMENT ON TABLE deliveries IS 'A message''s way through a second channel, with its own order, attempts and end. only_if_late: spared when Telegram delivers it before due_at.';

CREATE INDEX notifications_dead ON notifications (id) WHERE state = 'dead';
CREATE INDEX deliveries_dead ON deliveries (notification_id) WHERE state = 'dead';

INSERT INTO leases (name) VALUES ('sender_mail'), ('sender_webhook');
INSERT INTO lease_renewals (name) VALUES ('sender_mail'), ('sender_webhook');
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_TABLES)
