-- hear --
-- An update of a bot is heard once: no row when it was before
INSERT INTO commands_heard (bot, update_id, user_id, chat_id, hearing)
VALUES (%(bot)s, %(update)s, %(user)s, %(chat)s, %(hearing)s)
    ON CONFLICT DO NOTHING
RETURNING update_id;

-- prune_heard --
-- Telegram forgets an update after a day
DELETE FROM commands_heard WHERE heard_at < clock_timestamp() - make_interval(days => %(days)s);

-- mute --
-- Not told until then
INSERT INTO mutes (alert, until, who) VALUES (%(alert)s, %(until)s, %(who)s)
    ON CONFLICT (alert) DO UPDATE SET until = excluded.until, who = excluded.who, since = clock_timestamp();

-- unmute --
-- Its time is over now; whoever ends the mutes tells what fires
UPDATE mutes SET until = clock_timestamp() WHERE alert = %(alert)s;

-- is_muted --
-- Until the row is gone: what came in the last moment is told when it goes
SELECT alert FROM mutes WHERE alert = %(alert)s FOR SHARE;

-- end_mutes --
-- Those whose time is over
DELETE FROM mutes WHERE until <= clock_timestamp() RETURNING alert;

-- firing_named --
-- Alarms of a name that fire
SELECT name, severity, summary, description, runbook_url, labels, fingerprint, starts_at
  FROM alerts WHERE name = %(alert)s AND firing ORDER BY starts_at;

-- choose_language --
-- Of the answers in a chat
INSERT INTO chat_languages (chat_id, lang) VALUES (%(chat)s, %(lang)s)
    ON CONFLICT (chat_id) DO UPDATE SET lang = excluded.lang;
