-- adopt --
-- A difference that stood is in our books from here on
INSERT INTO adoptions (at, currency, market, amount, taken, price, found)
VALUES (%(at)s, %(currency)s, %(market)s, %(amount)s, %(taken)s, %(price)s, %(found)s);

-- acknowledge --
-- The owner knows of it
UPDATE adoptions SET acknowledged_at = clock_timestamp(), acknowledged_by = %(who)s
 WHERE acknowledged_at IS NULL AND (%(market)s::text IS NULL OR market = %(market)s)
RETURNING id;

-- external_markets --
-- Where buys wait for that
SELECT DISTINCT market FROM adoptions WHERE acknowledged_at IS NULL AND market IS NOT NULL;

-- our_orders --
-- Which of these identifiers are ours, and whether their order is on record
SELECT i.identifier, o.uuid IS NOT NULL AS booked
  FROM order_intents i LEFT JOIN orders o USING (identifier)
 WHERE i.identifier = ANY (%(identifiers)s::uuid[]);

-- outside_funds --
-- Coins that are in the account and not the bot's
SELECT currency, sum(amount) AS amount FROM funds_moved WHERE currency <> 'KRW' GROUP BY currency;
