-- oldest --
-- The message that is due next, no sooner than %(pace)s seconds after the one before, whoever sent that;
-- the others wait behind it, so that all arrive in order
SELECT n.id, n.kind, n.text, n.picture, n.log_line, n.urgency, n.maybe_sent,
       greatest(extract(epoch FROM greatest(n.next_attempt_at, before.ended_at + make_interval(secs => %(pace)s))
                                   - clock_timestamp()), 0)::float8 AS wait
  FROM notifications n
  LEFT JOIN LATERAL (SELECT max(ended_at) AS ended_at FROM notifications
                      WHERE state IN ('sent', 'dead')) before ON true
 WHERE n.state = 'pending'
 ORDER BY n.id
 LIMIT 1;

-- begin --
-- On record before it is sent: who dies while sending leaves this behind. Whoever takes over meanwhile
-- waits for the outcome, so that a message that is just arriving does not arrive twice
UPDATE notifications
   SET attempts = attempts + 1, maybe_sent = true,
       next_attempt_at = clock_timestamp() + make_interval(secs => %(patience)s)
 WHERE id = %(id)s;

-- sent --
-- Delivered; no row when it was marked before
UPDATE notifications
   SET state = 'sent', ended_at = clock_timestamp(), channel_id = %(channel_id)s, last_error = NULL
 WHERE id = %(id)s AND state = 'pending'
RETURNING id;

-- failed --
-- Not delivered, or nobody knows; it stays the next one
UPDATE notifications
   SET last_error = %(error)s, maybe_sent = %(maybe_sent)s,
       next_attempt_at = clock_timestamp() + make_interval(secs => %(wait)s)
 WHERE id = %(id)s AND state = 'pending'
RETURNING id;

-- dead --
-- Refused for what it says: the others need not wait for it
UPDATE notifications
   SET state = 'dead', ended_at = clock_timestamp(), last_error = %(error)s, maybe_sent = false
 WHERE id = %(id)s AND state = 'pending'
RETURNING id;

-- dead_event --
-- A message that was given up must show somewhere
INSERT INTO events (kind, severity, source, message, context)
VALUES ('notification_dead', 'error', 'telegram', %(error)s, %(context)s);
