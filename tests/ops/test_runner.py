"""The runner with real processes: order, restarts, refusals, and no orphan whatever happens to it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ops.conftest import TOYS, ToyStack, wait_until
from ports import free_port


def toy(name: str, *options: str, **more: object) -> dict[str, object]:
    return {"name": name, "port": free_port(), "options": options, **more}


def alive(pid: int) -> bool:
    """A zombie whose parent has not looked yet is dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_services_start_in_order_and_stop_in_order(toys: ToyStack) -> None:
    runner = toys.start(
        toy("trader", starts_after=["store"]),
        toy("web", starts_after=["store"], stops_after=["trader"]),
        toy("store", stops_after=["trader", "web"]),
    )
    wait_until(lambda: toys.is_up("trader", "web", "store"))

    runner.send_signal(signal.SIGINT)

    assert runner.wait(timeout=60) == 0
    journal = toys.journal()
    assert journal[0] == "start store"
    assert journal[-3:] == ["stop trader", "stop web", "stop store"]


def test_a_service_that_dies_comes_back(toys: ToyStack) -> None:
    toys.start(toy("one"))
    wait_until(lambda: toys.is_up("one"))
    first = toys.pid("one")

    os.kill(first, signal.SIGKILL)

    wait_until(lambda: toys.pid("one") != first and toys.output.count("✓ one") == 2)
    assert "ended unexpectedly (signal 9)" in toys.output
    assert json.loads(toys.command("ps").stdout)[0]["restarts"] == 1


def test_a_death_is_seen_though_a_grandchild_holds_the_output_open(toys: ToyStack) -> None:
    toys.start(toy("one", "--grandchild"))
    wait_until(lambda: toys.is_up("one"))
    first, grandchild = toys.pid("one"), int((toys.root / "one.grandchild.pid").read_text())

    os.kill(first, signal.SIGKILL)

    wait_until(lambda: toys.pid("one") != first and toys.output.count("✓ one") == 2)
    assert not alive(grandchild)


def test_restarts_pause_longer_each_time(toys: ToyStack) -> None:
    toys.start(toy("one", "--exit-code", "3"))
    wait_until(lambda: toys.output.count("again in") >= 4)
    assert [p in toys.output for p in ("in 0.05 s", "in 0.1 s", "in 0.2 s", "in 0.4 s")] == [True] * 4
    assert "one gives up" in toys.output, "the end of the log belongs to the news"


def test_exit_78_is_not_tried_again(toys: ToyStack) -> None:
    toys.start(toy("bad", "--exit-code", "78"), toy("good"), toy("needy", starts_after=["bad"]))
    wait_until(lambda: toys.is_up("good") and "✗ bad" in toys.output)
    states = {row["service"]: row["state"] for row in json.loads(toys.command("ps").stdout)}
    assert states == {"bad": "failed", "good": "ready", "needy": "blocked"}
    time.sleep(0.3)  # six first pauses
    assert toys.journal().count("start bad") == 1


def test_a_missing_program_is_named(toys: ToyStack) -> None:
    toys.start(toy("one", command=["/no/such/program"]))
    wait_until(lambda: "/no/such/program: No such file" in toys.output)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_no_orphan_however_the_runner_ends(toys: ToyStack, number: signal.Signals) -> None:
    runner = toys.start(toy("one"), toy("deaf", "--deaf", grace=0.5))
    wait_until(lambda: toys.is_up("one", "deaf"))
    pids = [toys.pid("one"), toys.pid("deaf")]

    runner.send_signal(number)
    runner.wait(timeout=60)

    wait_until(lambda: not any(alive(pid) for pid in pids))


def test_what_a_service_started_itself_goes_with_it(toys: ToyStack) -> None:
    toys.start(toy("one", "--grandchild"))
    wait_until(lambda: toys.is_up("one"))
    grandchild = int((toys.root / "one.grandchild.pid").read_text())

    toys.command("stop", "one")

    wait_until(lambda: not alive(grandchild))


def test_a_deaf_and_a_stopped_service_are_killed_in_time(toys: ToyStack) -> None:
    runner = toys.start(toy("deaf", "--deaf", grace=0.5), toy("frozen", grace=0.5))
    wait_until(lambda: toys.is_up("deaf", "frozen"))
    os.kill(toys.pid("frozen"), signal.SIGSTOP)
    begun = time.monotonic()

    runner.send_signal(signal.SIGINT)

    assert runner.wait(timeout=60) == 0
    assert time.monotonic() - begun < 20, "they were given half a second each"


def test_stop_start_and_restart_of_one_service(toys: ToyStack) -> None:
    toys.start(toy("one"), toy("two"))
    wait_until(lambda: toys.is_up("one", "two"))
    first, other = toys.pid("one"), toys.pid("two")

    assert toys.command("stop", "one").returncode == 0
    assert not alive(first)
    assert toys.command("ps").returncode == 1, "something is not running"
    assert toys.command("start", "one").returncode == 0
    second = toys.pid("one")
    assert alive(second)
    assert toys.command("restart", "one").returncode == 0
    assert toys.pid("one") not in (first, second)
    assert toys.pid("two") == other
    assert toys.command("ps").returncode == 0

    unknown = toys.command("stop", "three")
    assert unknown.returncode == 2
    assert "one, two" in unknown.stderr


def test_a_restart_that_cannot_be_says_what_it_waits_for(toys: ToyStack) -> None:
    toys.start(toy("store"), toy("trader", starts_after=["store"]))
    wait_until(lambda: toys.is_up("store", "trader"))
    toys.command("stop", "store")

    restarted = toys.command("restart", "trader")

    assert restarted.returncode == 1
    assert restarted.stdout == "trader: blocked store\n"
    toys.command("start", "store")
    wait_until(lambda: toys.command("ps").returncode == 0)


def test_the_last_words_of_a_service_reach_its_log(toys: ToyStack) -> None:
    toys.start(toy("one", "--last-words", "50000"))
    wait_until(lambda: toys.is_up("one"))
    toys.command("stop", "one")
    assert (toys.root / "logs/one/one.log").read_text().endswith("word 49999\n")


def test_down_returns_when_everything_is_gone(toys: ToyStack) -> None:
    runner = toys.start(toy("one", "--slow", "0.5"))
    wait_until(lambda: toys.is_up("one"))
    pid = toys.pid("one")

    assert toys.command("down").returncode == 0

    assert not alive(pid)
    assert runner.wait(timeout=60) == 0


def test_commands_say_that_nothing_runs(toys: ToyStack) -> None:
    answer = toys.command("ps")
    assert answer.returncode == 69
    assert "Not running" in answer.stdout


def test_a_second_runner_is_refused_and_a_killed_one_leaves_no_lock(toys: ToyStack) -> None:
    runner = toys.start(toy("one"))
    wait_until(lambda: toys.is_up("one"))
    second = toys.command("run", str(toys.root / "toys.json"))
    assert second.returncode == 69
    assert "Already running" in second.stdout

    pid = toys.pid("one")
    runner.kill()
    runner.wait()
    wait_until(lambda: not alive(pid))
    toys.start(toy("one"))
    wait_until(lambda: toys.is_up("one"))


def test_a_taken_port_is_named_with_its_holder_before_anything_starts(toys: ToyStack) -> None:
    port = free_port()
    holder = subprocess.Popen([sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"])
    try:
        wait_until(lambda: f":{port:04X} " in Path("/proc/net/tcp").read_text())
        free = toy("free")
        (toys.root / "toys.json").write_text(json.dumps([free, {**toy("taken"), "port": port}]))

        refused = toys.command("run", str(toys.root / "toys.json"))

        assert refused.returncode == 69
        assert f"Port {port} (taken) is taken by pid {holder.pid}" in refused.stdout
        assert "http.server" in refused.stdout
        assert "--port-offset" in refused.stdout
        assert toys.journal() == []
    finally:
        holder.kill()
        holder.wait()


def test_a_long_path_does_not_keep_the_terminal_out(tmp_path: Path) -> None:
    """A socket's address holds 107 bytes; a home directory may be deeper."""
    deep = tmp_path / ("d" * 100) / "봉수" / ("e" * 60)
    deep.mkdir(parents=True)
    toys = ToyStack(deep)
    try:
        toys.start(toy("one"))
        wait_until(lambda: toys.is_up("one"))
        assert toys.command("ps").returncode == 0
        assert toys.command("down").returncode == 0
    finally:
        toys.end()


def test_the_control_socket_is_closed_to_others(toys: ToyStack) -> None:
    toys.start(toy("one"))
    wait_until(lambda: toys.is_up("one"))
    assert (toys.root / "state/run/control.sock").stat().st_mode & 0o077 == 0


def test_output_goes_to_the_log_of_the_service(toys: ToyStack) -> None:
    toys.start(toy("one"))
    wait_until(lambda: toys.is_up("one"))
    assert (toys.root / "logs/one/one.log").read_text() == "one listens\n"
    assert toys.command("logs", "one").stdout == "one listens\n"


def test_in_the_background_it_returns_when_all_are_up_and_stays(toys: ToyStack) -> None:
    (toys.root / "toys.json").write_text(json.dumps([toy("one")]))
    log = toys.root / "logs/runner/runner.log"
    log.parent.mkdir(parents=True)
    log.write_text("of yesterday\n")

    begun = toys.command("run", "-d", str(toys.root / "toys.json"))

    assert begun.returncode == 0
    assert "✓ one" in begun.stdout, "the progress belongs to the terminal"
    assert "of yesterday" not in begun.stdout
    assert log.read_text().startswith("of yesterday\n")
    assert toys.command("ps").returncode == 0
    assert toys.command("down").returncode == 0
    assert not alive(toys.pid("one"))


@pytest.mark.parametrize(("code", "state"), [("78", "failed"), ("3", "restarting")])
def test_in_the_background_what_cannot_start_is_told_and_not_waited_for(
    toys: ToyStack, code: str, state: str
) -> None:
    (toys.root / "toys.json").write_text(json.dumps([toy("bad", "--exit-code", code), toy("good")]))

    begun = toys.command("run", "-d", str(toys.root / "toys.json"))

    assert begun.returncode == 1
    assert "bad gives up" in begun.stdout
    rows = {row["service"]: row["state"] for row in json.loads(toys.command("ps").stdout)}
    assert rows["good"] == "ready"
    assert rows["bad"] in (state, "preparing", "starting")
    toys.command("down")


def test_the_background_survives_the_terminal_that_started_it(toys: ToyStack) -> None:
    (toys.root / "toys.json").write_text(json.dumps([toy("slow", "--late", "1")]))
    terminal = subprocess.Popen(
        [sys.executable, str(TOYS), "run", "-d", str(toys.root / "toys.json")],
        env=toys.environment,
        stdout=subprocess.PIPE,
    )
    wait_until((toys.root / "slow.pid").exists)
    terminal.kill()
    terminal.wait()
    wait_until(lambda: toys.command("ps").returncode == 0)
    assert toys.command("down").returncode == 0
