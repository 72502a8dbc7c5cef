-- consistent --
-- All reads of a look see the same moment
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;

-- schema --
-- Whether the tables are there, and the version they stand at
SELECT to_regclass('alembic_version') IS NOT NULL AND to_regclass('metric_counter') IS NOT NULL AS present;

-- schema_version --
-- The newest migration applied
SELECT version_num AS version FROM alembic_version;

-- processes --
-- Each process with the age of its last sign of life
SELECT process, instance, started_at, beat_at, extract(epoch FROM clock_timestamp() - beat_at) AS age_seconds
  FROM heartbeats ORDER BY process;

-- leader --
-- Who leads, and since when
SELECT l.holder, l.epoch, l.taken_at,
       coalesce(r.renewed_at > clock_timestamp() - make_interval(secs => %(lease_seconds)s), false) AS alive
  FROM leases l JOIN lease_renewals r USING (name)
 WHERE l.name = 'scheduler';

-- monitoring --
-- When an alarm last proved that alarms arrive, and whether the bot has said that none can
SELECT proven_at AS watchdog_at, extract(epoch FROM clock_timestamp() - proven_at) AS watchdog_age_seconds,
       EXISTS (SELECT FROM alerts WHERE name = %(alarm)s AND firing) AS blind
  FROM watchdog;

-- last_backup --
-- The newest daily backup; no row before the first
SELECT file, made_at, size_bytes FROM backups ORDER BY made_at DESC LIMIT 1;

-- world --
-- Whose ledger this is
SELECT id, mode, created_at FROM world;

-- portfolio --
-- The newest valuation; no row before the first
SELECT at, recorded_at, cash, equity, peak_equity,
       CASE WHEN peak_equity > 0 THEN 1 - equity / peak_equity END AS drawdown,
       extract(epoch FROM clock_timestamp() - recorded_at) AS age_seconds
  FROM portfolio;

-- periods --
-- The newest trading day and week: equity at its start, and money moved since that the newest valuation has seen
SELECT DISTINCT ON (p.scope) p.scope, p.started_at, p.equity,
       coalesce((SELECT sum(f.flow) FROM funds_moved f WHERE f.at > p.measured_at
                    AND f.at <= (SELECT at FROM portfolio)), 0) AS flows
  FROM periods p
 ORDER BY p.scope, p.started_at DESC;

-- equity_curve --
-- Quarter-hourly values, newest first
SELECT at, cash, equity, drawdown
  FROM portfolio_snapshots
 WHERE (%(since)s::timestamptz IS NULL OR at >= %(since)s)
   AND (%(until)s::timestamptz IS NULL OR at < %(until)s)
   AND (%(cursor_at)s::timestamptz IS NULL OR at < %(cursor_at)s)
 ORDER BY at DESC
 LIMIT %(limit)s;

-- positions --
-- What is held, largest first
SELECT market, volume, cost, cost / volume AS entry_price, realized, opened_at, price, valued_at, state AS market_state,
       volume * price AS value, volume * price - cost AS unrealized,
       CASE WHEN cost > 0 THEN (volume * price - cost) / cost END AS unrealized_ratio
  FROM positions LEFT JOIN market_states USING (market)
 WHERE volume > 0
 ORDER BY volume * price DESC NULLS LAST, market;

-- realized --
-- Profit taken so far, over all markets and times
SELECT coalesce(sum(realized), 0) AS realized FROM positions;

-- switches --
-- The kill switch and the last comparison with the exchange
SELECT killed, killed_at, enabled_since, reconciled_at, mismatches, risk_checked_at FROM switches;

-- waiting_adoptions --
-- What moved from outside and waits for the owner's word, oldest first
SELECT at, currency, market, amount, taken, price, found FROM adoptions WHERE acknowledged_at IS NULL ORDER BY id;

-- pauses --
-- Why no buys are made, oldest first
SELECT reason, since, who, note FROM pauses ORDER BY since;

-- breakers --
-- Loss limits
SELECT scope, active, tripped_at, until, loss FROM breakers ORDER BY scope;

-- trades_since --
-- Orders with a fill since the trading day began
SELECT count(*) AS trades
  FROM orders o JOIN order_intents i USING (identifier)
 WHERE o.executed_volume > 0 AND i.at >= %(since)s;

-- last_entries --
-- When each market was last bought
SELECT o.market, max(i.at) AS at
  FROM orders o JOIN order_intents i USING (identifier)
 WHERE o.side = 'buy' AND o.executed_volume > 0
 GROUP BY o.market ORDER BY o.market;

-- unsettled --
-- Orders that are sent and not settled
SELECT identifier, market, side, state, at, opened_at, unknown_since
  FROM order_intents WHERE state IN ('open', 'unknown') ORDER BY opened_at;

-- jobs --
-- The jobs with when they are due and how the last run went
SELECT j.name, j.interval_seconds, j.deadline_seconds, j.next_at, r.id AS run_id, r.started_at, r.ended_at, r.outcome, r.reason
  FROM jobs j
  LEFT JOIN LATERAL (SELECT * FROM job_runs WHERE job_name = j.name ORDER BY id DESC LIMIT 1) r ON true
 ORDER BY j.name;

-- trades --
-- Orders with a fill and their fills, newest first
SELECT o.uuid, o.identifier, o.market, o.side, o.executed_volume, o.executed_funds, o.executed_funds / o.executed_volume AS price,
       o.paid_fee, o.realized, o.created_at, o.origin, o.recovered, i.trigger, i.reason, i.confidence, i.decision_id,
       (SELECT jsonb_agg(jsonb_build_object('uuid', f.uuid, 'price', f.price::text, 'volume', f.volume::text,
                                            'funds', f.funds::text, 'at', f.at) ORDER BY f.at, f.uuid)
          FROM fills f WHERE f.order_uuid = o.uuid) AS fills
  FROM orders o LEFT JOIN order_intents i USING (identifier)
 WHERE o.executed_volume > 0
   AND (%(market)s::text IS NULL OR o.market = %(market)s)
   AND (%(side)s::text IS NULL OR o.side = %(side)s)
   AND (%(since)s::timestamptz IS NULL OR o.created_at >= %(since)s)
   AND (%(until)s::timestamptz IS NULL OR o.created_at < %(until)s)
   AND (%(cursor_at)s::timestamptz IS NULL OR (o.created_at, o.uuid) < (%(cursor_at)s, %(cursor_id)s::uuid))
 ORDER BY o.created_at DESC, o.uuid DESC
 LIMIT %(limit)s;

-- orders --
-- What was meant, and what became of it, newest first
SELECT i.identifier, i.market, i.side, i.trigger, i.reason, i.confidence, i.at, i.funds, i.volume, i.decision_id, i.state,
       i.opened_at, i.unknown_since, i.closed_at, i.close_reason, o.uuid, o.state AS exchange_state, o.executed_volume,
       o.executed_funds, o.paid_fee, o.recovered
  FROM order_intents i LEFT JOIN orders o USING (identifier)
 WHERE (%(market)s::text IS NULL OR i.market = %(market)s)
   AND (%(side)s::text IS NULL OR i.side = %(side)s)
   AND (%(state)s::text IS NULL OR i.state = %(state)s)
   AND (%(since)s::timestamptz IS NULL OR i.at >= %(since)s)
   AND (%(until)s::timestamptz IS NULL OR i.at < %(until)s)
   AND (%(cursor_at)s::timestamptz IS NULL OR (i.at, i.identifier) < (%(cursor_at)s, %(cursor_id)s::uuid))
 ORDER BY i.at DESC, i.identifier DESC
 LIMIT %(limit)s;

-- decisions --
-- What the advisor said, newest first; without what it was shown
SELECT id, market, candle_closed_at, at, advisor, outcome, action, confidence, confidence_label, size, reasons, invalidation,
       refusal, refusal_detail
  FROM decisions
 WHERE (%(market)s::text IS NULL OR market = %(market)s)
   AND (%(outcome)s::text IS NULL OR outcome = %(outcome)s)
   AND (%(action)s::text IS NULL OR action = %(action)s)
   AND (%(since)s::timestamptz IS NULL OR at >= %(since)s)
   AND (%(until)s::timestamptz IS NULL OR at < %(until)s)
   AND (%(cursor_at)s::timestamptz IS NULL OR (at, id) < (%(cursor_at)s, %(cursor_id)s::uuid))
 ORDER BY at DESC, id DESC
 LIMIT %(limit)s;

-- decision --
-- One of them, with what the advisor was shown
SELECT id, market, candle_closed_at, at, recorded_at, advisor, outcome, action, confidence, confidence_label, size, reasons,
       invalidation, refusal, refusal_detail, snapshot, advice, model, prompt_version, input_tokens, output_tokens, cost_krw,
       latency_seconds
  FROM decisions WHERE id = %(id)s;

-- job_runs --
-- Runs, newest first
SELECT id, job_name, scheduled_for, started_at, ended_at, outcome, reason, requested_by
  FROM job_runs
 WHERE (%(job)s::text IS NULL OR job_name = %(job)s)
   AND (%(outcome)s::text IS NULL OR outcome = %(outcome)s)
   AND (%(since)s::timestamptz IS NULL OR started_at >= %(since)s)
   AND (%(until)s::timestamptz IS NULL OR started_at < %(until)s)
   AND (%(cursor_id)s::bigint IS NULL OR id < %(cursor_id)s::bigint)
 ORDER BY id DESC
 LIMIT %(limit)s;

-- alerts --
-- Alarms as they were told, newest first
SELECT fingerprint, starts_at, ends_at, name, severity, firing, summary, description, runbook_url, labels, received_at
  FROM alerts
 WHERE (%(firing)s::boolean IS NULL OR firing = %(firing)s)
   AND (%(name)s::text IS NULL OR name = %(name)s)
   AND (%(since)s::timestamptz IS NULL OR starts_at >= %(since)s)
   AND (%(until)s::timestamptz IS NULL OR starts_at < %(until)s)
   AND (%(cursor_at)s::timestamptz IS NULL OR (starts_at, fingerprint) < (%(cursor_at)s, %(cursor_id)s))
 ORDER BY starts_at DESC, fingerprint DESC
 LIMIT %(limit)s;

-- mutes --
-- Alarms that are not told, and until when
SELECT alert, until, who FROM mutes ORDER BY alert;

-- chat_language --
-- Of the answers in a chat; no row where it is that of the settings
SELECT lang FROM chat_languages WHERE chat_id = %(chat)s;

-- notifications --
-- Messages, newest first, each with what became of it on the second channels
SELECT id, kind, urgency, text, created_at, state, hold_until, told_in, attempts, next_attempt_at, ended_at, last_error,
       coalesce((SELECT jsonb_agg(jsonb_build_object(
                            'channel', d.channel, 'state', d.state, 'only_if_late', d.only_if_late, 'due_at', d.due_at,
                            'attempts', d.attempts, 'ended_at', d.ended_at, 'last_error', d.last_error) ORDER BY d.channel)
                   FROM deliveries d WHERE d.notification_id = notifications.id), '[]') AS deliveries
  FROM notifications
 WHERE (%(kind)s::text IS NULL OR kind = %(kind)s)
   AND (%(state)s::text IS NULL OR state = %(state)s)
   AND (%(since)s::timestamptz IS NULL OR created_at >= %(since)s)
   AND (%(until)s::timestamptz IS NULL OR created_at < %(until)s)
   AND (%(cursor_id)s::bigint IS NULL OR id < %(cursor_id)s::bigint)
 ORDER BY id DESC
 LIMIT %(limit)s;

-- outbox --
-- Messages with what became of them on every channel, newest first
SELECT n.id, n.kind, n.urgency, n.text, n.created_at, n.hold_until, n.told_in,
       jsonb_build_object('telegram', jsonb_build_object(
           'state', n.state, 'attempts', n.attempts, 'ended_at', n.ended_at, 'last_error', n.last_error))
       || coalesce((SELECT jsonb_object_agg(d.channel, jsonb_build_object(
                        'state', d.state, 'attempts', d.attempts, 'ended_at', d.ended_at, 'last_error', d.last_error))
                      FROM deliveries d WHERE d.notification_id = n.id), '{}') AS channels
  FROM notifications n
 WHERE (%(id)s::bigint IS NULL OR n.id = %(id)s)
   AND (%(state)s::text IS NULL OR n.state = %(state)s
        OR EXISTS (SELECT 1 FROM deliveries d WHERE d.notification_id = n.id AND d.state = %(state)s))
 ORDER BY n.id DESC
 LIMIT %(limit)s;

-- events --
-- Errors, state changes and control actions, newest first
SELECT id, recorded_at, kind, severity, source, message, context
  FROM events
 WHERE (%(kind)s::text IS NULL OR kind = %(kind)s)
   AND (%(severity)s::text IS NULL OR severity = %(severity)s)
   AND (%(since)s::timestamptz IS NULL OR recorded_at >= %(since)s)
   AND (%(until)s::timestamptz IS NULL OR recorded_at < %(until)s)
   AND (%(cursor_id)s::bigint IS NULL OR id < %(cursor_id)s::bigint)
 ORDER BY id DESC
 LIMIT %(limit)s;

-- waiting_controls --
-- What the owner asked for and the scheduler has not done yet, oldest first
SELECT id, kind, args, who, why, requested_at, state, ended_at, result FROM controls WHERE state = 'pending' ORDER BY requested_at;

-- control --
-- What the owner asked for, and what became of it
SELECT id, kind, args, who, why, requested_at, state, ended_at, result FROM controls WHERE id = %(id)s;
