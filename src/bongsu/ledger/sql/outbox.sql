-- oldest --
-- The message that is due next; the others wait behind it, so that all arrive in order
SELECT id, kind, text, picture, log_line, attempts, maybe_sent,
       greatest(extract(epoch FROM next_attempt_at - clock_timestamp()), 0)::float8 AS wait
  FROM notifications
 WHERE state = 'pending'
 ORDER BY id
 LIMIT 1;

-- begin --
-- On record before it is sent: who dies while sending leaves this behind
UPDATE notifications SET attempts = attempts + 1, maybe_sent = true WHERE id = %(id)s;

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
