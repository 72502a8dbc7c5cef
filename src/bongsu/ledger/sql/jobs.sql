-- register --
-- The job, its rhythm and its deadline
INSERT INTO jobs (name, interval_seconds, deadline_seconds) VALUES (%(name)s, %(interval)s, %(deadline)s)
    ON CONFLICT (name) DO UPDATE
   SET interval_seconds = excluded.interval_seconds, deadline_seconds = excluded.deadline_seconds;

-- start --
-- One run per job and time, ever: no row when it ran before; one that was skipped may still take place, and so may a report
-- that failed, which is written once however often it runs
INSERT INTO job_runs (job_name, scheduled_for, epoch, requested_by)
VALUES (%(job)s, %(scheduled_for)s, %(epoch)s, %(requested_by)s)
    ON CONFLICT (job_name, scheduled_for, requested_by) DO UPDATE
   SET started_at = clock_timestamp(), ended_at = NULL, outcome = NULL, reason = NULL, epoch = excluded.epoch
 WHERE job_runs.outcome = 'skipped' OR (job_runs.job_name = 'daily_report_job' AND job_runs.outcome = 'failure')
RETURNING id;

-- plan --
-- When the job is due next, in market time
UPDATE jobs SET next_at = %(next_at)s WHERE name = %(job)s;

-- finish --
-- How it ended; nothing when it is ended already
UPDATE job_runs SET ended_at = clock_timestamp(), outcome = %(outcome)s, reason = %(reason)s
 WHERE id = %(run_id)s AND outcome IS NULL
RETURNING extract(epoch FROM ended_at - started_at)::float8 AS seconds, job_name;

-- orphans --
-- Runs of leaders before us that never ended
SELECT id, job_name FROM job_runs WHERE outcome IS NULL AND epoch < %(epoch)s ORDER BY id;

-- last_scheduled --
-- The newest scheduled run of a job that took place; a report that failed is still owed
SELECT max(scheduled_for) AS at FROM job_runs
 WHERE job_name = %(job)s AND requested_by IS NULL AND outcome IS DISTINCT FROM 'skipped'
   AND (job_name <> 'daily_report_job' OR outcome IS DISTINCT FROM 'failure');

-- recent_outcomes --
-- How the last runs of a job ended, newest first
SELECT outcome FROM job_runs WHERE job_name = %(job)s AND outcome IN ('success', 'failure') ORDER BY id DESC LIMIT %(runs)s;

-- prune_runs --
-- Older than the owner wants to keep; counters stay
DELETE FROM job_runs WHERE started_at < clock_timestamp() - make_interval(days => %(days)s) AND outcome IS NOT NULL
   AND scheduled_for < (SELECT max(scheduled_for) FROM job_runs AS newest WHERE newest.job_name = job_runs.job_name);

-- prune_events --
-- Older than the owner wants to keep; reports of any day tell of tripped breakers
DELETE FROM events WHERE recorded_at < clock_timestamp() - make_interval(days => %(days)s) AND kind <> 'breaker_tripped';

-- prune_notifications --
-- Delivered long ago, on every channel
DELETE FROM notifications WHERE state IN ('sent', 'merged') AND ended_at < clock_timestamp() - make_interval(days => %(days)s)
   AND NOT EXISTS (SELECT 1 FROM deliveries WHERE notification_id = notifications.id AND state IN ('pending', 'dead'));
