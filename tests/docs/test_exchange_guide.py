"""What the guide of the sandbox exchange tells the owner to type does what it says."""

import re
import shlex
from pathlib import Path

import pytest

from docs.pages import ROOT, blocks
from sandbox.worlds import options, serving

PAGE = ROOT / "docs" / "SANDBOX_EXCHANGE.md"
ADDRESS = "http://127.0.0.1:8700"


def typed() -> list[list[str]]:
    lines = [line for block in blocks(PAGE, "bash") for line in block.splitlines()]
    return [shlex.split(line) for line in lines if line.startswith("curl ")]


async def test_every_request_of_the_guide_is_carried_out(tmp_path: Path) -> None:
    assert len(typed()) > 5
    async with serving(options(tmp_path)) as client:
        for words in typed():
            method = words[words.index("-X") + 1] if "-X" in words else "GET"
            body = words[words.index("-d") + 1] if "-d" in words else None
            (path,) = [word.removeprefix(ADDRESS) for word in words if word.startswith(ADDRESS)]
            answer = await client.http.request(method, path, content=body)
            assert answer.status_code == 200, words


@pytest.mark.parametrize("page", [PAGE, PAGE.with_suffix(".en.md")], ids=lambda page: page.name)
def test_addresses_and_keys_are_the_sandboxes_own(page: Path, tmp_path: Path) -> None:
    from bongsu import settings

    text = page.read_text(encoding="utf-8")
    assert settings.SANDBOX_ACCESS_KEY in text
    assert settings.SANDBOX_SECRET_KEY in text
    assert set(re.findall(r"127\.0\.0\.1:(\d+)", text)) == {"8700"}
