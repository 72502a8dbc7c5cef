-- owed_reports --
-- Trading days that ended and were valued, oldest first: those after the newest reported one; the newest alone where none
-- was ever reported, so that an old ledger sends no flood
WITH ended AS (
    SELECT started_at FROM periods WHERE scope = 'daily' AND started_at < %(today)s
)
SELECT started_at AS day FROM ended
 WHERE started_at > coalesce((SELECT max(trading_day) FROM daily_reports),
                             (SELECT max(started_at) FROM ended) - interval '1 second')
 ORDER BY 1;

-- save_report --
-- One report per trading day, ever: no row when it is there
INSERT INTO daily_reports (trading_day, report, late) VALUES (%(day)s, %(report)s, %(late)s)
    ON CONFLICT (trading_day) DO NOTHING
RETURNING trading_day;

-- first_and_last --
-- The first trading day that was valued, and the newest valuation; no row before the first
SELECT min(p.started_at) AS first_day, v.at AS valued_at FROM periods p CROSS JOIN portfolio v
 WHERE p.scope = 'daily' GROUP BY v.at;

-- last_valued_before --
-- The last trading day before then that was valued
SELECT max(started_at) AS day FROM periods WHERE scope = 'daily' AND started_at < %(end)s;

-- equity_curve --
-- The quarter-hourly values, oldest first
SELECT at, equity FROM portfolio_snapshots WHERE at >= %(since)s AND at <= %(until)s ORDER BY at;

-- report --
-- All figures of a time, in one statement, so that they are of one moment; no row when it has no valuation.
-- The market of the sandbox may be faster than the clock on the wall, by which alarms ring: there the curve translates
WITH opening AS (
    SELECT equity, measured_at AS at FROM periods
     WHERE scope = 'daily' AND started_at >= %(start)s AND started_at < %(end)s
     ORDER BY started_at LIMIT 1
), closing AS (
    SELECT equity, at FROM (
        (SELECT 1 AS rank, equity, measured_at AS at FROM periods
          WHERE scope = 'daily' AND started_at >= %(end)s ORDER BY started_at LIMIT 1)
        UNION ALL SELECT 2, equity, at FROM portfolio
    ) AS valued ORDER BY rank LIMIT 1
), wall AS (
    SELECT CASE WHEN mode <> 'sandbox' THEN %(start)s::timestamptz
                ELSE coalesce((SELECT recorded_at FROM portfolio_snapshots WHERE at >= %(start)s ORDER BY at LIMIT 1), 'infinity') END AS start,
           CASE WHEN mode <> 'sandbox' THEN %(end)s::timestamptz
                ELSE coalesce((SELECT recorded_at FROM portfolio_snapshots WHERE at >= %(end)s ORDER BY at LIMIT 1), 'infinity') END AS "end",
           CASE WHEN mode <> 'sandbox' THEN clock_timestamp() END AS now
      FROM world
), decided AS (
    SELECT count(*) FILTER (WHERE outcome = 'accepted' AND action = 'buy') AS buys,
           count(*) FILTER (WHERE outcome = 'accepted' AND action = 'sell') AS sells,
           count(*) FILTER (WHERE outcome = 'accepted' AND action = 'hold') AS holds,
           count(*) FILTER (WHERE outcome = 'rejected') AS rejected,
           coalesce(sum(cost_krw), 0) AS ai_cost
      FROM decisions WHERE at >= %(start)s AND at < %(end)s
), refused AS (
    SELECT refusal, count(*) AS number FROM decisions
     WHERE outcome = 'accepted' AND refusal IS NOT NULL AND at >= %(start)s AND at < %(end)s
     GROUP BY refusal
), traded AS (
    SELECT count(*) FILTER (WHERE o.side = 'buy') AS bought, count(*) FILTER (WHERE o.side = 'sell') AS sold,
           coalesce(sum(o.executed_funds), 0) AS volume, coalesce(sum(o.paid_fee), 0) AS fees,
           coalesce(sum(o.realized), 0) AS realized,
           count(*) FILTER (WHERE i.trigger = 'stop_loss') AS stop_losses,
           count(*) FILTER (WHERE i.trigger = 'take_profit') AS take_profits,
           count(*) FILTER (WHERE i.trigger = 'trailing_stop') AS trailing_stops
      FROM orders o LEFT JOIN order_intents i USING (identifier)
     WHERE o.executed_volume > 0 AND o.created_at >= %(start)s AND o.created_at < %(end)s
), tripped AS (
    SELECT count(*) AS breaker_trips FROM events
     WHERE severity = 'warning' AND kind = 'breaker_tripped'
       AND (context ->> 'at')::timestamptz >= %(start)s AND (context ->> 'at')::timestamptz < %(end)s
), life AS (
    SELECT greatest(floor(extract(epoch FROM min(at) - %(start)s::timestamptz) / 3600), 0) AS first_hour FROM portfolio_snapshots
), awake AS (
    SELECT count(DISTINCT floor(extract(epoch FROM at - %(start)s::timestamptz) / 3600)) AS hours_awake
      FROM portfolio_snapshots WHERE at >= %(start)s AND at < %(end)s
), rung AS (
    SELECT a.name, count(*) AS number FROM alerts a CROSS JOIN wall w
     WHERE a.starts_at >= w.start AND a.starts_at < w."end" GROUP BY a.name
)
SELECT o.equity AS opened, o.at AS opened_at, c.equity AS closed, c.at AS closed_at,
       coalesce((SELECT sum(f.flow) FROM funds_moved f WHERE f.at > o.at AND f.at <= c.at), 0) AS flows,
       d.*, t.*, b.breaker_trips,
       coalesce((SELECT jsonb_object_agg(refusal, number) FROM refused), '{}') AS blocked,
       (ceil(extract(epoch FROM least(%(end)s, greatest(c.at, w.now)) - %(start)s::timestamptz) / 3600) - l.first_hour)::int AS hours, a.hours_awake,
       coalesce((SELECT jsonb_object_agg(name, number) FROM rung), '{}') AS alarms
  FROM opening o CROSS JOIN closing c CROSS JOIN decided d CROSS JOIN traded t CROSS JOIN tripped b CROSS JOIN life l CROSS JOIN awake a
  CROSS JOIN wall w;
