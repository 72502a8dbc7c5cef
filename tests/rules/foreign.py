"""Series that rules read and that are not ours: their kind and labels, as the servers export them.

The stack's tests ask a running Prometheus for each of them, so that nothing here is hearsay. Newer servers may give more
labels; these they all give.
"""

from dataclasses import dataclass

from bongsu.metric import Kind


@dataclass(frozen=True)
class Foreign:
    kind: Kind
    labels: tuple[str, ...] = ()


FOREIGN = {
    # Prometheus, about each target
    "up": Foreign(Kind.GAUGE),
    "scrape_samples_scraped": Foreign(Kind.GAUGE),
    # prometheus_client, about each of our processes
    "process_start_time_seconds": Foreign(Kind.GAUGE),
    # Prometheus and Alertmanager, about themselves
    "prometheus_rule_evaluation_failures_total": Foreign(Kind.COUNTER, ("rule_group",)),
    "prometheus_notifications_alertmanagers_discovered": Foreign(Kind.GAUGE),
    "alertmanager_notifications_failed_total": Foreign(Kind.COUNTER, ("integration",)),
    # postgres-exporter
    "pg_up": Foreign(Kind.GAUGE),
    "pg_settings_max_connections": Foreign(Kind.GAUGE, ("server",)),
    "pg_stat_activity_count": Foreign(Kind.GAUGE, ("datname", "server", "state")),
    "pg_stat_activity_max_tx_duration": Foreign(Kind.GAUGE, ("datname", "server", "state")),
    "pg_stat_database_numbackends": Foreign(Kind.GAUGE, ("datid", "datname", "server")),
    "pg_database_size_bytes": Foreign(Kind.GAUGE, ("datname", "server")),
    "pg_locks_count": Foreign(Kind.GAUGE, ("datname", "mode", "server")),
    "pg_stat_database_tup_inserted": Foreign(Kind.COUNTER, ("datid", "datname", "server")),
    "pg_stat_database_tup_updated": Foreign(Kind.COUNTER, ("datid", "datname", "server")),
    "pg_stat_database_tup_deleted": Foreign(Kind.COUNTER, ("datid", "datname", "server")),
    "pg_stat_database_tup_fetched": Foreign(Kind.COUNTER, ("datid", "datname", "server")),
    "pg_blocked_sessions": Foreign(Kind.GAUGE, ("datname", "server")),
    "pg_statements_calls_total": Foreign(Kind.COUNTER, ("datname", "server")),
    "pg_statements_seconds_total": Foreign(Kind.COUNTER, ("datname", "server")),
    "pg_stat_statements_calls_total": Foreign(Kind.COUNTER, ("datname", "queryid", "server")),
    "pg_stat_statements_seconds_total": Foreign(Kind.COUNTER, ("datname", "queryid", "server")),
    "pg_stat_database_deadlocks": Foreign(Kind.COUNTER, ("datid", "datname", "server")),
}
