"""The series of the bot itself, as the ledger, the backend and the scheduler show them."""

from collections.abc import Iterator

import numpy as np

from alarms.life import BACKED_UP, DAY, HOUR, MINUTE, Times
from alarms.scrapes import NOTHING, Scrapes, Series, count, during, latest
from alarms.truths import LOSS, blocked
from alarms.work import MARKETS, SCHEDULES, Outcome
from bongsu.core.facts import ErrorType, JobName
from bongsu.core.market import MarketState
from bongsu.metric import Owner
from bongsu.metrics.values import NO_MODEL

CHECKS = (JobName.RECONCILE, JobName.POSITION, JobName.PORTFOLIO)
ASKED = (
    "accounts",
    "ticker",
    "orderbook",
    "candles",
    "place",
)  # the other endpoints' counters stay at 0: left out, for time
BUDGET = 3000.0  # won a day


def bot(s: Scrapes) -> Iterator[Series]:
    yield from jobs(s)
    yield from scheduler(s)
    yield from decisions(s)
    yield from money(s)
    yield from notifications(s)
    yield from exchange(s)
    yield from requests(s)
    yield from database(s)
    yield from backups(s)
    yield from host(s)


def jobs(s: Scrapes) -> Iterator[Series]:
    work = s.work
    for name, outcome in (("success", Outcome.SUCCESS), ("failure", Outcome.FAILURE)):
        ended = {(job.value,): work.ends(outcome, job) for job in JobName}
        yield from s.counters(f"scheduler_job_{name}_total", ended)
    for job in JobName:
        yield from _job(s, job)


def _job(s: Scrapes, job: JobName) -> Iterator[Series]:
    runs = s.work.runs[job]
    starts = np.array([run.start for run in runs])
    overs = np.array([run.over for run in runs])
    last = np.searchsorted(starts, s.seen, side="right") - 1
    started, over = starts[last], overs[last]
    ended = {outcome: s.work.ends(outcome, job) for outcome in Outcome}
    every = np.concatenate([*ended.values(), s.work.skips[job]])
    shown: dict[str, Times | float] = {
        "duration_seconds": np.minimum(s.seen, over) - started,
        "in_progress": (s.seen < over).astype(float),
        "deadline_seconds": SCHEDULES[job].deadline,
        "interval_seconds": SCHEDULES[job].interval,
        "last_start_timestamp_seconds": s.timestamp(started),
        "last_success_timestamp_seconds": s.timestamp(latest(ended[Outcome.SUCCESS], s.seen, -DAY)),
        "last_run_timestamp_seconds": s.timestamp(latest(every, s.seen, -DAY)),
    }
    failed = latest(ended[Outcome.FAILURE], s.seen, np.nan)
    shown["last_failure_timestamp_seconds"] = np.where(np.isnan(failed), s.never(), s.timestamp(failed))
    for name, values in shown.items():
        yield s.ledger(f"scheduler_job_{name}", values, job_name=job)


def scheduler(s: Scrapes) -> Iterator[Series]:
    yield s.ledger("scheduler_heartbeat_timestamp_seconds", s.timestamp(s.heartbeat))
    yield from s.counters("scheduler_lease_rejections_total")
    yield from s.counters("scheduler_stale_epoch_writes_total")
    starts = {("scheduler",): s.starts(Owner.SCHEDULER), ("backend",): s.starts(Owner.BACKEND)}
    yield from s.counters("bot_process_starts_total", starts)
    for owner in (Owner.BACKEND, Owner.SCHEDULER):
        started = s.timestamp(latest(s.starts(owner), s.at, -DAY))
        yield s.around(owner, "process_start_time_seconds", started)
    yield s.ledger("bot_maintenance", during([d.announced for d in s.life.deploys], s.seen).astype(float))
    yield from _configuration(s)


def _configuration(s: Scrapes) -> Iterator[Series]:
    """Each deploy brings another hash, and each process shows it from its own start on."""
    deploys = sorted(s.life.deploys, key=lambda deploy: deploy.at)
    backs = {
        Owner.SCHEDULER: [d.scheduler.back for d in deploys],
        Owner.BACKEND: [d.backend[1] for d in deploys],
    }
    for owner, changed in backs.items():
        current = count(np.array(changed), s.at)
        for number in range(len(deploys) + 1):
            values = np.where(current == number, 1.0, np.nan)
            if not np.isnan(values).all():
                labels = {"config_hash": f"{number:08x}", "process": owner.value, "mode": "live"}
                yield s.process(owner, "bot_config_info", values, **labels)


def decisions(s: Scrapes) -> Iterator[Series]:
    decided, unadvised = s.work.decided, s.work.unadvised
    yield s.ledger("ai_decision_last_timestamp_seconds", s.timestamp(latest(decided, s.seen, -DAY)))
    yield s.ledger("bot_trading_enabled", 1.0)
    led = np.array([begin for begin, _ in s.life.leading[1:]])
    yield s.ledger("bot_trading_enabled_since_timestamp_seconds", s.timestamp(latest(led, s.seen, -DAY)))
    yield from s.counters("ai_validation_rejections_total", {("confidence",): s.sometimes(20, each=DAY / 2)})
    actions = np.array(["hold", "hold", "hold", "buy", "sell"])[
        s.life.chance(22).integers(0, 5, len(decided))
    ]
    by_action = {(m, str(a)): decided[actions == a] for m in MARKETS for a in ("buy", "sell", "hold")}
    yield from s.counters("ai_decision_total", by_action)
    answers = np.repeat(decided, len(MARKETS))
    llm = {
        (NO_MODEL, "ok"): answers,
        (NO_MODEL, "timeout"): np.repeat(unadvised, len(MARKETS)),
        (NO_MODEL, "malformed"): s.sometimes(21, each=DAY),  # repaired at the second try
    }
    yield from s.counters("llm_requests_total", llm)
    spent = count(answers, s.seen) - count(answers, np.floor(s.seen / DAY) * DAY)
    yield s.ledger("llm_cost_today_krw", spent * 35)
    yield s.ledger("llm_cost_budget_daily_krw", BUDGET)


def money(s: Scrapes) -> Iterator[Series]:
    buys, sells = s.sometimes(30, each=DAY / 1.5), s.sometimes(31, each=DAY / 1.5)
    held = np.clip(1 + count(buys, s.seen) - count(sells, s.seen), 0, 3)
    yield s.ledger("bot_open_positions", held)
    yield s.ledger(
        "risk_check_last_success_timestamp_seconds",
        s.timestamp(latest(s.work.ends(Outcome.SUCCESS, JobName.POSITION), s.seen, -DAY)),
    )
    for needed, market in enumerate(MARKETS, start=1):
        yield s.ledger("market_held", (held >= needed).astype(float), market=market)
    yield from s.counters("orders_total", {("buy", "filled"): buys, ("sell", "filled"): sells})
    candle = {("candle",): np.array([r.back + 10 for r in s.life.scheduler_away])}
    yield from s.counters("duplicate_orders_prevented_total", candle)
    yield s.ledger("order_unknown_oldest_age_seconds", _ages(s, s.sometimes(32, each=2 * DAY), most=45))
    by_hand = during([(at, min(at + MINUTE, end)) for at, end in s.life.moved], s.seen)
    differs = s.struck(33, each=4 * DAY, lasting=55) | by_hand
    yield s.ledger("reconciliation_mismatches", differs.astype(float))
    adopted = during([(at + MINUTE, end) for at, end in s.life.moved], s.seen)
    yield s.ledger("external_changes_unacknowledged", adopted.astype(float))
    on = during(blocked(s.life), s.seen).astype(float)
    yield s.ledger("circuit_breaker_active", on, scope="daily")
    yield s.ledger("circuit_breaker_active", 0.0, scope="weekly")
    yield s.ledger("portfolio_drawdown_ratio", _drawdown(s))


def _ages(s: Scrapes, begins: Times, *, most: float) -> Times:
    """Of something that begins now and then and is over after `most` seconds at the latest."""
    lasts = s.life.chance(40).uniform(1, most, len(begins))
    ages = np.zeros(len(s.seen))
    for begin, long in zip(begins, lasts, strict=True):
        ages = np.where((s.seen >= begin) & (s.seen < begin + long), s.seen - begin, ages)
    return ages


def _drawdown(s: Scrapes) -> Times:
    """Valued every minute; it wanders between nothing and 9 %, and a day of losses takes it beyond a tenth."""
    minutes = int((s.life.length + 2 * DAY) / MINUTE)
    steps = s.life.chance(34).normal(0, 0.0008, minutes).cumsum()
    wandered = np.abs((steps + 0.09) % 0.18 - 0.09)
    values = wandered[((s.seen + DAY) / MINUTE).astype(int)]
    if s.life.loss_at is not None:
        values = np.where(s.seen >= s.life.loss_at, LOSS, values)
    return values


def notifications(s: Scrapes) -> Iterator[Series]:
    failed = {
        ("status", "temporary"): s.sometimes(50, each=DAY),
        ("trade", "temporary"): s.sometimes(51, each=DAY),
    }
    yield from s.counters("notification_failed_total", failed)
    yield from s.counters("notification_dead_letter_total")
    yield s.ledger(
        "notification_outbox_oldest_age_seconds", _ages(s, s.sometimes(52, each=DAY / 2), most=120)
    )
    reports = s.work.ends(Outcome.SUCCESS, JobName.DAILY_REPORT)
    yield s.ledger("daily_report_last_sent_timestamp_seconds", s.timestamp(latest(reports, s.seen, -DAY)))
    errors = {
        (ErrorType.EXCHANGE.value,): s.sometimes(53, each=DAY / 3),
        (ErrorType.SCHEDULER.value,): s.work.ends(Outcome.FAILURE),  # a run that its process did not survive
        (ErrorType.TELEGRAM.value,): s.sometimes(54, each=2 * DAY),
        (ErrorType.DB.value,): s.sometimes(55, each=3 * DAY),
        (ErrorType.DATA.value,): s.sometimes(56, each=2 * DAY),
        (ErrorType.LLM.value,): s.work.unadvised,
    }
    yield from s.counters("bot_errors_total", errors)


def exchange(s: Scrapes) -> Iterator[Series]:
    made = _requests(s)
    for counter in s.process_counters(Owner.SCHEDULER, "exchange_requests_total", made):
        if counter.labels["endpoint"] in ASKED:
            yield counter
    closed = during([c.flagged for c in s.life.closed], s.seen).astype(float)
    yield s.ledger("exchange_maintenance", closed)
    yield s.ledger("exchange_clock_offset_seconds", _offset(s))
    cycles = np.array([run.over - 2 for run in s.work.cycles])
    for n, market in enumerate(MARKETS):
        aged = s.life.chance(60, n).uniform(0.2, 20, len(cycles))[np.searchsorted(cycles, s.seen) - 1]
        age = s.seen - latest(cycles, s.seen, -DAY) + aged
        yield s.ledger("market_data_age_seconds", age, symbol=market, interval="60m")
    yield s.ledger("market_data_interval_seconds", HOUR, interval="60m")
    warned = during(s.life.warned, s.seen)
    for market in MARKETS:
        said = warned if market == MARKETS[-1] else np.zeros_like(warned)
        for state in MarketState:
            values = {MarketState.ACTIVE: ~said, MarketState.WARNING: said}.get(state, np.zeros_like(said))
            yield s.ledger("market_state", values.astype(float), market=market, state=state)
    outliers = {("ticker",): s.sometimes(61, each=3 * DAY)}
    yield from s.counters("price_outliers_rejected_total", outliers)


def _requests(s: Scrapes) -> dict[tuple[str, str], Times]:
    cycles = s.work.starts(JobName.TRADING) + 1
    ticks = np.concatenate([s.work.starts(job) for job in (JobName.POSITION, JobName.PORTFOLIO)])
    each = np.repeat(cycles, len(MARKETS))
    good = {
        "accounts": np.concatenate([s.work.starts(JobName.RECONCILE), cycles]),
        "ticker": np.concatenate([ticks, each]),
        "orderbook": np.concatenate([s.work.starts(JobName.POSITION), each]),
        "candles": each,
        "place": s.sometimes(30, each=DAY / 1.5),
    }
    bad = {
        "accounts": s.work.in_vain(JobName.RECONCILE),
        "ticker": s.work.in_vain(JobName.POSITION, JobName.PORTFOLIO),
        "candles": np.repeat(s.work.in_vain(JobName.TRADING), len(MARKETS)),
    }
    probes = np.concatenate([NOTHING, *(np.arange(c.flagged[0], c.end, 10) for c in s.life.closed)])
    closed = [(c.start, c.end) for c in s.life.closed]
    made = {(endpoint, "ok"): at[~during(closed, at)] for endpoint, at in good.items()}
    made |= {(endpoint, "server_error"): np.repeat(at, 3) for endpoint, at in bad.items()}  # three tries
    made["ticker", "server_error"] = np.concatenate(
        [made["ticker", "server_error"], np.repeat(probes, 3), s.sometimes(62, each=DAY / 3)]
    )
    strained = ticks[during(s.life.strained, ticks)]
    made["ticker", "malformed"] = strained[s.life.chance(66).random(len(strained)) < 1 / 4]
    made["ticker", "timeout"] = np.repeat(s.sometimes(63, each=DAY), 2)
    made["candles", "rate_limited"] = np.repeat(s.sometimes(64, each=2 * DAY), 3)
    return made


def _offset(s: Scrapes) -> Times:
    """By the exchange's `Date`, which has whole seconds; a slow reply now and then is far off, until the next one."""
    minute = np.floor(s.seen / MINUTE).astype(int) + DAY // MINUTE
    rng = s.life.chance(65)
    number = int((s.life.length + 2 * DAY) / MINUTE)
    offsets = rng.uniform(-0.9, 0.4, number)
    offsets[rng.random(number) < 1 / (2 * DAY / MINUTE)] = 2.6
    return offsets[minute]


def requests(s: Scrapes) -> Iterator[Series]:
    """A probe each 15 s and an owner who looks now and then; unasked, one slow request in three to seven minutes."""
    rng = s.life.chance(70)
    probes = np.arange(-DAY / 24, s.life.length, 15.0)
    probes = probes[~during(s.life.unasked, probes)]
    looks = np.repeat(s.sometimes(71, each=HOUR), 6)
    looks = looks[~during(s.life.unasked, looks)]
    rare = [np.arange(b, e, 200) + rng.uniform(0, 90, len(np.arange(b, e, 200))) for b, e in s.life.unasked]
    slow = np.concatenate([NOTHING, *rare, s.sometimes(72, each=DAY / 4)])
    in_vain = np.concatenate([NOTHING, *(np.arange(b, e, 30.0) for b, e in s.life.defective)])
    at = np.concatenate([probes, looks, in_vain, slow])
    took = np.concatenate([rng.uniform(0.002, 0.02, len(at) - len(slow)), rng.uniform(2.2, 4, len(slow))])
    yield from s.histogram(Owner.BACKEND, "http_request_duration_seconds", at, took, ("bucket", "count"))
    failed = np.concatenate([s.sometimes(73, each=4 * DAY), in_vain])
    routes = {("/health", "2xx"): probes, ("/", "2xx"): np.concatenate([looks, slow]), ("/", "5xx"): failed}
    for (route, status), when in routes.items():
        labels = {"method": "GET", "route": route, "status": status}
        quick = np.full(len(when), 0.01)
        yield from s.histogram(
            Owner.BACKEND, "http_route_duration_seconds", when, quick, ("count",), **labels
        )


def database(s: Scrapes) -> Iterator[Series]:
    rhythm = {Owner.BACKEND: ("project", 5.0), Owner.SCHEDULER: ("heartbeat", 5.0)}
    for number, (owner, (operation, each)) in enumerate(rhythm.items()):
        steady = np.arange(-DAY / 24, s.life.length, each)
        slow = s.sometimes(80, number, each=DAY / 6)
        at = np.concatenate([steady, slow])
        took = np.concatenate([np.full(len(steady), 0.004), np.full(len(slow), 2.5)])
        name = "db_query_duration_seconds"
        yield from s.histogram(owner, name, at, took, ("bucket", "count"), operation=operation)
        full = s.struck(81, number, each=DAY / 2, lasting=20)
        busy = np.where(full, 10.0, s.struck(82, number, each=HOUR).astype(float) * 3)
        yield s.process(owner, "db_pool_connections", busy, state="in_use")
        yield s.process(owner, "db_pool_connections", 10 - busy, state="idle")
        yield s.process(owner, "db_pool_connections_max", 10.0)
        yield s.process(owner, "db_up", s.ledger_read.astype(float))
        yield from s.process_counters(owner, "secrets_redacted_total", {})
    yield s.process(Owner.BACKEND, "ledger_up", s.ledger_read.astype(float))


def backups(s: Scrapes) -> Iterator[Series]:
    """Looked after each minute, tried each ten while none can be made. The backend shows until when the next is due."""
    made = []
    for day in range(-2, int(s.life.days) + 1):
        at = day * DAY + BACKED_UP + 40
        for begin, end in s.life.unbacked:
            at = end + 5 * MINUTE if begin <= at < end else at
        for away, back in s.life.backend_away:
            at = back + 70 if away <= at < back + 60 else at
        made.append(at)
    last = latest(np.array(made), s.at, -2 * DAY)
    slot = np.floor((last - BACKED_UP) / DAY) * DAY + BACKED_UP
    grace = latest(s.starts(Owner.BACKEND), s.at, -DAY) + 30 * MINUTE
    due = np.maximum(slot + DAY + HOUR, grace)
    yield s.process(Owner.BACKEND, "backup_due_timestamp_seconds", s.timestamp(due))
    yield s.ledger("backup_last_success_timestamp_seconds", s.timestamp(last))


def host(s: Scrapes) -> Iterator[Series]:
    """The disk fills slowly; each night an archive takes 3 GB of it for an hour."""
    size = 40e9
    archived = during(
        [(day * DAY + 18 * HOUR, day * DAY + 19 * HOUR) for day in range(-1, int(s.life.days) + 1)], s.at
    )
    left = size * 0.34 - np.floor(s.at / HOUR) * HOUR / DAY * size * 0.004 - np.where(archived, 3e9, 0)
    for path in ("data", "logs"):
        yield s.process(Owner.BACKEND, "disk_free_bytes", left, path=path)
        yield s.process(Owner.BACKEND, "disk_size_bytes", size, path=path)
    start = latest(s.starts(Owner.BACKEND), s.at, -DAY)
    minutely = np.maximum(np.floor(s.at / MINUTE) * MINUTE, start)
    yield s.process(Owner.BACKEND, "watchdog_last_received_timestamp_seconds", s.timestamp(minutely))
    rules = {"monitoring_rules_expected": [d.backend[1] for d in s.life.deploys]}
    rules["monitoring_rules_loaded"] = [d.reload for d in s.life.deploys]
    more = [d.more_rules for d in s.life.deploys]
    for name, changes in rules.items():
        known = 60 + sum(
            (np.where(s.at >= at, n, 0.0) for at, n in zip(changes, more, strict=True)), np.zeros(len(s.at))
        )
        yield s.process(Owner.BACKEND, name, known)
    # A deploy begins with the new files; their new panels are for series that come with the new backend.
    unknown = [(d.at, d.backend[1]) for d in s.life.deploys if d.more_rules]
    yield s.process(Owner.BACKEND, "dashboard_panels_broken", during(unknown, s.at) * 2.0)
