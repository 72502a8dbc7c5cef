"""The alarms that such a life rightly raises; any other is a false one."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from alarms.life import BACKED_UP, DAY, HOUR, MINUTE, Life, Spans
from alarms.work import Outcome, Work
from bongsu.core.facts import JobName

SLACK = 45.0  # seconds: cache, scrape and evaluation
LOSS = 0.105


@dataclass(frozen=True)
class Truth:
    """`alert` may fire from `start` to `end`; with `due`, it has to. No `severity`: in whichever."""

    alert: str
    start: float
    end: float
    why: str
    due: bool = True
    severity: str = ""


def truths(work: Work) -> list[Truth]:
    life = work.life
    return [
        *_closings(life),
        *_failures(work),
        *_lost_decisions(work),
        *_absences(work),
        *_losses(life),
        *_spent_budgets(life),
        *_warnings(life),
        *_movements(life),
        *_unbacked(life),
    ]


def _closings(life: Life) -> Iterator[Truth]:
    """The jobs pause meanwhile, and what is held is not protected: worth a warning, where it lasts."""
    for closed in life.closed:
        begin, end = closed.flagged
        yield Truth("ExchangeMaintenance", begin, end + SLACK, "the exchange is closed")
        yield Truth(
            "PositionUnprotected",
            closed.start + 2 * MINUTE,
            end + 2 * MINUTE,
            "no exit is possible while the exchange is closed",
            due=False,
            severity="warning",
        )


def _failures(work: Work) -> Iterator[Truth]:
    closed = [(c.start, c.flagged[1] + 10 * MINUTE) for c in work.life.closed]
    for at in work.ends(Outcome.FAILURE):
        due = not any(begin <= at < end for begin, end in closed)
        yield Truth("JobFailed", at, at + 10 * MINUTE + SLACK, "a run failed", due)
    for at in work.ends(Outcome.FAILURE, JobName.TRADING):
        yield Truth("SchedulerJobFailed", at, at + 11 * MINUTE + SLACK, "an hourly run failed")


def _lost_decisions(work: Work) -> Iterator[Truth]:
    """One lost cycle is two hours without a decision, give or take the seconds that cycles take: that may be told only
    where the next took a minute longer. A second one in a row has to be.
    """
    for before, after in pairwise(work.decided):
        if after - before > 2 * HOUR + MINUTE - SLACK:
            due = after - before > 2.5 * HOUR
            yield Truth(
                "AIDecisionStalled", before + 2 * HOUR, after + SLACK, "no decision for two hours", due
            )
    for before, after in pairwise(run.over for run in work.cycles):
        if after - before > 2.5 * HOUR:
            yield Truth(
                "StaleMarketData",
                before + 2 * HOUR,
                after + SLACK,
                "two cycles in a row were lost",
                due=False,
            )


def _absences(work: Work) -> Iterator[Truth]:
    """A cycle without any answer of the model is worth a warning, until it is 90 minutes old."""
    for at in work.unadvised:
        yield Truth("LLMFailures", at - 2 * MINUTE, at + 90 * MINUTE + SLACK, "the advisor was away")


def _losses(life: Life) -> Iterator[Truth]:
    for begin, end in blocked(life):
        yield Truth("CircuitBreakerTripped", begin, end + SLACK, "the daily loss limit was reached")
        yield Truth("PortfolioDrawdown", begin, life.length + DAY, "a tenth of the portfolio is lost")


def _warnings(life: Life) -> Iterator[Truth]:
    """Whether the market is held by then decides how grave it is."""
    for begin, end in life.warned:
        yield Truth("MarketSuspended", begin, end + SLACK, "the exchange warns of a market")


def _movements(life: Life) -> Iterator[Truth]:
    for begin, end in life.moved:
        yield Truth("LedgerMismatch", begin, end + SLACK, "the owner traded by hand and has not said so")


def _unbacked(life: Life) -> Iterator[Truth]:
    """An hour late is missed; a backend that starts meanwhile is given half an hour anew."""
    for begin, end in life.unbacked:
        missed = ((begin - BACKED_UP) // DAY + 1) * DAY + BACKED_UP + HOUR
        anew = any(missed - HOUR / 2 < back < end for _, back in life.backend_away)
        due = not anew and end - missed > 6 * MINUTE + SLACK
        yield Truth("BackupMissed", missed, end + 11 * MINUTE + SLACK, "no backup could be made", due)


def blocked(life: Life) -> Spans:
    """While the daily breaker is on: until the trading day ends."""
    return () if life.loss_at is None else ((life.loss_at, (life.loss_at // DAY + 1) * DAY),)


def _spent_budgets(life: Life) -> Iterator[Truth]:
    """Told until the short windows are over, half an hour and six hours long, and each five minutes. A maintenance may come
    between.
    """
    for alert, spans, why in (
        ("ExchangeErrorBudgetBurn", life.strained, "one request to the exchange in eight failed"),
        ("APIErrorBudgetBurn", life.defective, "a page failed whenever it was asked for"),
    ):
        for begin, end in spans:
            closed = any(c.start < end and begin < c.end for c in life.closed)
            for severity, short in (("critical", HOUR / 2), ("warning", 6 * HOUR)):
                due = severity == "critical" and not closed
                yield Truth(alert, begin, end + short + 5 * MINUTE + SLACK, why, due, severity)
    for begin, end in life.strained:
        yield Truth(
            "ExchangeErrors",
            begin,
            end + 5 * MINUTE + SLACK,
            "by chance one request in five failed",
            due=False,
        )
