"""The series of the servers around the bot, and those that Prometheus makes for each target."""

from collections.abc import Iterator

import numpy as np

from alarms.life import DAY, HOUR, MINUTE, Times
from alarms.scrapes import TARGETS, Scrapes, Series, count

DATABASE, SERVER = "trading_db", "postgres:5432"
SAMPLES = {"backend": 1200, "scheduler": 300, "postgres": 450, "prometheus": 650, "alertmanager": 250}


def servers(s: Scrapes) -> Iterator[Series]:
    for job in TARGETS:
        answers = s.answers[job]
        yield s.made(job, "up", answers.astype(float))
        yield s.made(job, "scrape_samples_scraped", np.where(answers, SAMPLES[job], 0.0))
    yield from postgres(s)
    yield from alarm_servers(s)


def postgres(s: Scrapes) -> Iterator[Series]:
    yield s.around("postgres", "pg_up", 1.0)
    yield s.around("postgres", "pg_settings_max_connections", 100.0, server=SERVER)
    for name, by_state in (("count", _connections(s)), ("max_tx_duration", _transactions(s))):
        for state, values in by_state.items():
            labels = {"datname": DATABASE, "server": SERVER, "state": state}
            yield s.around("postgres", f"pg_stat_activity_{name}", values, **labels)
    yield s.around(
        "postgres", "pg_stat_database_deadlocks", 0.0, datid="16384", datname=DATABASE, server=SERVER
    )


def _connections(s: Scrapes) -> dict[str, Times]:
    """A dozen, and a burst of an owner's tools now and then."""
    minute = np.floor(s.at / MINUTE).astype(int) + DAY // MINUTE
    noise = s.life.chance(90).integers(0, 5, int((s.life.length + 2 * DAY) / MINUTE))[minute]
    burst = s.struck(91, each=DAY, lasting=90) * 60.0
    return {"active": 2.0 + noise, "idle": 9.0 + burst, "idle in transaction": (noise > 3).astype(float)}


def _transactions(s: Scrapes) -> dict[str, Times]:
    """Each night a backup reads for twenty minutes; a person forgets a transaction for a minute and a half."""
    night = (s.at % DAY >= 18 * HOUR) & (s.at % DAY < 18 * HOUR + 20 * MINUTE)
    forgotten = np.zeros(len(s.at))
    for begin in s.sometimes(92, each=2 * DAY):
        forgotten = np.where((s.at >= begin) & (s.at < begin + 90), s.at - begin, forgotten)
    return {"active": np.where(night, s.at % DAY - 18 * HOUR, 0.1), "idle in transaction": forgotten}


def alarm_servers(s: Scrapes) -> Iterator[Series]:
    group = {"rule_group": "alert_rules.yml;bongsu_scheduler"}
    yield s.around("prometheus", "prometheus_rule_evaluation_failures_total", 0.0, **group)
    yield s.around("prometheus", "prometheus_notifications_alertmanagers_discovered", 1.0)
    lost = count(
        s.sometimes(93, each=3 * DAY), s.at
    )  # the backend was away for longer than a delivery is tried
    for integration, failures in {"webhook": lost, "telegram": np.zeros(len(s.at))}.items():
        yield s.around(
            "alertmanager",
            "alertmanager_notifications_failed_total",
            failures,
            integration=integration,
        )
