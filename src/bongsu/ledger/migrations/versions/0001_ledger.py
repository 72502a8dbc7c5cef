"""The ledger: everything the bot remembers."""

from alembic import op

revision = "0001"
down_revision = None

# Columns named `at`, `*_at` hold market time where the row is about the market, and wall time (`recorded_at`, `started_at`, …) where it is about a process; in paper and live the two are one.
# A table's and a column's comment is its documentation; guides are generated from it.
_TABLES = """
CREATE TABLE world (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    id text NOT NULL,
    mode text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE world IS 'Which world this ledger belongs to; two worlds never share one.';

CREATE TABLE leases (
    name text PRIMARY KEY,
    epoch bigint NOT NULL DEFAULT 0,
    holder text,
    taken_at timestamptz
);
COMMENT ON TABLE leases IS 'Who leads; the epoch changes only at take-over.';

CREATE TABLE lease_renewals (
    name text PRIMARY KEY REFERENCES leases,
    renewed_at timestamptz
);
COMMENT ON TABLE lease_renewals IS 'When the leader last said so: apart from the epoch, so that neither lock waits for the other. NULL: released.';

CREATE TABLE heartbeats (
    process text PRIMARY KEY,
    instance text NOT NULL,
    started_at timestamptz NOT NULL,
    beat_at timestamptz NOT NULL
);
COMMENT ON TABLE heartbeats IS 'Written every 5 s from the event loop of each process: a blocked loop looks dead.';

CREATE TABLE jobs (
    name text PRIMARY KEY,
    interval_seconds numeric NOT NULL,
    deadline_seconds numeric NOT NULL,
    registered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    next_at timestamptz
);
COMMENT ON TABLE jobs IS 'The jobs the scheduler runs; interval and deadline in wall seconds, next_at in market time.';

CREATE TABLE job_runs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_name text NOT NULL REFERENCES jobs,
    scheduled_for timestamptz NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    outcome text CHECK (outcome IN ('success', 'failure', 'skipped')),
    reason text,
    epoch bigint NOT NULL,
    requested_by uuid,
    UNIQUE NULLS NOT DISTINCT (job_name, scheduled_for, requested_by)
);
CREATE INDEX job_runs_recent ON job_runs (job_name, id DESC);
CREATE INDEX job_runs_ended ON job_runs (job_name, outcome, id DESC);
CREATE INDEX job_runs_running ON job_runs (id) WHERE outcome IS NULL;
COMMENT ON TABLE job_runs IS 'One row per run; one run per job and scheduled time, ever (a run asked for by hand names its control).';

CREATE TABLE candles (
    market text NOT NULL,
    interval_seconds integer NOT NULL,
    opened_at timestamptz NOT NULL,
    open numeric NOT NULL,
    high numeric NOT NULL,
    low numeric NOT NULL,
    close numeric NOT NULL,
    volume numeric NOT NULL,
    value numeric NOT NULL,
    synthetic boolean NOT NULL DEFAULT false,
    PRIMARY KEY (market, interval_seconds, opened_at)
);
COMMENT ON TABLE candles IS 'Closed candles the bot decided on; synthetic ones fill an interval without a trade.';

CREATE TABLE decisions (
    id uuid PRIMARY KEY,
    market text NOT NULL,
    candle_closed_at timestamptz NOT NULL,
    at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    advisor text NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('accepted', 'rejected', 'skipped')),
    action text CHECK (action IN ('buy', 'sell', 'hold')),
    confidence numeric,
    confidence_label text,
    size numeric,
    reasons jsonb NOT NULL DEFAULT '[]',
    invalidation numeric,
    refusal text,
    refusal_detail text,
    snapshot jsonb,
    advice jsonb,
    model text,
    prompt_version text,
    input_tokens integer,
    output_tokens integer,
    cost_krw numeric,
    latency_seconds numeric
);
CREATE INDEX decisions_recent ON decisions (at DESC);
CREATE INDEX decisions_by_market ON decisions (market, at DESC);
COMMENT ON TABLE decisions IS 'What the advisor was shown and said, and whether its words were accepted; refusal says why not.';

CREATE TABLE order_intents (
    identifier uuid PRIMARY KEY,
    market text NOT NULL,
    side text NOT NULL CHECK (side IN ('buy', 'sell')),
    trigger text NOT NULL,
    key text NOT NULL,
    reason text NOT NULL,
    confidence text NOT NULL,
    at timestamptz NOT NULL,
    funds numeric,
    volume numeric,
    decision_id uuid REFERENCES decisions,
    epoch bigint NOT NULL,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'unknown', 'filled', 'unfilled', 'rejected')),
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    unknown_since timestamptz,
    fenced boolean NOT NULL DEFAULT false,
    closed_at timestamptz,
    close_reason text,
    CHECK ((funds IS NULL) <> (volume IS NULL))
);
CREATE UNIQUE INDEX one_open_intent_per_market ON order_intents (market) WHERE state IN ('open', 'unknown');
CREATE INDEX order_intents_recent ON order_intents (at DESC);
COMMENT ON TABLE order_intents IS 'What we meant to do, written before it was sent.';

CREATE TABLE orders (
    uuid uuid PRIMARY KEY,
    identifier uuid UNIQUE REFERENCES order_intents,
    market text NOT NULL,
    side text NOT NULL CHECK (side IN ('buy', 'sell')),
    state text NOT NULL,
    executed_volume numeric NOT NULL,
    executed_funds numeric NOT NULL,
    paid_fee numeric NOT NULL,
    created_at timestamptz NOT NULL,
    realized numeric,
    origin text NOT NULL DEFAULT 'bot' CHECK (origin IN ('bot', 'external')),
    recovered boolean NOT NULL DEFAULT false,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX orders_recent ON orders (created_at DESC);
COMMENT ON TABLE orders IS 'Final orders as the exchange tells them; realized is the profit a sell took, fees taken off.';

CREATE TABLE fills (
    uuid uuid PRIMARY KEY,
    order_uuid uuid NOT NULL REFERENCES orders,
    market text NOT NULL,
    side text NOT NULL,
    price numeric NOT NULL,
    volume numeric NOT NULL,
    funds numeric NOT NULL,
    at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX fills_by_order ON fills (order_uuid);
COMMENT ON TABLE fills IS 'Executions; the primary key is the exchange''s trade uuid, so none is booked twice.';

CREATE TABLE positions (
    market text PRIMARY KEY,
    volume numeric NOT NULL CHECK (volume >= 0),
    cost numeric NOT NULL,
    realized numeric NOT NULL,
    opened_at timestamptz,
    price numeric,
    valued_at timestamptz
);
COMMENT ON TABLE positions IS 'Holdings by average cost, fees inside; price is the last one they were valued at.';

CREATE TABLE cash (
    currency text PRIMARY KEY,
    amount numeric NOT NULL
);
COMMENT ON TABLE cash IS 'The won balance by our own books: funds that came in, less what was bought, plus what was sold, less fees.';

CREATE TABLE funds_moved (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    currency text NOT NULL,
    amount numeric NOT NULL,
    note text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE funds_moved IS 'Deposits, withdrawals and trades by hand: external, never the bot''s profit.';

CREATE TABLE portfolio (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    cash numeric NOT NULL,
    equity numeric NOT NULL,
    peak_equity numeric NOT NULL
);
COMMENT ON TABLE portfolio IS 'The newest valuation.';

CREATE TABLE portfolio_snapshots (
    at timestamptz PRIMARY KEY,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    cash numeric NOT NULL,
    equity numeric NOT NULL,
    drawdown numeric NOT NULL
);
COMMENT ON TABLE portfolio_snapshots IS 'The equity curve: one row each 15 minutes of market time.';

CREATE TABLE periods (
    scope text NOT NULL CHECK (scope IN ('daily', 'weekly')),
    started_at timestamptz NOT NULL,
    equity numeric NOT NULL,
    measured_at timestamptz NOT NULL,
    PRIMARY KEY (scope, started_at)
);
COMMENT ON TABLE periods IS 'Equity at the start of each trading day and week (its first valuation); profit is measured against it, funds moved after measured_at are taken out.';

CREATE TABLE breakers (
    scope text PRIMARY KEY CHECK (scope IN ('daily', 'weekly')),
    active boolean NOT NULL DEFAULT false,
    tripped_at timestamptz,
    until timestamptz,
    loss numeric
);
COMMENT ON TABLE breakers IS 'Circuit breakers: they block buys, outlive restarts and reset by themselves.';

CREATE TABLE switches (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    killed boolean NOT NULL DEFAULT false,
    killed_at timestamptz,
    enabled_since timestamptz NOT NULL DEFAULT clock_timestamp(),
    reconciled_at timestamptz,
    mismatches jsonb NOT NULL DEFAULT '[]',
    risk_checked_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE switches IS 'The kill switch and what else the risk gate must know; locked by the transaction that writes an intent.';

CREATE TABLE pauses (
    reason text PRIMARY KEY,
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    who text NOT NULL,
    note text NOT NULL
);
COMMENT ON TABLE pauses IS 'Why no buys are made; empty when trading.';

CREATE TABLE controls (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    args jsonb NOT NULL DEFAULT '{}',
    who text NOT NULL,
    why text NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'refused')),
    ended_at timestamptz,
    result text
);
CREATE INDEX controls_pending ON controls (requested_at) WHERE state = 'pending';
COMMENT ON TABLE controls IS 'What the owner asked for, by whom and why; the scheduler carries it out.';

CREATE TABLE events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('info', 'warning', 'error')),
    source text NOT NULL,
    message text NOT NULL,
    context jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX events_recent ON events (severity, id DESC);
COMMENT ON TABLE events IS 'Errors, state changes and control actions: who, what and why.';

CREATE TABLE notifications (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('trade', 'error', 'status', 'report', 'alert')),
    text text NOT NULL,
    topic text,
    log_line text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'dead')),
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    maybe_sent boolean NOT NULL DEFAULT false,
    last_error text,
    channel_id text
);
CREATE INDEX notifications_by_topic ON notifications (topic, id DESC) WHERE topic IS NOT NULL;
CREATE INDEX notifications_pending ON notifications (id) WHERE state = 'pending';
COMMENT ON TABLE notifications IS 'The outbox: a message is written with the fact it tells, and sent in order. Of one topic at most one in ten minutes; log_line is written to the log when it was sent; maybe_sent: an attempt was made whose outcome nobody knows.';

CREATE TABLE alerts (
    fingerprint text NOT NULL,
    starts_at timestamptz NOT NULL,
    name text NOT NULL,
    severity text NOT NULL,
    firing boolean NOT NULL,
    summary text NOT NULL,
    description text NOT NULL,
    runbook_url text NOT NULL,
    labels jsonb NOT NULL,
    ends_at timestamptz,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (fingerprint, starts_at)
);
CREATE INDEX alerts_firing ON alerts (name) WHERE firing;
COMMENT ON TABLE alerts IS 'Alarms as Alertmanager told them.';

CREATE TABLE market_freshness (
    market text NOT NULL,
    interval_seconds integer NOT NULL,
    newest_at timestamptz NOT NULL,
    age_seconds numeric NOT NULL,
    measured_at timestamptz NOT NULL,
    PRIMARY KEY (market, interval_seconds)
);
COMMENT ON TABLE market_freshness IS 'How old the newest exchange-stamped datum was when it was read, in wall seconds.';

CREATE TABLE metric_counter (
    name text NOT NULL,
    labels jsonb NOT NULL DEFAULT '{}',
    value numeric NOT NULL DEFAULT 0 CHECK (value >= 0),
    PRIMARY KEY (name, labels)
);
COMMENT ON TABLE metric_counter IS 'Counters, changed in the transaction of the fact they count; they never go down.';

CREATE TABLE daily_reports (
    trading_day timestamptz PRIMARY KEY,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    report jsonb NOT NULL,
    late boolean NOT NULL
);
COMMENT ON TABLE daily_reports IS 'One report per trading day.';

INSERT INTO leases (name) VALUES ('scheduler'), ('sender');
INSERT INTO lease_renewals (name) VALUES ('scheduler'), ('sender');
INSERT INTO switches DEFAULT VALUES;
INSERT INTO breakers (scope) VALUES ('daily'), ('weekly');
INSERT INTO cash (currency, amount) VALUES ('KRW', 0);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_TABLES)
