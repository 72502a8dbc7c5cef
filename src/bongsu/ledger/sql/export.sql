-- trades_between --
-- Orders with a fill, oldest first; cost_sold is what the sold volume had cost by moving average, fees of buying inside
SELECT o.created_at AS at, (SELECT max(f.at) FROM fills f WHERE f.order_uuid = o.uuid) AS filled_at,
       o.side AS kind, o.origin, o.market AS asset, o.executed_volume AS volume,
       o.executed_funds / o.executed_volume AS price, o.executed_funds AS amount, o.paid_fee AS fee,
       o.executed_funds - o.paid_fee - o.realized AS cost_sold, o.realized, i.reason AS note, o.uuid
  FROM orders o LEFT JOIN order_intents i USING (identifier)
 WHERE o.executed_volume > 0 AND o.created_at >= %(since)s AND o.created_at < %(until)s
 ORDER BY o.created_at, o.uuid;

-- moved_between --
-- What came or went without an order of ours, oldest first: won as an amount, coins as a volume; a coin
-- that left our position before it left the account left the account once
SELECT at, CASE WHEN amount < 0 THEN 'out' ELSE 'in' END AS kind, 'external' AS origin, currency AS asset,
       CASE WHEN currency <> 'KRW' THEN abs(amount) END AS volume, CASE WHEN currency = 'KRW' THEN abs(amount) END AS amount, note
  FROM funds_moved
 WHERE at >= %(since)s AND at < %(until)s AND note <> 'taken'
 ORDER BY at, id;

-- world_mode --
-- Whether this was real money; no row before the first start
SELECT mode FROM world;
