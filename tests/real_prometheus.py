"""A Prometheus of a test's own."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bongsu.ops.stack import alarm_tools
from ops.alertmanager import find_tool
from ports import free_port


@contextmanager
def prometheus(directory: Path, *rules: Path, targets: Sequence[str] = ()) -> Iterator[str]:
    """Its address. It looks at `rules`, and scrapes `targets` (host and port), five times a second."""
    address = f"127.0.0.1:{free_port()}"
    configuration = {
        "global": {"scrape_interval": "200ms", "evaluation_interval": "200ms"},
        "rule_files": list(map(str, rules)),
        "scrape_configs": [{"job_name": "tests", "static_configs": [{"targets": list(targets)}]}],
    }
    (directory / "prometheus.yml").write_text(json.dumps(configuration))
    command = [
        find_tool(alarm_tools.PROMETHEUS),
        f"--config.file={directory / 'prometheus.yml'}",
        f"--storage.tsdb.path={directory / 'tsdb'}",
        f"--web.listen-address={address}",
    ]
    with (directory / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield f"http://{address}"
    finally:
        process.kill()
        process.wait()
