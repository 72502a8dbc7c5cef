-- lock_switches --
-- One intent at a time, and none beside a kill
SELECT killed, mismatches <> '[]' AS mismatch FROM switches FOR UPDATE;

-- pauses --
-- Why no buys are made
SELECT reason FROM pauses ORDER BY since;

-- breakers --
-- Loss limits in force
SELECT scope FROM breakers WHERE active ORDER BY scope;

-- unsettled --
-- Orders whose outcome nobody knows
SELECT count(*) AS unsettled FROM order_intents WHERE state IN ('open', 'unknown') AND identifier IS DISTINCT FROM %(but)s::uuid;

-- cash --
-- The won balance by our own books
SELECT amount FROM cash WHERE currency = 'KRW';

-- positions --
-- What is held or was held
SELECT market, volume, cost, realized, opened_at, peak, price, valued_at FROM positions ORDER BY market;

-- position --
-- One of them, locked for the settlement
SELECT market, volume, cost, realized, opened_at, peak FROM positions WHERE market = %(market)s FOR UPDATE;

-- market_states --
-- What the exchange lets anybody do, market by market
SELECT market, state FROM market_states;

-- equity --
-- The newest valuation
SELECT equity FROM portfolio;

-- last_entries --
-- When each market was last bought
SELECT o.market, max(i.at) AS at
  FROM orders o JOIN order_intents i USING (identifier)
 WHERE o.side = 'buy' AND o.executed_volume > 0
 GROUP BY o.market;

-- trades_since --
-- Orders with a fill since the trading day began
SELECT count(*) AS trades
  FROM orders o JOIN order_intents i USING (identifier)
 WHERE o.executed_volume > 0 AND i.at >= %(since)s;

-- first_week_cap --
-- What may be held in all, until the first week with real money is over or the owner lifts it
SELECT cap FROM live_start WHERE lifted_at IS NULL AND cap_until > clock_timestamp();

-- known_intent --
-- Whether this wish was wished before
SELECT state FROM order_intents WHERE identifier = %(identifier)s;

-- open_intent_of_market --
-- The intent that blocks a market
SELECT identifier FROM order_intents WHERE market = %(market)s AND state IN ('open', 'unknown');

-- insert_intent --
-- What we mean to do, before we do it
INSERT INTO order_intents (identifier, market, side, trigger, key, reason, confidence, at, funds, volume, decision_id, quote,
                           epoch)
VALUES (%(identifier)s, %(market)s, %(side)s, %(trigger)s, %(key)s, %(reason)s, %(confidence)s, %(at)s, %(funds)s,
        %(volume)s, %(decision_id)s, %(quote)s, %(epoch)s);

-- open_intents --
-- Orders we meant to send whose fate is not recorded yet, oldest first
SELECT identifier, market, side, trigger, key, reason, confidence, at, funds, volume, decision_id, quote, state, fenced,
       extract(epoch FROM clock_timestamp() - opened_at)::float8 AS age
  FROM order_intents
 WHERE state IN ('open', 'unknown')
 ORDER BY opened_at;

-- lock_intent --
-- The intent, until its settlement is written
SELECT state FROM order_intents WHERE identifier = %(identifier)s FOR UPDATE;

-- mark_unknown --
-- No definite answer came
UPDATE order_intents SET state = 'unknown', unknown_since = coalesce(unknown_since, clock_timestamp())
 WHERE identifier = %(identifier)s AND state = 'open';

-- mark_fenced --
-- The exchange said that the identifier exists: nothing sent under it can be accepted any more
UPDATE order_intents SET fenced = true WHERE identifier = %(identifier)s AND state IN ('open', 'unknown');

-- close_intent --
-- Its fate is known
UPDATE order_intents SET state = %(state)s, closed_at = clock_timestamp(), close_reason = %(reason)s
 WHERE identifier = %(identifier)s;

-- insert_order --
-- A final order; nothing when it is booked already
INSERT INTO orders (uuid, identifier, market, side, state, executed_volume, executed_funds, paid_fee, created_at, realized, recovered)
VALUES (%(uuid)s, %(identifier)s, %(market)s, %(side)s, %(state)s, %(executed_volume)s, %(executed_funds)s, %(paid_fee)s,
        %(created_at)s, %(realized)s, %(recovered)s)
    ON CONFLICT (uuid) DO NOTHING
RETURNING uuid;

-- insert_fill --
-- The exchange's trade uuid books it once
INSERT INTO fills (uuid, order_uuid, market, side, price, volume, funds, at)
VALUES (%(uuid)s, %(order_uuid)s, %(market)s, %(side)s, %(price)s, %(volume)s, %(funds)s, %(at)s)
    ON CONFLICT (uuid) DO NOTHING;

-- save_position --
-- What is held now
INSERT INTO positions (market, volume, cost, realized, opened_at, peak)
VALUES (%(market)s, %(volume)s, %(cost)s, %(realized)s, %(opened_at)s, %(peak)s)
    ON CONFLICT (market) DO UPDATE
   SET volume = excluded.volume, cost = excluded.cost, realized = excluded.realized, opened_at = excluded.opened_at,
       peak = excluded.peak;

-- raise_peak --
-- Two quotes stood higher than ever since the entry
UPDATE positions SET peak = greatest(peak, %(price)s) WHERE market = %(market)s AND volume > 0;

-- add_cash --
-- Won that came or went
UPDATE cash SET amount = amount + %(amount)s WHERE currency = 'KRW';

-- add_funds --
-- Money without an order of ours
INSERT INTO funds_moved (at, currency, amount, note, flow)
VALUES (%(at)s, %(currency)s, %(amount)s, %(note)s, %(flow)s);

-- shift_peak --
-- Money that came or went moves the highest value with it: it is no drawdown
UPDATE portfolio SET peak_equity = peak_equity + %(flow)s;

-- funds_by_currency --
-- All money that came or went from outside
SELECT currency, sum(amount) AS amount FROM funds_moved GROUP BY currency;
