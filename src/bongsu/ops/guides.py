"""The tables of the guides, filled in from what they tell of: `python -m bongsu.ops.guides` beside a running stack.

A table stands between `<!-- table: name -->` and `<!-- end -->`; the schema's is read from the database of DATABASE_URL.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import time, timedelta
from pathlib import Path
from typing import Literal

import psycopg

from bongsu.core.facts import JobName
from bongsu.core.market import HOUR
from bongsu.core.risk import VetoReason
from bongsu.core.tradingday import DAY, KST, NINE
from bongsu.ops.exchange_tables import ENDPOINT_HEADS, STREAM_HEADS, endpoint_rows, heads, stream_rows
from bongsu.ops.guide_words import JOBS, PROCESSES, TABLES, VETOES
from bongsu.ops.stack.places import CHECKOUT
from bongsu.ops.stack.services import SERVICES
from bongsu.sandbox.fault_rules import KINDS, Rule
from bongsu.sandbox.scenario import read_scenario, shipped_names
from bongsu.settings import Wiring, describe, load_settings
from bongsu.trading.jobs import Job
from bongsu.trading.timetable import timetable

Lang = Literal["ko", "en"]
Table = Callable[[Lang], list[str]]

GUIDES = (
    "SYSTEM_SPECIFICATION",
    "SCHEDULER_GUIDE",
    "TRADE_RECORDING_FLOW",
    "SANDBOX_FAULTS",
    "SANDBOX_EXCHANGE",
)
_MARKED = re.compile(r"(<!-- table: ([a-z]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_COLUMNS = """
SELECT c.relname AS name, obj_description(c.oid) AS meaning, array_agg(a.attname::text ORDER BY a.attnum) AS columns
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> 'alembic_version'
 GROUP BY c.oid, c.relname ORDER BY c.relname
"""

Schema = list[tuple[str, str, list[str]]]


def pages(docs: Path = CHECKOUT / "docs") -> dict[Path, Lang]:
    return {docs / f"{guide}{end}": lang for guide in GUIDES for end, lang in _TWINS}


_TWINS: tuple[tuple[str, Lang], ...] = ((".md", "ko"), (".en.md", "en"))


def read_schema(url: str) -> Schema:
    with psycopg.connect(url) as connection:
        return [(name, meaning, columns) for name, meaning, columns in connection.execute(_COLUMNS)]


def fill(text: str, lang: Lang, schema: Schema) -> str:
    """Raises KeyError for a table that nobody knows."""
    tables: Mapping[str, Table] = {
        "processes": _processes,
        "settings": _settings,
        "jobs": _jobs,
        "vetoes": _vetoes,
        "faults": _faults,
        "scenarios": _scenarios,
        "endpoints": lambda lang: _rows(heads(ENDPOINT_HEADS, lang), endpoint_rows(lang)),
        "streams": lambda lang: _rows(heads(STREAM_HEADS, lang), stream_rows(lang)),
        "schema": lambda lang: _schema(lang, schema),
    }
    return _MARKED.sub(lambda mark: mark[1] + "\n".join(tables[mark[2]](lang)) + "\n" + mark[3], text)


def _rows(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    named = list(heads)
    lines = [named, ["---"] * len(named), *(list(row) for row in rows)]
    return [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines]


def _of(lang: Lang, korean: str, english: str) -> str:
    return korean if lang == "ko" else english


def _processes(lang: Lang) -> list[str]:
    heads = _of(
        lang,
        "프로세스,포트,하는 일,메모리 한도(컨테이너)",
        "process,port,what it does,memory limit (container)",
    )
    rows = (
        (f"`{s.name}`", f"{s.port}", _of(lang, *PROCESSES[s.name]), f"{s.memory_mb} MB") for s in SERVICES
    )
    return _rows(heads.split(","), rows)


def _settings(lang: Lang) -> list[str]:
    heads = _of(lang, "이름,기본값,뜻", "name,default,meaning").split(",")
    told = ((name, default, text.partition("|")) for name, (text, default) in describe().items())
    return _rows(
        heads,
        (
            (f"`{name}`", f"`{default}`" if default else "", _of(lang, ko, en))
            for name, default, (ko, _, en) in told
        ),
    )


def _jobs(lang: Lang) -> list[str]:
    heads = _of(
        lang,
        "`job_name`,언제,하는 일,제한 시간,거래소가 닫히면",
        "`job_name`,when,what it does,deadline,while the exchange is closed",
    )
    rows = (
        (
            f"`{job.name}`",
            _when(lang, job),
            _of(lang, *JOBS[job.name]),
            _of(lang, f"{job.deadline:.0f}초", f"{job.deadline:.0f} s"),
            _of(lang, *(("쉼", "pauses") if job.asks_exchange else ("그대로 함", "runs"))),
        )
        for job in timetable(dict.fromkeys(JobName, _nothing), NINE)
    )
    return _rows(heads.split(","), rows)


def _when(lang: Lang, job: Job) -> str:
    """In market time."""
    if job.interval == DAY:
        return _of(lang, f"매일 {_clock(job.offset)} (KST)", f"daily at {_clock(job.offset)} KST")
    if job.interval == HOUR:
        minute = job.offset // timedelta(minutes=1)
        return _of(lang, f"매시 {minute}분", f"minute {minute} of every hour")
    seconds = job.interval.total_seconds()
    return _of(lang, f"{seconds:.0f}초마다", f"every {seconds:.0f} s")


def _clock(after_midnight_utc: timedelta) -> str:
    ahead = KST.utcoffset(None)
    minutes = (after_midnight_utc + ahead) % DAY // timedelta(minutes=1)
    return f"{time(minutes // 60, minutes % 60):%H:%M}"


def _vetoes(lang: Lang) -> list[str]:
    heads = _of(lang, "이유,뜻", "reason,meaning").split(",")
    return _rows(heads, ((f"`{reason}`", _of(lang, *VETOES[reason])) for reason in VetoReason))


def _faults(lang: Lang) -> list[str]:
    heads = _of(
        lang, "`kind`,무엇이 일어나나,따로 쓰는 항목(기본값)", "`kind`,what happens,keys of its own (default)"
    ).split(",")
    rows = (
        (f"`{kind}`", _of(lang, words.korean, words.english), ", ".join(map(_with_default, words.reads)))
        for kind, words in KINDS.items()
    )
    return _rows(heads, rows)


def _with_default(key: str) -> str:
    default = getattr(Rule(kind="latency"), key)
    return f"`{key}`" if default is None else f"`{key}` ({default})"


def _scenarios(lang: Lang) -> list[str]:
    heads = _of(lang, "이름,무엇이 일어나나", "name,what happens").split(",")
    scenarios = map(read_scenario, shipped_names())
    return _rows(heads, ((f"`{one.name}`", _of(lang, one.korean, one.english)) for one in scenarios))


def _schema(lang: Lang, schema: Schema) -> list[str]:
    heads = _of(lang, "표,뜻,열", "table,meaning,columns").split(",")
    return _rows(
        heads,
        (
            (f"`{name}`", _of(lang, TABLES[name], meaning), ", ".join(f"`{column}`" for column in columns))
            for name, meaning, columns in schema
        ),
    )


async def _nothing() -> None:
    pass


def main() -> None:
    url = Wiring().find_database(load_settings())
    assert url is not None, "DATABASE_URL names a migrated ledger"
    schema = read_schema(url)
    for page, lang in pages().items():
        page.write_text(fill(page.read_text(encoding="utf-8"), lang, schema), encoding="utf-8")


if __name__ == "__main__":
    main()
