-- event --
-- Errors, state changes and control actions
INSERT INTO events (kind, severity, source, message, context)
VALUES (%(kind)s, %(severity)s, %(source)s, %(message)s, %(context)s);

-- ban --
-- Until when the exchange wants to hear nothing of us, as it said last
SELECT (context ->> 'until')::timestamptz AS until FROM events WHERE kind = 'exchange_banned' ORDER BY id DESC LIMIT 1;

-- decision --
-- What the advisor saw and said; a candle is decided once by an advisor
INSERT INTO decisions (id, market, candle_closed_at, at, advisor, outcome, action, confidence, confidence_label, size, reasons,
                       invalidation, refusal, refusal_detail, snapshot, advice, latency_seconds)
VALUES (%(id)s, %(market)s, %(candle_closed_at)s, %(at)s, %(advisor)s, %(outcome)s, %(action)s, %(confidence)s,
        %(confidence_label)s, %(size)s, %(reasons)s, %(invalidation)s, %(refusal)s, %(refusal_detail)s, %(snapshot)s, %(advice)s,
        %(latency)s)
    ON CONFLICT (id) DO NOTHING;

-- is_decided --
-- Whether a candle has its decision
SELECT 1 FROM decisions WHERE market = %(market)s AND candle_closed_at = %(candle_closed_at)s AND outcome = 'accepted' LIMIT 1;

-- veto_decision --
-- The risk gate said no to what was decided
UPDATE decisions SET refusal = %(reason)s, refusal_detail = %(detail)s WHERE id = %(id)s;

-- trip_breaker --
-- Buys are blocked until then
UPDATE breakers SET active = true, tripped_at = %(at)s, until = %(until)s, loss = %(loss)s WHERE scope = %(scope)s;

-- reset_breaker --
-- Buys are allowed again
UPDATE breakers SET active = false WHERE scope = %(scope)s;

-- save_portfolio --
-- The newest valuation and the highest one so far
INSERT INTO portfolio (at, recorded_at, cash, equity, peak_equity)
VALUES (%(at)s, clock_timestamp(), %(cash)s, %(equity)s, %(equity)s)
    ON CONFLICT (only_row) DO UPDATE
   SET at = excluded.at, recorded_at = excluded.recorded_at, cash = excluded.cash, equity = excluded.equity,
       peak_equity = greatest(portfolio.peak_equity, excluded.equity)
RETURNING peak_equity;

-- save_snapshot --
-- The equity curve, one row each quarter of an hour
INSERT INTO portfolio_snapshots (at, cash, equity, drawdown) VALUES (%(at)s, %(cash)s, %(equity)s, %(drawdown)s)
    ON CONFLICT (at) DO NOTHING;

-- value_position --
-- What a held market was valued at
UPDATE positions SET price = %(price)s, valued_at = %(at)s WHERE market = %(market)s;

-- start_period --
-- The first valuation of a trading day or week
INSERT INTO periods (scope, started_at, equity, measured_at) VALUES (%(scope)s, %(started_at)s, %(equity)s, %(at)s)
    ON CONFLICT DO NOTHING;

-- periods --
-- Equity at the start of the trading day and week, money that came or went since and is in the newest valuation, and the
-- breaker's end when it is on
SELECT p.scope, p.equity,
       coalesce((SELECT sum(f.flow) FROM funds_moved f WHERE f.at > p.measured_at
                    AND f.at <= (SELECT at FROM portfolio)), 0) AS flows,
       CASE WHEN b.active THEN b.until END AS tripped_until
  FROM periods p JOIN breakers b USING (scope)
 WHERE (p.scope, p.started_at) IN (('daily', %(day)s), ('weekly', %(week)s))
 ORDER BY p.scope;

-- save_reconciliation --
-- What the last comparison with the exchange found
UPDATE switches SET reconciled_at = clock_timestamp(), mismatches = %(mismatches)s;

-- last_mismatches --
-- What the comparison before found
SELECT mismatches FROM switches;

-- risk_checked --
-- The stops were looked at
UPDATE switches SET risk_checked_at = clock_timestamp();

-- pause --
-- No buys, for this reason
INSERT INTO pauses (reason, who, note) VALUES (%(reason)s, %(who)s, %(note)s) ON CONFLICT DO NOTHING RETURNING reason;

-- resume --
-- The reason is gone
DELETE FROM pauses WHERE reason = %(reason)s RETURNING reason;

-- enabled_now --
-- Trading begins anew: the guard of the stalled-decision alarm counts from here
UPDATE switches SET enabled_since = clock_timestamp();

-- set_killed --
-- The kill switch
UPDATE switches SET killed = %(killed)s, killed_at = CASE WHEN %(killed)s THEN clock_timestamp() END;

-- insert_control --
-- The owner's wish
INSERT INTO controls (id, kind, args, who, why) VALUES (%(id)s, %(kind)s, %(args)s, %(who)s, %(why)s);

-- wake_scheduler --
-- There is a wish to carry out
NOTIFY controls;

-- end_control --
-- Carried out, or refused
UPDATE controls SET state = %(state)s, ended_at = clock_timestamp(), result = %(result)s
 WHERE id = %(id)s AND state = 'pending';

-- pending_controls --
-- What the owner asked for, oldest first
SELECT id, kind, args, who, why FROM controls WHERE state = 'pending' ORDER BY requested_at;

-- save_backup --
-- A daily backup that was read back
INSERT INTO backups (file, size_bytes) VALUES (%(file)s, %(size_bytes)s) ON CONFLICT DO NOTHING RETURNING file;

-- save_alert --
-- An alarm as it was told; a row only when that is news
INSERT INTO alerts (fingerprint, starts_at, name, severity, firing, summary, description, runbook_url, labels, ends_at)
VALUES (%(fingerprint)s, %(starts_at)s, %(name)s, %(severity)s, %(firing)s, %(summary)s, %(description)s, %(runbook_url)s,
        %(labels)s, %(ends_at)s)
    ON CONFLICT (fingerprint, starts_at) DO UPDATE
   SET firing = excluded.firing, ends_at = excluded.ends_at, description = excluded.description
 WHERE alerts.firing <> excluded.firing
RETURNING fingerprint;

-- end_earlier_alert --
-- The same alarm rings, or rang, anew: of an earlier time nobody will tell the end any more
UPDATE alerts SET firing = false WHERE fingerprint = %(fingerprint)s AND starts_at < %(starts_at)s AND firing;

-- resend --
-- It was given up, and waits again; no backlog, however old it is
UPDATE notifications
   SET state = 'pending', ended_at = NULL, next_attempt_at = clock_timestamp(), hold_until = clock_timestamp()
 WHERE id = %(number)s AND state = 'dead'
RETURNING id;

-- resend_delivery --
-- The same, on a second channel
UPDATE deliveries
   SET state = 'pending', ended_at = NULL, next_attempt_at = clock_timestamp(), due_at = clock_timestamp(), only_if_late = false
 WHERE notification_id = %(number)s AND channel = %(channel)s AND state = 'dead'
RETURNING notification_id;

-- announce_maintenance --
-- A restart is on its way; it ends by itself
INSERT INTO maintenance (ends_at, who) VALUES (clock_timestamp() + make_interval(mins => %(minutes)s), %(who)s)
    ON CONFLICT (only_row) DO UPDATE SET ends_at = excluded.ends_at, who = excluded.who;

-- heartbeat --
-- A sign of life from the event loop, and what the process vouches for with it
INSERT INTO heartbeats (process, instance, started_at, beat_at, clock_offset_seconds, exchange_maintenance, key_ends_at)
VALUES (%(process)s, %(instance)s, clock_timestamp(), clock_timestamp(), %(clock_offset)s, %(maintenance)s, %(key_ends_at)s)
    ON CONFLICT (process) DO UPDATE
   SET started_at = CASE WHEN heartbeats.instance = excluded.instance THEN heartbeats.started_at ELSE excluded.started_at END,
       instance = excluded.instance, beat_at = excluded.beat_at,
       clock_offset_seconds = excluded.clock_offset_seconds, exchange_maintenance = excluded.exchange_maintenance,
       key_ends_at = coalesce(excluded.key_ends_at, heartbeats.key_ends_at);

-- save_market_states --
-- What the exchange lets anybody do in each market, as it was just seen
INSERT INTO market_states (market, state)
SELECT * FROM unnest(%(markets)s::text[], %(states)s::text[])
    ON CONFLICT (market) DO UPDATE
   SET state = excluded.state, seen_at = excluded.seen_at,
       since = CASE WHEN market_states.state = excluded.state THEN market_states.since ELSE excluded.since END;

-- forget_other_markets --
-- Neither configured nor held any more
DELETE FROM market_states WHERE market <> ALL (%(markets)s::text[]);

-- save_candle --
-- A closed candle the bot decided on; a synthetic one gives way to the real one
INSERT INTO candles (market, interval_seconds, opened_at, open, high, low, close, volume, value, synthetic)
VALUES (%(market)s, %(interval)s, %(opened_at)s, %(open)s, %(high)s, %(low)s, %(close)s, %(volume)s, %(value)s, %(synthetic)s)
    ON CONFLICT (market, interval_seconds, opened_at) DO UPDATE
   SET open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close, volume = excluded.volume,
       value = excluded.value, synthetic = false
 WHERE candles.synthetic AND NOT excluded.synthetic;

-- newest_candle --
-- Where the stored candles of a market end
SELECT max(opened_at) AS at FROM candles WHERE market = %(market)s AND interval_seconds = %(interval)s;

-- save_freshness --
-- How old the newest exchange-stamped datum was
INSERT INTO market_freshness (market, interval_seconds, newest_at, age_seconds, measured_at)
VALUES (%(market)s, %(interval)s, %(newest_at)s, %(age)s, clock_timestamp())
    ON CONFLICT (market, interval_seconds) DO UPDATE
   SET newest_at = excluded.newest_at, age_seconds = excluded.age_seconds, measured_at = excluded.measured_at;

-- forget_other_freshness --
-- Nobody is asked about them in this cycle: that their data grow old is no fault
DELETE FROM market_freshness WHERE market <> ALL (%(markets)s::text[]);

-- last_asked --
-- When each market was last put before an advisor, or skipped in its turn
SELECT market, max(at) AS at FROM decisions GROUP BY market;

-- bind_world --
-- The first one names the world
INSERT INTO world (id, mode) VALUES (%(id)s, %(mode)s) ON CONFLICT DO NOTHING;

-- start_live --
-- Only the first start sets the cap of the first week
INSERT INTO live_start (consented_by, consented_at, cap, cap_until)
VALUES (%(by)s, %(consented_at)s, %(cap)s, clock_timestamp() + interval '7 days')
    ON CONFLICT DO NOTHING
RETURNING started_at;

-- lift_cap --
-- By hand, once
UPDATE live_start SET lifted_at = clock_timestamp(), lifted_by = %(by)s
 WHERE lifted_at IS NULL AND cap_until > clock_timestamp()
RETURNING lifted_at;

-- world --
-- Which world this ledger belongs to
SELECT id, mode FROM world;
