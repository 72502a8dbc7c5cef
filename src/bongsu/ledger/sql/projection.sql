-- series --
-- Everything that was ever counted, and what the tables say now: one row per series. What has no truth yet has no row,
-- nor has what only a living scheduler vouches for when it is dead
WITH scheduler AS (
    SELECT started_at, beat_at, clock_offset_seconds, exchange_maintenance FROM heartbeats WHERE process = 'scheduler'
), leader AS (
    SELECT l.epoch, l.holder,
           coalesce(r.renewed_at > clock_timestamp() - make_interval(secs => %(lease_seconds)s), false) AS alive
      FROM leases l JOIN lease_renewals r USING (name)
     WHERE l.name = 'scheduler'
), job AS (
    SELECT j.name, j.interval_seconds, j.deadline_seconds,
           last_run.started_at AS last_start, last_run.outcome IS NULL AND last_run.started_at IS NOT NULL AS running,
           extract(epoch FROM coalesce(last_run.ended_at, clock_timestamp()) - last_run.started_at) AS duration,
           success.ended_at AS last_success, failure.ended_at AS last_failure, ended.ended_at AS last_end,
           j.registered_at
      FROM jobs j
      LEFT JOIN LATERAL (SELECT started_at, ended_at, outcome FROM job_runs
                          WHERE job_name = j.name AND outcome IS DISTINCT FROM 'skipped'
                          ORDER BY id DESC LIMIT 1) last_run ON true
      LEFT JOIN LATERAL (SELECT ended_at FROM job_runs WHERE job_name = j.name AND outcome = 'success'
                          ORDER BY id DESC LIMIT 1) success ON true
      LEFT JOIN LATERAL (SELECT ended_at FROM job_runs WHERE job_name = j.name AND outcome = 'failure'
                          ORDER BY id DESC LIMIT 1) failure ON true
      LEFT JOIN LATERAL (SELECT coalesce(ended_at, started_at) AS ended_at FROM job_runs
                          WHERE job_name = j.name AND outcome IS NOT NULL
                          ORDER BY id DESC LIMIT 1) ended ON true
), unknown_order AS (
    SELECT count(*) AS number, extract(epoch FROM clock_timestamp() - min(unknown_since)) AS oldest
      FROM order_intents WHERE state = 'unknown'
), valuation AS (
    SELECT * FROM portfolio WHERE recorded_at > clock_timestamp() - interval '5 minutes'
), held AS (
    SELECT market, volume * price AS value, cost FROM positions WHERE volume > 0
), period AS (
    SELECT DISTINCT ON (p.scope) p.scope, p.equity,
           coalesce((SELECT sum(f.flow) FROM funds_moved f
                      WHERE f.at > p.measured_at AND f.at <= (SELECT at FROM portfolio)), 0) AS flows
      FROM periods p
     ORDER BY p.scope, p.started_at DESC
), profit AS (
    SELECT p.scope, v.equity - p.equity - p.flows AS krw,
           CASE WHEN p.equity > 0 THEN least(p.equity, p.equity + p.flows) ELSE p.flows END AS stake
      FROM period p CROSS JOIN valuation v
), outbox AS (
    SELECT count(*) AS depth, extract(epoch FROM clock_timestamp() - min(greatest(created_at, hold_until))) AS oldest
      FROM notifications WHERE state = 'pending'
), candle_hour AS (  -- a market hour in wall seconds: the trading job runs once in it
    SELECT interval_seconds AS wall FROM jobs WHERE name = 'trading_job'
), freshness AS (
    SELECT market, interval_seconds, interval_seconds / 60 || 'm' AS interval,
           age_seconds + extract(epoch FROM clock_timestamp() - measured_at) AS age
      FROM market_freshness
)
SELECT s.name, coalesce(s.labels, '{}') AS labels, s.value::numeric AS value
  FROM (
    SELECT name, labels, value FROM metric_counter
    UNION ALL SELECT 'scheduler_job_duration_seconds', jsonb_build_object('job_name', name), coalesce(duration, 0) FROM job
    UNION ALL SELECT 'scheduler_job_last_start_timestamp_seconds', jsonb_build_object('job_name', name), extract(epoch FROM coalesce(last_start, registered_at)) FROM job
    UNION ALL SELECT 'scheduler_job_last_success_timestamp_seconds', jsonb_build_object('job_name', name), extract(epoch FROM coalesce(last_success, registered_at)) FROM job
    UNION ALL SELECT 'scheduler_job_last_failure_timestamp_seconds', jsonb_build_object('job_name', name), coalesce(extract(epoch FROM last_failure), 0) FROM job
    UNION ALL SELECT 'scheduler_job_last_run_timestamp_seconds', jsonb_build_object('job_name', name), extract(epoch FROM coalesce(last_end, registered_at)) FROM job
    UNION ALL SELECT 'scheduler_job_in_progress', jsonb_build_object('job_name', name), running::int FROM job
    UNION ALL SELECT 'scheduler_job_deadline_seconds', jsonb_build_object('job_name', name), deadline_seconds FROM job
    UNION ALL SELECT 'scheduler_job_interval_seconds', jsonb_build_object('job_name', name), interval_seconds FROM job
    UNION ALL SELECT 'scheduler_heartbeat_timestamp_seconds', NULL, extract(epoch FROM beat_at) FROM scheduler
    UNION ALL SELECT 'scheduler_is_leader', jsonb_build_object('instance', holder), alive::int FROM leader WHERE holder IS NOT NULL
    UNION ALL SELECT 'scheduler_lease_epoch', NULL, epoch FROM leader
    UNION ALL SELECT 'ai_decision_last_timestamp_seconds', NULL,
                     extract(epoch FROM coalesce((SELECT recorded_at FROM decisions WHERE outcome = 'accepted' ORDER BY at DESC LIMIT 1), s.started_at))
                FROM scheduler s
    UNION ALL SELECT 'llm_cost_today_krw', NULL, coalesce((SELECT sum(coalesce(cost_krw, reserved_krw)) FROM llm_calls WHERE sent_at >= %(day)s), 0)
    UNION ALL SELECT 'llm_cost_budget_daily_krw', NULL, %(ai_budget)s
    UNION ALL SELECT 'orders_unknown', NULL, number FROM unknown_order
    UNION ALL SELECT 'order_unknown_oldest_age_seconds', NULL, coalesce(oldest, 0) FROM unknown_order
    UNION ALL SELECT 'reconciliation_mismatches', NULL, jsonb_array_length(mismatches) FROM switches WHERE reconciled_at IS NOT NULL
    UNION ALL SELECT 'external_changes_unacknowledged', NULL, count(*) FROM adoptions WHERE acknowledged_at IS NULL
    UNION ALL SELECT 'reconciliation_last_success_timestamp_seconds', NULL, extract(epoch FROM reconciled_at) FROM switches WHERE reconciled_at IS NOT NULL
    UNION ALL SELECT 'portfolio_value_krw', NULL, equity FROM valuation
    UNION ALL SELECT 'portfolio_valuation_timestamp_seconds', NULL, extract(epoch FROM recorded_at) FROM portfolio
    UNION ALL SELECT 'portfolio_cash_krw', NULL, cash FROM valuation
    UNION ALL SELECT 'portfolio_exposure_ratio', NULL, (equity - cash) / equity FROM valuation WHERE equity > 0
    UNION ALL SELECT 'portfolio_drawdown_ratio', NULL, 1 - equity / peak_equity FROM valuation WHERE peak_equity > 0
    UNION ALL SELECT 'portfolio_pnl_krw', jsonb_build_object('window', scope), krw FROM profit
    UNION ALL SELECT 'portfolio_pnl_ratio', jsonb_build_object('window', scope), krw / stake FROM profit WHERE stake > 0
    UNION ALL SELECT 'bot_open_positions', NULL, (SELECT count(*) FROM held) FROM switches WHERE reconciled_at IS NOT NULL
    UNION ALL SELECT 'position_value_krw', jsonb_build_object('symbol', h.market), h.value FROM held h CROSS JOIN valuation WHERE h.value IS NOT NULL
    UNION ALL SELECT 'position_unrealized_pnl_ratio', jsonb_build_object('symbol', h.market), (h.value - h.cost) / h.cost FROM held h CROSS JOIN valuation WHERE h.value IS NOT NULL AND h.cost > 0
    UNION ALL SELECT 'circuit_breaker_active', jsonb_build_object('scope', scope), active::int FROM breakers
    UNION ALL SELECT 'risk_check_last_success_timestamp_seconds', NULL, extract(epoch FROM risk_checked_at) FROM switches
    UNION ALL SELECT 'market_data_age_seconds', jsonb_build_object('symbol', market, 'interval', interval), age FROM freshness
    UNION ALL SELECT DISTINCT 'market_data_interval_seconds', jsonb_build_object('interval', interval), f.interval_seconds * wall / 3600 FROM freshness f CROSS JOIN candle_hour
    UNION ALL SELECT 'market_state', jsonb_build_object('market', m.market, 'state', known.state), (m.state = known.state)::int
                FROM market_states m CROSS JOIN unnest(%(market_states)s::text[]) AS known (state)
    UNION ALL SELECT 'market_held', jsonb_build_object('market', m.market), EXISTS (SELECT FROM held h WHERE h.market = m.market)::int
                FROM market_states m
    UNION ALL SELECT 'exchange_api_key_expiry_timestamp_seconds', NULL, extract(epoch FROM key_ends_at) FROM heartbeats
               WHERE process = 'scheduler' AND key_ends_at IS NOT NULL
    UNION ALL SELECT 'exchange_clock_offset_seconds', NULL, clock_offset_seconds FROM scheduler WHERE clock_offset_seconds IS NOT NULL
    UNION ALL SELECT 'exchange_maintenance', NULL, exchange_maintenance::int FROM scheduler WHERE exchange_maintenance IS NOT NULL
    UNION ALL SELECT 'notification_outbox_depth', NULL, depth FROM outbox
    UNION ALL SELECT 'notification_outbox_oldest_age_seconds', NULL, coalesce(oldest, 0) FROM outbox
    UNION ALL SELECT 'second_channel_oldest_age_seconds', jsonb_build_object('channel', c.channel),
                     coalesce(extract(epoch FROM clock_timestamp() - (SELECT min(due_at) FROM deliveries d
                        WHERE d.channel = c.channel AND d.state = 'pending' AND d.due_at <= clock_timestamp())), 0)
                FROM (VALUES ('mail'), ('webhook')) AS c (channel)
    UNION ALL SELECT 'notification_dead_letters', NULL,
                     (SELECT count(*) FROM notifications WHERE state = 'dead') + (SELECT count(*) FROM deliveries WHERE state = 'dead')
    UNION ALL SELECT 'bot_trading_enabled', NULL, (NOT killed AND NOT EXISTS (SELECT FROM pauses WHERE reason <> 'job_failures'))::int FROM switches
    UNION ALL SELECT 'bot_trading_enabled_since_timestamp_seconds', NULL, extract(epoch FROM enabled_since) FROM switches
    UNION ALL SELECT 'bot_trading_paused', jsonb_build_object('reason', reason), EXISTS (SELECT FROM pauses p WHERE p.reason = known.reason)::int
                FROM unnest(%(pause_reasons)s::text[]) AS known (reason)
    UNION ALL (SELECT 'backup_last_success_timestamp_seconds', NULL, extract(epoch FROM made_at) FROM backups ORDER BY made_at DESC LIMIT 1)
    UNION ALL (SELECT 'backup_size_bytes', NULL, size_bytes FROM backups ORDER BY made_at DESC LIMIT 1)
    UNION ALL SELECT 'bot_maintenance', NULL, EXISTS (SELECT FROM maintenance WHERE ends_at > clock_timestamp())::int
    UNION ALL SELECT 'daily_report_last_sent_timestamp_seconds', NULL,
                     extract(epoch FROM coalesce((SELECT max(recorded_at) FROM daily_reports), registered_at)) FROM job WHERE name = 'daily_report_job'
  ) AS s
 WHERE s.name <> ALL (%(live_names)s::text[])
    OR EXISTS (SELECT FROM scheduler WHERE beat_at >= clock_timestamp() - make_interval(secs => %(stale_after)s))

-- idle_reasons --
-- Why nothing is being done now, the gravest first; no row while something is. `at` is wall time, but of a wait the market's
WITH scheduler AS (
    SELECT max(beat_at) AS beat_at, coalesce(bool_or(exchange_maintenance), false) AS exchange_maintenance,
           max(abs(clock_offset_seconds)) AS clock_skew,
           coalesce(max(beat_at) > clock_timestamp() - make_interval(secs => %(stale_after)s), false) AS alive
      FROM heartbeats WHERE process = 'scheduler'
), leader AS (
    SELECT coalesce(r.renewed_at > clock_timestamp() - make_interval(secs => %(lease_seconds)s), false) AS alive, r.renewed_at
      FROM lease_renewals r WHERE r.name = 'scheduler'
), blocking AS (
    SELECT 1 AS rank, 'scheduler_never_started' AS reason, NULL::timestamptz AS at, NULL AS detail FROM scheduler WHERE beat_at IS NULL
    UNION ALL SELECT 2, 'scheduler_silent', beat_at, NULL FROM scheduler WHERE beat_at IS NOT NULL AND NOT alive
    UNION ALL SELECT 3, 'no_leader', l.renewed_at, NULL FROM leader l, scheduler s WHERE s.alive AND NOT l.alive
    UNION ALL SELECT 4, 'killed', killed_at, NULL FROM switches WHERE killed
    UNION ALL SELECT 5, 'order_unknown', min(unknown_since), string_agg(market, ', ' ORDER BY market) FROM order_intents WHERE state = 'unknown' HAVING count(*) > 0
    UNION ALL SELECT 6, 'ledger_mismatch', reconciled_at, mismatches ->> 0 FROM switches WHERE mismatches <> '[]'
    UNION ALL SELECT 7, 'paused', since, concat_ws(': ', reason, nullif(note, '')) FROM pauses
    UNION ALL SELECT 8, 'breaker_' || scope, until, round(loss * 100, 2)::text FROM breakers WHERE active
    UNION ALL SELECT 9, 'exchange_maintenance', NULL, NULL FROM scheduler WHERE alive AND exchange_maintenance
    UNION ALL SELECT 10, 'clock_skew', NULL, round(clock_skew, 1)::text FROM scheduler WHERE alive AND clock_skew > %(max_skew)s
    UNION ALL SELECT 11, 'not_reconciled', NULL, NULL FROM switches, scheduler s WHERE reconciled_at IS NULL AND s.alive
    UNION ALL SELECT 12, 'monitoring_blind', min(a.starts_at), NULL FROM alerts a
               WHERE a.name = 'MonitoringBlind' AND a.firing AND EXISTS (SELECT FROM world WHERE mode <> 'sandbox') HAVING count(*) > 0
)
SELECT rank, reason, at, detail FROM blocking
 UNION ALL
SELECT 13, 'waiting_for_candle', j.next_at, NULL
  FROM jobs j
 WHERE j.name = 'trading_job' AND NOT EXISTS (SELECT FROM blocking)
   AND NOT EXISTS (SELECT FROM job_runs WHERE job_name = 'trading_job' AND outcome IS NULL)
 ORDER BY 1, 2, 3
