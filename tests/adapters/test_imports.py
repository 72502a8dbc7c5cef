"""The scheduler carries the adapters all day: they bring no framework along."""

import subprocess
import sys


def test_adapters_are_light() -> None:
    script = (
        "import sys; import bongsu.adapters.upbit.client, bongsu.adapters.clock, bongsu.adapters.telegram.client;"
        "print(*sorted({'pydantic', 'starlette', 'sqlalchemy', 'numpy', 'talib', 'fastapi'} & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []
