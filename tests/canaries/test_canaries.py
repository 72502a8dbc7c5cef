"""No planted secret comes out anywhere: the short form; `make canaries` goes every way, and plants them in a whole stack."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from canaries import paths, planted
from canaries.bench import play
from canaries.planted import Canary
from canaries.sinks import Sinks, show
from conftest import ROLE, Server


@pytest.fixture
def address(postgres: Server, database_url: str) -> Iterator[str]:
    """The database, entered with a canary for a password."""
    role, password = f"canary_{uuid.uuid4().hex[:8]}", planted.core_of("DATABASE_URL")
    postgres.execute(f"CREATE ROLE {role} LOGIN IN ROLE {ROLE} PASSWORD '{password}'")
    yield postgres.url(database_url.rpartition("/")[2], role, "CORE")
    postgres.execute(f"DROP OWNED BY {role}")
    postgres.execute(f"DROP ROLE {role}")


def test_no_planted_secret_comes_out_anywhere(address: str, database_url: str, tmp_path: Path) -> None:
    sinks, canaries = play(
        tmp_path, address, database_url, one_in=int(os.environ.get("BONGSU_CANARIES_ONE_IN", "5"))
    )
    assert show(sinks, canaries), sinks.found(canaries)
    assert sinks.lacks(paths.MARKS) == []


def test_there_are_forty_and_each_has_its_own_core() -> None:
    values = planted.settings("postgresql://me:CORE@h/d", "127.0.0.1:1")
    canaries = (*planted.of_settings(values), *planted.KEPT, *planted.SHAPES)
    assert len({canary.core for canary in canaries}) == len(canaries) >= 40
    assert all(canary.core in canary.text for canary in canaries if "key on" not in canary.name)


@pytest.mark.parametrize("form", ["{0}", "x{0}y", "KN"])
def test_a_canary_is_found_however_it_is_written(form: str) -> None:
    """The search itself, without which nothing found means nothing."""
    canary = Canary("one", "Kn0123456789abcd", "")
    sinks = Sinks()
    sinks.add("there", canary.core.upper() if form == "KN" else form.format(canary.core))
    sinks.add("clean", "nothing")
    assert sinks.found([canary]) == {("there", "one"): 1}
