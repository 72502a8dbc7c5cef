-- fills --
-- Every execution on record
SELECT uuid::text, market, side, price, volume, funds FROM fills;

-- orders --
-- What each order's fees came to
SELECT coalesce(identifier::text, uuid::text) AS identifier, paid_fee FROM orders WHERE executed_volume > 0;

-- positions --
-- What should be held
SELECT market, volume FROM positions WHERE volume > 0;

-- cash --
-- What should be left in won
SELECT amount FROM cash WHERE currency = 'KRW';

-- counted_trades --
-- What the counters say
SELECT coalesce(sum(value), 0) AS trades FROM metric_counter WHERE name = 'trades_total';

-- errors --
-- Error events of a run
SELECT count(*) AS errors FROM events WHERE severity = 'error';

-- result --
-- Where the portfolio stands, and where it began
SELECT p.equity, p.peak_equity, p.at, (SELECT sum(flow) FROM funds_moved) AS put_in,
       (SELECT max(drawdown) FROM portfolio_snapshots) AS max_drawdown,
       (SELECT count(*) FROM decisions WHERE outcome = 'accepted') AS decisions
  FROM portfolio p;
