-- seen --
-- What is on record since the leader of this epoch began its work
WITH start AS (
    SELECT max(recorded_at) AS at FROM events WHERE kind = 'process_started' AND source = 'scheduler'
)
SELECT (SELECT version_num FROM alembic_version) AS schema,
       (SELECT outcome FROM job_runs WHERE job_name = 'reconcile_job' AND epoch = %(epoch)s AND outcome IS NOT NULL
         ORDER BY id DESC LIMIT 1) AS reconciled,
       (SELECT outcome FROM job_runs WHERE job_name = 'position_job' AND epoch = %(epoch)s AND outcome IS NOT NULL
         ORDER BY id DESC LIMIT 1) AS stops_checked,
       (SELECT jsonb_array_length(mismatches) FROM switches) AS mismatches,
       (SELECT count(*) FROM order_intents WHERE state IN ('open', 'unknown')) AS open_intents,
       (SELECT count(*) FROM positions WHERE volume > 0) AS positions,
       EXISTS (SELECT FROM notifications WHERE state = 'sent' AND ended_at >= start.at) AS delivered,
       (SELECT last_error FROM notifications WHERE state = 'pending' AND last_error IS NOT NULL
         ORDER BY id LIMIT 1) AS undelivered,
       EXISTS (SELECT FROM heartbeats WHERE process = 'backend' AND beat_at >= start.at) AS backend,
       EXISTS (SELECT FROM watchdog WHERE proven_at >= start.at) AS watchdog
  FROM start;

-- told --
-- Whether the owner need not be told of this start: told since the backend's, or a moment ago by a scheduler that crashed since
SELECT coalesce(told.at > backend.at, false)
       OR coalesce(told.at > clock_timestamp() - interval '10 minutes' AND (goodbye.at IS NULL OR goodbye.at < told.at), false)
       AS told
  FROM (SELECT max(recorded_at) AS at FROM events WHERE kind = 'start_checked') told
 CROSS JOIN (SELECT max(recorded_at) AS at FROM events WHERE kind = 'process_started' AND source = 'backend') backend
 CROSS JOIN (SELECT max(recorded_at) AS at FROM events WHERE kind = 'process_stopped' AND source = 'scheduler') goodbye;
