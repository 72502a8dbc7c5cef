"""One real PostgreSQL for a whole test run, kept by a process of its own.

`python postgres_keeper.py DIRECTORY PID` serves a fresh cluster below DIRECTORY until process PID (pytest, or
the xdist controller) is gone in whatever way, then ends the server and removes the directory. The server's
superuser URL appears in DIRECTORY/superuser_url once it answers.
"""

import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from bongsu.ops.stack.children import die_with_parent
from bongsu.ops.stack.postgres import Cluster, is_ready
from bongsu.ops.stack.postgres_programs import find_programs
from ports import free_port


def start_server(cluster: Cluster) -> "subprocess.Popen[bytes]":
    """Runs the server as our child and returns once it answers. Raises RuntimeError when it ends instead."""
    identity = cluster.identity
    log = cluster.home / "postgres.log"
    with log.open("ab") as output:
        server = subprocess.Popen(
            cluster.command(),
            stdout=output,
            stderr=output,
            cwd=cluster.home,
            user=identity.uid if identity else None,
            group=identity.gid if identity else None,
            extra_groups=[] if identity else None,
            preexec_fn=die_with_parent(signal.SIGQUIT),  # noqa: PLW1509 — no thread runs here
        )
    while not is_ready(cluster.superuser_url):
        if server.poll() is not None:
            raise RuntimeError(f"postgres ended with {server.returncode}:\n{log.read_text()}")
        time.sleep(0.02)
    return server


def wait_for_end_of(pid: int) -> None:
    if hasattr(os, "pidfd_open"):
        select.select([os.pidfd_open(pid)], [], [])
        return
    while True:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.2)


def keep(directory: Path, pid: int) -> None:
    directory.chmod(0o755)  # the unprivileged server walks through it
    try:
        cluster = Cluster(find_programs(directory / "programs"), directory, free_port(), durable=False)
        cluster.initialise()
        server = start_server(cluster)
        answer = directory / "superuser_url.new"
        answer.write_text(cluster.superuser_url)
        answer.rename(directory / "superuser_url")
        wait_for_end_of(pid)
        server.send_signal(signal.SIGQUIT)
        server.wait(timeout=60)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    keep(Path(sys.argv[1]), int(sys.argv[2]))
