-- note --
-- An alarm has come all the way; the proof is as old as its making, and never younger than now
UPDATE watchdog SET proven_at = greatest(proven_at, least(%(proven_at)s, clock_timestamp()));

-- sight --
-- Since when no Watchdog has come, and since when one could have: since the start of the backend, who receives it,
-- or of the scheduler while that has not appeared yet
WITH backend AS (
    SELECT max(started_at) AS started_at, max(beat_at) AS beat_at FROM heartbeats WHERE process = 'backend'
), scheduler AS (
    SELECT max(started_at) AS started_at, max(beat_at) AS beat_at FROM heartbeats WHERE process = 'scheduler'
), watched AS (
    SELECT greatest(b.started_at, CASE WHEN b.beat_at IS NULL OR b.beat_at < s.started_at THEN s.started_at END) AS since
      FROM backend b CROSS JOIN scheduler s
)
SELECT w.proven_at,
       extract(epoch FROM clock_timestamp() - w.proven_at)::float8 AS silence,
       coalesce(extract(epoch FROM clock_timestamp() - watched.since), 0)::float8 AS watched,
       (SELECT min(starts_at) FROM alerts WHERE name = %(alarm)s AND firing) AS told_since,
       extract(epoch FROM clock_timestamp() - s.beat_at)::float8 AS scheduler_silence
  FROM watchdog w CROSS JOIN watched CROSS JOIN scheduler s;
