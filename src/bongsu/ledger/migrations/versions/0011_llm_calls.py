"""Every question to a model, written before it is sent."""

from alembic import op

revision = "0011"
down_revision = "0010"

_TABLES = """
CREATE TABLE llm_calls (
    id uuid PRIMARY KEY,
    market text NOT NULL,
    candle_closed_at timestamptz NOT NULL,
    at timestamptz NOT NULL,
    purpose text NOT NULL,
    model text NOT NULL,
    prompt_version text NOT NULL,
    prompt_hash text NOT NULL,
    system text NOT NULL,
    prompt text NOT NULL,
    reserved_krw numeric NOT NULL CHECK (reserved_krw >= 0),
    sent_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    outcome text,
    detail text,
    reply text,
    input_tokens bigint,
    output_tokens bigint,
    cached_tokens bigint,
    cost_krw numeric CHECK (cost_krw >= 0),
    seconds numeric
);
CREATE INDEX llm_calls_by_day ON llm_calls (sent_at);
CREATE INDEX llm_calls_by_candle ON llm_calls (market, candle_closed_at);
CREATE INDEX llm_calls_by_prompt ON llm_calls (prompt_hash, model) WHERE outcome = 'ok';
COMMENT ON TABLE llm_calls IS 'Every question to a model and its answer; until the cost is known, reserved_krw stands for it.';
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_TABLES)
