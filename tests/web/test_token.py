"""The token: made once, readable by the owner alone."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bongsu.settings import keep_secret


def test_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "state" / "api_token"
    token = keep_secret(path)
    assert len(token) >= 43
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert keep_secret(path) == token
    assert [file.name for file in path.parent.iterdir()] == ["api_token"]


def test_all_who_start_at_once_read_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as starters:
        tokens = set(starters.map(keep_secret, [tmp_path / "api_token"] * 32))
    assert len(tokens) == 1
