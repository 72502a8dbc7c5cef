"""The ports of tests: below the kernel's own, and each handed out once, to one process."""

import subprocess
import sys
from pathlib import Path

import ports


def test_they_lie_below_those_the_kernel_takes_for_connections() -> None:
    kernels = Path("/proc/sys/net/ipv4/ip_local_port_range")
    lowest = int(kernels.read_text().split()[0]) if kernels.exists() else 32_768
    assert lowest >= ports._HIGHEST


def test_none_is_handed_out_twice() -> None:
    assert len({ports.free_port() for _ in range(200)}) == 200


def test_no_other_process_gets_one_of_ours() -> None:
    port = ports.free_port()
    told = subprocess.run(
        [sys.executable, "-c", f"import ports; print(ports._take({port}))"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert told == "False\n"
