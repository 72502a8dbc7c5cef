-- told_lately --
-- Until when a topic counts as told a moment ago; no row when it does not
SELECT max(greatest(created_at, hold_until)) + %(window)s AS until
  FROM notifications
 WHERE topic = %(topic)s AND state NOT IN ('held', 'merged')
HAVING max(greatest(created_at, hold_until)) + %(window)s > clock_timestamp();

-- enqueue --
-- A message, in the transaction of what it tells
INSERT INTO notifications (kind, text, topic, log_line, picture, urgency, of_the_channel, state, hold_until, held_for)
VALUES (%(kind)s, %(text)s, %(topic)s, %(log_line)s, %(picture)s, %(urgency)s, %(of_the_channel)s,
        CASE WHEN %(held_for)s::text IS NULL THEN 'pending' ELSE 'held' END, %(hold_until)s, %(held_for)s)
RETURNING id;

-- wake_sender --
-- There is something to send
NOTIFY outbox;

-- route --
-- The message takes a second way as well, at once or when the first one is late
INSERT INTO deliveries (notification_id, channel, only_if_late, due_at)
VALUES (%(id)s, %(channel)s, %(delay)s > interval '0', clock_timestamp() + %(delay)s);

-- held_and_due --
-- What need not be held any longer, oldest first
SELECT id, kind, text, topic, log_line, urgency, of_the_channel, held_for, created_at
  FROM notifications
 WHERE state = 'held' AND hold_until <= clock_timestamp()
 ORDER BY id
   FOR UPDATE;

-- held_before --
-- Of a storm: what must be told before the message that comes now
SELECT id, kind, text, topic, log_line, urgency, of_the_channel, held_for, created_at
  FROM notifications
 WHERE state = 'held' AND held_for = 'storm'
   AND (topic = %(before_it)s OR topic = %(topic)s AND hold_until <= clock_timestamp())
 ORDER BY id
   FOR UPDATE;

-- release --
-- Told by itself after all
UPDATE notifications SET state = 'pending', hold_until = least(hold_until, clock_timestamp()) WHERE id = %(id)s;

-- merge --
-- Told in another message, and nowhere else
UPDATE notifications SET state = 'merged', told_in = %(told_in)s, ended_at = clock_timestamp() WHERE id = ANY(%(ids)s);
