"""`/metrics` is the ledger: the same figures, every registered name, and nothing that is not known to be true."""

import asyncio
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from bongsu.core import facts as f
from bongsu.core.clock import ExchangeSigns
from bongsu.core.market import HOUR, MarketState
from bongsu.core.money import Krw, Price
from bongsu.core.order import Side
from bongsu.core.snapshot import PriceSource
from bongsu.core.tradingday import loss_ratio
from bongsu.errors import LedgerError, LedgerUnavailable
from bongsu.ledger.projection import MAX_SYMBOLS, OTHER, Sample, fold_symbols, project
from bongsu.metric import Kind, Owner
from bongsu.metrics import METRICS
from bongsu.metrics.values import NO_MODEL, PAUSE_REASONS
from bongsu.monitoring.exposition import Exposition
from bongsu.monitoring.instruments import Instruments
from bongsu.monitoring.ledger_series import LedgerSeries, families
from bongsu.monitoring.reference import render
from bongsu.monitoring.telemetry import Telemetry
from core.samples import BTC, ETH, NOON
from web.frozen import way_to
from web.story import Books, execute, fund, intend, live_a_day, open_books, request, value

LATER = {  # absent as long as there is nothing to tell
    "http_route_duration_seconds": "born with the backend's routes; there is none here",
    "exchange_api_key_expiry_timestamp_seconds": "the sandbox's keys do not end",
    "monitoring_rules_loaded": "no Prometheus answers here",
    "monitoring_rules_expected": "told with it",
    "dashboard_panels_broken": "no Prometheus answers here",
    "backup_last_success_timestamp_seconds": "no backup is made here",
    "backup_size_bytes": "no backup is made here",
    "backup_due_timestamp_seconds": "no backup is made here",
    "daily_report_last_sent_timestamp_seconds": "no scheduler has registered its job here",
}
Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def telemetry_of(books: Books) -> Telemetry:
    return Telemetry(
        Owner.BACKEND,
        config_hash="abc",
        mode="sandbox",
        connections=lambda: books.database.connections,
        ledger=LedgerSeries(lambda: project(books.database, lease_seconds=10.0)),
        disks={"data": Path("/"), "logs": Path("/tmp")},
    )


async def exported(books: Books) -> Series:
    return parsed((await telemetry_of(books).render()).decode())


def parsed(text: str) -> Series:
    """As Prometheus would read it; a name or label set that stands twice is an error there."""
    series: Series = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in series, f"{key} stands twice"
            series[key] = sample.value
    return series


def of(series: Series, name: str) -> dict[tuple[tuple[str, str], ...], float]:
    return {labels: value for (found, labels), value in series.items() if found == name}


def names(series: Series) -> set[str]:
    return {name for name, _ in series}


async def in_sql(books: Books, statement: str) -> Decimal:
    async with books.database.transaction("test") as tx:
        row = await (await tx.execute(statement)).fetchone()  # type: ignore[arg-type]
    assert row is not None
    return Decimal(next(iter(row.values())))


async def everything_happens(books: Books) -> None:
    """So that each series has a reason to be there."""
    await live_a_day(books)
    await books.ledger.record(f.Paused("owner", "", "cli"))


async def test_the_registry_and_the_page_name_the_same_series(books: Books) -> None:
    await everything_happens(books)
    shown = {name for name, _ in await exported(books)}
    bare = {name.removesuffix(tail) for name in shown for tail in ("_bucket", "_sum", "_count")} | shown
    ours = {m.name for m in METRICS if Owner.LEDGER in m.owners or Owner.BACKEND in m.owners}
    assert ours - bare == LATER.keys()
    stray = {n for n in shown if not n.startswith(("process_", "python_"))} - {
        n for m in METRICS for n in (m.name, f"{m.name}_bucket", f"{m.name}_sum", f"{m.name}_count")
    }
    assert stray == set()


async def test_every_bounded_label_combination_is_there_at_zero(books: Books) -> None:
    series = await exported(books)
    for metric in METRICS:
        if metric.owners == (Owner.LEDGER,) and metric.kind is Kind.COUNTER and not metric.live_scheduler:
            for labels in metric.label_sets({"symbol": (ETH, BTC), "model": (NO_MODEL,)}):
                assert series[metric.name, tuple(sorted(labels.items()))] == 0, (metric.name, labels)


async def test_counters_are_the_rows_they_count(books: Books) -> None:
    await live_a_day(books)
    series = await exported(books)
    assert sum(of(series, "trades_total").values()) == await in_sql(
        books, "SELECT count(*) FROM orders WHERE executed_volume > 0"
    )
    volume = await in_sql(books, "SELECT sum(funds) FROM fills")
    assert Decimal(sum(of(series, "trade_volume_krw_total").values())) == volume
    assert Decimal(sum(of(series, "trade_fee_krw_total").values())) == await in_sql(
        books, "SELECT sum(paid_fee) FROM orders"
    )
    assert sum(of(series, "fills_total").values()) == await in_sql(books, "SELECT count(*) FROM fills")
    assert sum(of(series, "bot_errors_total").values()) == await in_sql(
        books, "SELECT count(*) FROM events WHERE severity = 'error'"
    )
    assert of(series, "ai_decision_total")[("decision", "buy"), ("symbol", ETH)] == 1
    assert of(series, "risk_exits_total")[("symbol", BTC), ("type", "stop_loss")] == 1
    runs = of(series, "scheduler_job_run_duration_seconds_count")
    assert sum(runs.values()) == await in_sql(
        books, "SELECT count(*) FROM job_runs WHERE outcome IN ('success', 'failure')"
    )


async def test_a_histogram_is_cumulative_and_ends_in_its_count(books: Books) -> None:
    await live_a_day(books)
    series = await exported(books)
    job = ("job_name", "trading_job")
    buckets = {
        float(dict(labels)["le"]): value
        for labels, value in of(series, "scheduler_job_run_duration_seconds_bucket").items()
        if job in labels
    }
    ordered = [buckets[edge] for edge in sorted(buckets)]
    assert ordered == sorted(ordered)
    assert ordered[-1] == of(series, "scheduler_job_run_duration_seconds_count")[(job,)] == 1


async def test_before_anything_is_known_nothing_is_claimed(books: Books) -> None:
    shown = {name for name, _ in await exported(books)}
    unknown = {
        "portfolio_value_krw", "portfolio_cash_krw", "portfolio_pnl_krw", "portfolio_drawdown_ratio",
        "bot_open_positions", "reconciliation_mismatches", "market_data_age_seconds",
        "scheduler_heartbeat_timestamp_seconds", "ai_decision_last_timestamp_seconds",
    }  # fmt: skip
    assert shown & unknown == set()


async def test_portfolio_series_agree_with_the_valuation(books: Books) -> None:
    await live_a_day(books)
    series = await exported(books)
    equity = await in_sql(books, "SELECT equity FROM portfolio")
    cash = await in_sql(books, "SELECT amount FROM cash")
    assert Decimal(series["portfolio_value_krw", ()]) == equity
    assert Decimal(series["portfolio_cash_krw", ()]) == cash
    assert sum(of(series, "position_value_krw").values()) == float(equity - cash)
    loss = loss_ratio(Krw(equity), Krw(Decimal(1_000_000)), Krw(Decimal(0)))
    assert loss is not None
    for window in ("daily", "weekly"):
        assert series["portfolio_pnl_krw", (("window", window),)] == float(equity - 1_000_000)
        assert series["portfolio_pnl_ratio", (("window", window),)] == pytest.approx(float(-loss))


@pytest.mark.parametrize("moved", [500_000, -400_000])
async def test_deposits_and_withdrawals_are_no_profit(books: Books, moved: int) -> None:
    await fund(books)
    at = NOON + timedelta(hours=1)
    await books.ledger.record(f.FundsMoved("KRW", Decimal(moved), "입출금", at))
    await value(books, at + timedelta(minutes=1), {})
    series = await exported(books)
    assert series["portfolio_pnl_krw", (("window", "daily"),)] == 0
    assert series["portfolio_pnl_ratio", (("window", "daily"),)] == 0
    assert series["portfolio_drawdown_ratio", ()] == 0


async def test_an_old_valuation_is_withheld_and_what_alarms_need_is_not(books: Books) -> None:
    await live_a_day(books)
    async with books.database.transaction("test") as tx:
        await tx.execute("UPDATE portfolio SET recorded_at = recorded_at - interval '301 s'")
    shown = {name for name, _ in await exported(books)}
    assert not shown & {
        "portfolio_value_krw",
        "portfolio_cash_krw",
        "portfolio_pnl_krw",
        "position_value_krw",
    }
    assert {"portfolio_valuation_timestamp_seconds", "bot_open_positions"} <= shown


async def test_a_dead_scheduler_vouches_for_nothing(books: Books) -> None:
    await live_a_day(books)
    withheld = {m.name for m in METRICS if m.live_scheduler}
    assert withheld <= {name for name, _ in await exported(books)}
    async with books.database.transaction("test") as tx:
        await tx.execute(
            "UPDATE heartbeats SET beat_at = beat_at - interval '15.1 s' WHERE process = 'scheduler'"
        )
    series = await exported(books)
    assert not withheld & {name for name, _ in series}
    assert "scheduler_heartbeat_timestamp_seconds" in {name for name, _ in series}
    assert of(series, "bot_idle_reason") == {(("reason", "scheduler_silent"),): 1}


async def test_a_running_job_shows_its_elapsed_time(books: Books) -> None:
    await live_a_day(books)
    run = await books.ledger.start_run(f.JobName.TRADING, NOON + timedelta(hours=5))
    async with books.database.transaction("test") as tx:
        await tx.execute(
            "UPDATE job_runs SET started_at = started_at - interval '301 s' WHERE id = %s", (run,)
        )
    series = await exported(books)
    job = (("job_name", "trading_job"),)
    assert series["scheduler_job_duration_seconds", job] > 300
    assert series["scheduler_job_in_progress", job] == 1
    assert time.time() - series["scheduler_job_last_start_timestamp_seconds", job] == pytest.approx(
        301, abs=30
    )


async def test_an_unknown_order_is_seen_with_its_age(books: Books) -> None:
    await fund(books)
    intent = await intend(books, request(ETH, Side.BUY))
    await books.ledger.record(f.OrderOutcomeLost(intent, "time-out"))
    async with books.database.transaction("test") as tx:
        await tx.execute("UPDATE order_intents SET unknown_since = unknown_since - interval '61 s'")
    series = await exported(books)
    assert series["orders_unknown", ()] == 1
    assert 61 <= series["order_unknown_oldest_age_seconds", ()] < 120
    assert (("reason", "order_unknown"),) in of(series, "bot_idle_reason")


async def test_pauses_and_kills_disable_trading(books: Books) -> None:
    assert (await exported(books))["bot_trading_enabled", ()] == 1
    await books.ledger.record(f.Paused("owner", "", "cli"))
    series = await exported(books)
    assert series["bot_trading_enabled", ()] == 0
    paused = of(series, "bot_trading_paused")
    assert paused == {(("reason", r),): r == "owner" for r in PAUSE_REASONS}


async def test_its_own_pause_does_not_quiet_the_alarm_about_stalled_decisions(books: Books) -> None:
    await books.ledger.record(f.Paused("job_failures", "", "scheduler"))
    series = await exported(books)
    assert series["bot_trading_enabled", ()] == 1
    assert of(series, "bot_trading_paused")[("reason", "job_failures"),] == 1


async def test_orders_tell_how_well_they_were_filled(books: Books) -> None:
    """Bought 1 % dearer than quoted and to the full, sold 2 % better and by half."""
    await fund(books)
    buy = request(ETH, Side.BUY, amount="202000", quote=Price(Decimal(4_000_000)))
    await execute(books, buy, price="4040000", volume="0.05")
    sell = request(ETH, Side.SELL, amount="0.05", at=NOON + HOUR, quote=Price(Decimal(4_000_000)))
    await execute(books, sell, price="4080000", volume="0.025")
    series = await exported(books)

    def counted(name: str, side: str) -> dict[str, float]:
        buckets = of(series, f"{name}_bucket").items()
        return {dict(k)["le"]: v for k, v in buckets if ("side", side) in k}

    assert counted("order_slippage_ratio", "buy") | {"0.005": 0, "0.01": 1, "+Inf": 1} == counted(
        "order_slippage_ratio", "buy"
    )
    assert counted("order_slippage_ratio", "sell") | {"-0.02": 1} == counted("order_slippage_ratio", "sell")
    assert counted("order_filled_ratio", "buy") == {"0.0": 0, "0.5": 0, "0.9": 0, "0.999": 0, "+Inf": 1}
    assert counted("order_filled_ratio", "sell") == {"0.0": 0, "0.5": 1, "0.9": 1, "0.999": 1, "+Inf": 1}
    assert series["order_filled_ratio_sum", (("side", "sell"),)] == 0.5


async def test_an_intent_remembers_the_price_it_was_sized_at(books: Books) -> None:
    await fund(books)
    await intend(books, request(ETH, Side.BUY, quote=Price(Decimal(4_000_000))))
    assert [i.request.quote for i in await books.ledger.open_intents()] == [Decimal(4_000_000)]


async def test_a_price_out_of_line_is_counted_by_its_source(books: Books) -> None:
    await books.ledger.record(f.PriceRejected(ETH, PriceSource.BOOK, "crossed"))
    counted = of(await exported(books), "price_outliers_rejected_total")
    assert counted == {(("source", source),): source == "book" for source in PriceSource}


async def test_what_the_scheduler_sees_of_the_exchange_goes_with_it(books: Books) -> None:
    assert not {"exchange_clock_offset_seconds", "exchange_maintenance"} & names(await exported(books))
    await books.ledger.heartbeat("scheduler", "s", ExchangeSigns(None, maintenance=False))
    series = await exported(books)
    assert "exchange_clock_offset_seconds" not in names(series)
    assert series["exchange_maintenance", ()] == 0
    await books.ledger.heartbeat("scheduler", "s", ExchangeSigns(-2.5, maintenance=True))
    series = await exported(books)
    assert series["exchange_clock_offset_seconds", ()] == -2.5
    assert series["exchange_maintenance", ()] == 1


async def test_a_markets_state_is_told_once_it_was_seen_and_outlives_the_scheduler(books: Books) -> None:
    assert not {"market_state", "market_held"} & names(await exported(books))
    await fund(books)
    await execute(books, request(ETH, Side.BUY), price="4000000", volume="0.07")
    await books.ledger.heartbeat("scheduler", "s", ExchangeSigns(None, maintenance=False))
    await books.ledger.record(f.MarketStatesSeen({ETH: MarketState.SUSPENDED, BTC: MarketState.ACTIVE}))
    async with books.database.transaction("test") as tx:
        await tx.execute("UPDATE heartbeats SET beat_at = beat_at - interval '1 h'")
    series = await exported(books)
    assert of(series, "market_state") == {
        (("market", market), ("state", state)): state is seen
        for market, seen in ((ETH, MarketState.SUSPENDED), (BTC, MarketState.ACTIVE))
        for state in MarketState
    }
    assert of(series, "market_held") == {(("market", ETH),): 1, (("market", BTC),): 0}


async def test_an_announced_restart_ends_by_itself(books: Books) -> None:
    assert (await exported(books))["bot_maintenance", ()] == 0
    await books.ledger.record(f.MaintenanceAnnounced(5, "cli"))
    assert (await exported(books))["bot_maintenance", ()] == 1
    async with books.database.transaction("test") as tx:
        await tx.execute("UPDATE maintenance SET ends_at = ends_at - interval '301 s'")
    assert (await exported(books))["bot_maintenance", ()] == 0
    await books.ledger.record(f.MaintenanceAnnounced(5, "cli"))
    await books.ledger.record(f.MaintenanceAnnounced(0, "cli"))
    assert (await exported(books))["bot_maintenance", ()] == 0


async def test_the_report_counts_from_the_registration_of_its_job(books: Books) -> None:
    await books.ledger.register_job(f.JobName.DAILY_REPORT, 86_400.0, 60.0)
    name = "daily_report_last_sent_timestamp_seconds"
    registered = await in_sql(books, "SELECT extract(epoch FROM registered_at) FROM jobs")
    assert (await exported(books))[name, ()] == pytest.approx(float(registered))
    async with books.database.transaction("test") as tx:
        await tx.execute("INSERT INTO daily_reports (trading_day, report, late) VALUES (now(), '{}', false);")
    sent = await in_sql(books, "SELECT extract(epoch FROM recorded_at) FROM daily_reports")
    assert (await exported(books))[name, ()] == pytest.approx(float(sent))


async def test_the_process_tells_what_it_knows_and_forgets_what_it_does_not(books: Books) -> None:
    telemetry = telemetry_of(books)
    telemetry.note_rules(loaded=7, expected=8)
    series = parsed((await telemetry.render()).decode())
    assert (series["monitoring_rules_loaded", ()], series["monitoring_rules_expected", ()]) == (7, 8)
    assert 0 < series["disk_free_bytes", (("path", "data"),)] < series["disk_size_bytes", (("path", "data"),)]
    assert time.time() - series["watchdog_last_received_timestamp_seconds", ()] < 60
    telemetry.note_rules(loaded=None, expected=8)
    telemetry.note_panels(0)
    series = parsed((await telemetry.render()).decode())
    assert "monitoring_rules_loaded" not in names(series)
    assert series["dashboard_panels_broken", ()] == 0
    telemetry.note_panels(None)
    assert "dashboard_panels_broken" not in names(parsed((await telemetry.render()).decode()))


async def test_a_released_lease_leads_no_more(books: Books) -> None:
    leader = (("instance", "scheduler@test:1"),)
    assert (await exported(books))["scheduler_is_leader", leader] == 1
    await books.lease.release()
    assert (await exported(books))["scheduler_is_leader", leader] == 0


@given(st.text(), st.floats())
def test_the_text_is_what_the_library_would_write(text: str, number: float) -> None:
    disable_created_metrics()
    registry = CollectorRegistry()
    told = text.encode(errors="replace").decode()
    Gauge("ours_ratio", told, ["symbol", "at"], registry=registry).labels(told, "2").set(number)
    Counter("ours_total", "plain", registry=registry).inc()
    Histogram("ours_seconds", "edges", ["route"], registry=registry).labels(told).observe(number)
    exposition = Exposition()
    for _ in range(2):
        assert exposition.write(registry.collect()) == generate_latest(registry)


async def test_one_read_serves_the_scrapes_of_five_seconds() -> None:
    reads = 0

    async def read() -> Sequence[Sample]:
        nonlocal reads
        reads += 1
        return [Sample("orders_unknown", {}, Decimal(reads))]

    series = LedgerSeries(read)
    for _ in range(3):
        await series.refresh()
    assert reads == 1


@dataclass
class Watch:
    """In the place of the module `time`."""

    now: float = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    held = Watch()
    monkeypatch.setattr("bongsu.monitoring.ledger_series.time", held)
    return held


def reads_of(watch: Watch, *answers: float | LedgerError) -> LedgerSeries:
    """Reads that take so many seconds, or fail so."""
    left = iter(answers)

    async def read() -> Sequence[Sample]:
        answer = next(left)
        if isinstance(answer, LedgerError):
            raise answer
        watch.now += answer
        return [Sample("orders_unknown", {}, Decimal(3))]

    return LedgerSeries(read)


async def test_a_failed_read_forgets_the_figures_before(watch: Watch) -> None:
    series = reads_of(watch, 0, LedgerUnavailable("away"))
    await series.refresh()
    assert b"orders_unknown 3.0" in series.text
    watch.now += 5
    await series.refresh()
    assert (series.text, series.ledger_up, series.database_up) == (b"", False, False)


async def test_a_database_too_slow_to_answer_leaves_the_figures_before_their_time(watch: Watch) -> None:
    series = reads_of(watch, 0, LedgerError("slow"))
    await series.refresh()
    watch.now += 5
    await series.refresh()
    assert b"orders_unknown 3.0" in series.text
    assert series.database_up
    watch.now += 5.1
    assert not series.text


@pytest.mark.parametrize(("took", "told_for"), [(0, 10), (4, 14), (19, 29), (25, 30)])
async def test_figures_are_told_as_much_longer_as_their_read_took(
    watch: Watch, took: float, told_for: float
) -> None:
    series = reads_of(watch, took)
    began = watch.now
    await series.refresh()
    watch.now = began + told_for - 0.1
    assert series.text
    watch.now = began + told_for + 0.1
    assert not series.text


async def test_only_a_quick_read_is_waited_for(watch: Watch) -> None:
    asked, answered = asyncio.Event(), asyncio.Event()

    async def read() -> Sequence[Sample]:
        asked.set()
        await answered.wait()
        return []

    series = LedgerSeries(read)
    first = asyncio.create_task(series.refresh())
    await asked.wait()
    watch.now += 11  # more than a scrape may wait
    await asyncio.wait_for(series.refresh(), 5)
    assert not first.done()
    answered.set()
    await first


async def test_no_scrape_waits_after_a_slow_read(watch: Watch) -> None:
    asked = 0

    async def read() -> Sequence[Sample]:
        nonlocal asked
        asked += 1
        if asked > 1:
            await asyncio.Event().wait()
        watch.now += 11  # more than a scrape may wait
        return [Sample("orders_unknown", {}, Decimal(3))]

    series = LedgerSeries(read)
    await series.refresh()
    await asyncio.wait_for(series.refresh(), 5)
    assert asked == 2
    assert series.text


async def test_the_ledger_is_read_in_one_question(database_url: str) -> None:
    """And one more may ask whether the connection lives."""
    async with way_to(database_url) as way, open_books(way.url) as books:
        await live_a_day(books)
        before = way.questions
        assert await project(books.database, lease_seconds=10.0)
        assert way.questions - before <= 2


async def test_scrapers_at_once_share_a_page_made_beside_the_loop(books: Books) -> None:
    makers: set[int] = set()

    class Maker(Collector):
        def collect(self) -> list[Metric]:
            makers.add(threading.get_ident())
            return []

    telemetry = telemetry_of(books)
    telemetry.instruments.registry.register(Maker())
    makers.clear()
    plain = await asyncio.gather(*(telemetry.render() for _ in range(10)))
    assert len(set(map(id, plain))) == 1
    assert len(makers) == 1
    assert makers != {threading.get_ident()}


def test_a_series_outside_the_registry_is_a_defect() -> None:
    with pytest.raises(KeyError):
        families([Sample("surprise_total", {}, Decimal(1))])
    with pytest.raises(KeyError):
        Instruments(Owner.BACKEND).count("surprise_total")


@given(
    st.lists(
        st.tuples(st.sampled_from([f"KRW-C{n}" for n in range(120)]), st.integers(0, 10**9)), max_size=200
    )
)
def test_folding_markets_keeps_the_sum_and_the_bound(counted: list[tuple[str, int]]) -> None:
    samples = [
        Sample("trades_total", {"symbol": symbol, "side": "buy"}, Decimal(n))
        for symbol, n in dict(counted).items()
    ]
    folded = fold_symbols(samples, ("KRW-C7",))
    assert sum(s.value for s in folded) == sum(s.value for s in samples)
    symbols = {s.labels["symbol"] for s in folded}
    assert len(symbols - {OTHER}) <= MAX_SYMBOLS
    assert "KRW-C7" in symbols or "KRW-C7" not in dict(counted)
    assert len(folded) == len(symbols)


def test_the_reference_is_up_to_date() -> None:
    written = Path(__file__).parents[2] / "docs/reference/metrics.md"
    assert written.read_text(encoding="utf-8") == render(), "run: python -m bongsu.monitoring.reference"
