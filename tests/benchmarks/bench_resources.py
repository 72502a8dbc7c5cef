"""`make bench`: what the running stack costs. Figures are printed, never asserted against a clock."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from native import Stack, open_stack

HOURS = 120
LATENCY = """SELECT percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY extract(epoch FROM ended_at - started_at))
               FROM job_runs WHERE job_name = 'trading_job' AND outcome = 'success'"""


def pss(pid: int) -> float:
    """Megabytes: shared pages are divided among those who share them."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024


def started(stack: Stack) -> float:
    began = time.monotonic()
    stack.up()
    return time.monotonic() - began


def interrupted(stack: Stack) -> float:
    """Seconds from Ctrl-C to the end of a stack in the foreground."""
    foreground = subprocess.Popen(
        [sys.executable, "-m", "bongsu", "up", *stack.market, "--port-offset", str(stack.offset)],
        env=stack.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    stack.until(stack.all_ready, "ready", 120)
    began = time.monotonic()
    foreground.send_signal(signal.SIGINT)
    foreground.wait(30)
    return time.monotonic() - began


def test_resources() -> None:
    table = Table("what", "figure", title="Bongsu, native stack, sandbox")
    with open_stack("--speed", "3600") as stack:
        table.add_row("first start to all ready", f"{started(stack):.1f} s")
        first = stack.until(lambda: stack.value("SELECT count(*) FROM decisions"), "a decision", 60)
        table.add_row("all ready to the first decision", f"{first:.1f} s")
        first = stack.until(lambda: stack.value("SELECT count(*) FROM orders"), "a trade", 300)
        table.add_row("… to the first trade, after that", f"{first:.1f} s")
        hours = stack.until(lambda: stack.value("SELECT count(*) FROM decisions") >= HOURS, "hours", 600)
        table.add_row(f"… to {HOURS} decisions", f"{hours:.1f} s")
        sizes = {name: pss(int(row["pid"])) for name, row in stack.services().items()}
        for name, size in sizes.items():
            table.add_row(f"memory (PSS) of {name}", f"{size:.0f} MB")
        table.add_row(
            "memory of backend and scheduler", f"{sizes['backend'] + sizes['scheduler']:.0f} MB (limit 220)"
        )
        latency = [f"{seconds * 1000:.0f}" for seconds in stack.value(LATENCY)]
        table.add_row("trading cycle p50 / p95 / p99", " / ".join(latency) + " ms")
        stack.bongsu("down")
        table.add_row("second start to all ready", f"{started(stack):.1f} s")
        stack.bongsu("down")
        table.add_row("Ctrl-C to the end", f"{interrupted(stack):.1f} s")
    Console(width=100).print(table)
    assert sizes["backend"] + sizes["scheduler"] <= 220
