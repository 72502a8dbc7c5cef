"""The whole bot with a model for its advisor: it trades on sound answers, and on nothing else."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from stage import Shape, Stage, open_stage, write_candles

MODEL = "sandbox-model"
REFUSED = "SELECT count(*) FROM decisions WHERE outcome = 'rejected'"
SPENT = "SELECT sum(coalesce(cost_krw, reserved_krw)) FROM llm_calls WHERE outcome IS NOT NULL"


def wave(hours: int) -> list[Shape]:
    """Up and down by a twentieth each day, so that the scripted model buys and sells."""
    closes = [
        int(3_000_000 * (1 + 0.05 * math.sin(2 * math.pi * hour / 24))) // 1000 * 1000
        for hour in range(hours + 1)
    ]
    return [(last, max(last, close), min(last, close), close, "1000") for last, close in pairwise(closes)]


@contextmanager
def asked(directory: Path, database_url: str, **settings: Any) -> Iterator[Stage]:
    candles = write_candles(directory / "KRW-ETH-1h.csv.gz", wave(1_000))
    given: dict[str, Any] = {
        "ai_advisor": "llm",
        "ai_models": (f"compatible:{MODEL}",),
        "ai_prices": (f"{MODEL}=400/2800",),
        "ai_api_key": "sandbox-ai-key",
        "ai_daily_budget_krw": 1_000_000,
        "min_trade_interval_hours": 0,
        "max_trades_per_day": 1000,
    }
    with open_stage(directory, database_url, candles=candles, **given | settings) as stage:
        stage.settings["ai_base_url"] = f"{stage.exchange}/ai/v1"
        yield stage


def play(stage: Stage, *plays: dict[str, Any]) -> None:
    stage.ask("/sandbox/ai/plays", list(plays), "PUT")


WRONG: tuple[dict[str, Any], ...] = (
    {"kind": "prose"},
    {"kind": "nan"},
    {"kind": "repeats"},
    {"kind": "changed", "changes": {"action": "buy", "size": 5}},
    {"kind": "changed", "changes": {"market": "KRW-DOGE"}},
)


def test_it_trades_on_sound_answers_only_and_books_each_call(tmp_path: Path, database_url: str) -> None:
    with asked(tmp_path, database_url) as stage:
        play(stage, WRONG[0])
        with stage.scheduler():
            for wrong in WRONG:
                play(stage, wrong)
                before = stage.value(REFUSED)
                stage.until(lambda before=before: stage.value(REFUSED) >= before + 2, str(wrong))  # type: ignore[misc]
            assert stage.value("SELECT count(*) FROM order_intents") == 0
            play(stage)
            stage.until(lambda: stage.value("SELECT count(*) FROM orders") >= 1, "a sound model trades")
        refusals = {row["refusal"] for row in stage.rows("SELECT DISTINCT refusal FROM decisions")}
        assert {"schema", "injection", "size", "symbol"} <= refusals
        assert stage.value("SELECT count(*) FROM job_runs WHERE outcome = 'failure'") == 0
        assert stage.observe() == []
        said = {call["text"] for call in stage.ask("/sandbox/ai/calls")}
        booked = stage.rows("SELECT reply FROM llm_calls WHERE outcome = 'ok'")
        assert {row["reply"] for row in booked} <= said
        (first,) = stage.rows("SELECT * FROM decisions WHERE outcome = 'accepted' ORDER BY at LIMIT 1")
        model = (first["advisor"], first["model"], first["prompt_version"])
        assert model == ("llm", f"compatible:{MODEL}", "advise-1.ko")
        counted = stage.value("SELECT value FROM metric_counter WHERE name = 'llm_cost_krw_total'")
        assert counted == stage.value(SPENT) > 0
