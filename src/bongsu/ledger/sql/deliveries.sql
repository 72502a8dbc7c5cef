-- oldest --
-- The message that is due on the channel, no sooner than %(pace)s seconds after the one before, whoever sent that;
-- the others wait behind it
SELECT n.id, n.kind, n.text, n.picture, n.urgency, d.maybe_sent,
       greatest(extract(epoch FROM greatest(d.next_attempt_at, before.ended_at + make_interval(secs => %(pace)s))
                                   - clock_timestamp()), 0)::float8 AS wait
  FROM deliveries d
  JOIN notifications n ON n.id = d.notification_id
  LEFT JOIN LATERAL (SELECT max(ended_at) AS ended_at FROM deliveries
                      WHERE channel = %(channel)s AND state IN ('sent', 'dead')) before ON true
 WHERE d.channel = %(channel)s AND d.state = 'pending' AND d.due_at <= clock_timestamp()
 ORDER BY d.notification_id
 LIMIT 1;

-- begin --
-- On record before it is sent; whoever takes over meanwhile waits for the outcome
UPDATE deliveries
   SET attempts = attempts + 1, maybe_sent = true,
       next_attempt_at = clock_timestamp() + make_interval(secs => %(patience)s)
 WHERE notification_id = %(id)s AND channel = %(channel)s AND state = 'pending'
RETURNING notification_id;

-- sent --
-- Delivered; no row when it was marked before
UPDATE deliveries
   SET state = 'sent', ended_at = clock_timestamp(), channel_id = %(channel_id)s, last_error = NULL
 WHERE notification_id = %(id)s AND channel = %(channel)s AND state = 'pending'
RETURNING notification_id;

-- failed --
-- Not delivered, or nobody knows; it stays the next one
UPDATE deliveries
   SET last_error = %(error)s, maybe_sent = %(maybe_sent)s,
       next_attempt_at = clock_timestamp() + make_interval(secs => %(wait)s)
 WHERE notification_id = %(id)s AND channel = %(channel)s AND state = 'pending'
RETURNING notification_id;

-- dead --
-- Refused for what it says
UPDATE deliveries
   SET state = 'dead', ended_at = clock_timestamp(), last_error = %(error)s, maybe_sent = false
 WHERE notification_id = %(id)s AND channel = %(channel)s AND state = 'pending'
RETURNING notification_id;

-- dead_event --
-- A message that was given up must show somewhere
INSERT INTO events (kind, severity, source, message, context)
VALUES ('notification_dead', 'error', %(channel)s, %(error)s, %(context)s);

-- spare --
-- Telegram delivered it in time
UPDATE deliveries SET state = 'spared', ended_at = clock_timestamp()
 WHERE notification_id = %(id)s AND only_if_late AND state = 'pending' AND attempts = 0;

-- hasten --
-- Telegram takes nothing any more: what waits for it goes the other way now
UPDATE deliveries SET due_at = clock_timestamp()
 WHERE only_if_late AND state = 'pending' AND due_at > clock_timestamp()
   AND (%(id)s::bigint IS NULL OR notification_id = %(id)s);

-- close --
-- A channel that was switched off takes nothing; what waited for it must not come out months later
UPDATE deliveries SET state = 'spared', ended_at = clock_timestamp()
 WHERE state = 'pending' AND NOT channel = ANY(%(open)s);
