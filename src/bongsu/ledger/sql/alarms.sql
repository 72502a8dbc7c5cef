-- ringing --
-- What Alertmanager told of and has not ended yet, oldest first; what the bot raises itself is named after itself
SELECT name, severity, summary, description, runbook_url, labels, fingerprint, starts_at
  FROM alerts WHERE firing AND fingerprint <> name ORDER BY starts_at;
