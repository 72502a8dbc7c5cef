"""The owner's chat: what was heard, which alarms are muted, in which language answers are given."""

from alembic import op

revision = "0004"
down_revision = "0003"

_TABLES = """
CREATE TABLE commands_heard (
    bot text NOT NULL,
    update_id bigint NOT NULL,
    user_id bigint NOT NULL,
    chat_id bigint NOT NULL,
    hearing text NOT NULL,
    heard_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (bot, update_id)
);
COMMENT ON TABLE commands_heard IS 'Updates of Telegram that were heard: a repeated one is ignored. What was said stands in events.';

CREATE TABLE mutes (
    alert text PRIMARY KEY,
    until timestamptz NOT NULL,
    who text NOT NULL,
    since timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE mutes IS 'Alarms the owner does not want to be told of; each ends by itself, and what fires then is told.';

CREATE TABLE chat_languages (
    chat_id bigint PRIMARY KEY,
    lang text NOT NULL CHECK (lang IN ('ko', 'en'))
);
COMMENT ON TABLE chat_languages IS 'The language of answers in a chat, where it is not that of the settings.';

INSERT INTO leases (name) VALUES ('commands');
INSERT INTO lease_renewals (name) VALUES ('commands');
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_TABLES)
