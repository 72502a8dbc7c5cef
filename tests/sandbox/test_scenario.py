"""Scenario files: what is wrong with one is told by file, line and key; a good one plays the same twice."""

import re
from pathlib import Path

import pytest

from bongsu.errors import ScenarioInvalid
from bongsu.ops.stack.places import Places
from bongsu.ops.stack.world import MarketOptions
from bongsu.ops.stack.world import World as StackWorld
from bongsu.sandbox.fault_rules import COMMON, KINDS, Rule
from bongsu.sandbox.scenario import parse_scenario, read_scenario, shipped_names
from sandbox.worlds import Client, options, serving

GOOD = """\
about: {ko: 시험, en: a test}
seed: 7
faults:
  - kind: error_before
    path: /v1/ticker
    probability: 0.5
  - {kind: balance_change, path: /v1/accounts, currency: KRW, delta: -1000.5, count: 1}
"""


def test_a_good_one() -> None:
    scenario = parse_scenario(GOOD, "x.yaml", "x")
    assert (scenario.name, scenario.seed, scenario.korean, scenario.english) == ("x", 7, "시험", "a test")
    error, change = scenario.rules
    assert error == Rule(kind="error_before", path="/v1/ticker", probability=0.5)
    assert (change.currency, str(change.delta), change.count) == ("KRW", "-1000.5", 1)


@pytest.mark.parametrize(
    ("was", "wrong", "line", "named"),
    [
        ("kind: error_before", "kind: eror_before", 4, "`kind`: unknown; did you mean `error_before`?"),
        ("probability: 0.5", "probability: 1.5", 6, "`probability`: Expected `float` <= 1.0"),
        ("probability: 0.5", "probability: often", 6, "`probability`: Expected `float`, got `str`"),
        ("probability: 0.5", "probabilty: 0.5", 6, "`probabilty`: unknown; did you mean `probability`?"),
        ("probability: 0.5", "seconds: 3", 6, "`seconds`: `error_before` does not read it"),
        ("probability: 0.5", "path: /v1/*", 6, "`path`: a second time"),
        ("probability: 0.5", "status: 200", 6, "`status`: Expected `int` >= 400"),
        ("probability: 0.5", "after: 60\n    until: 30", 7, "`until`: Must be later than `after`"),
        ("probability: 0.5", "probability: [", 7, "no YAML"),
        ("path: /v1/ticker", "path: *", 5, "no YAML"),
        ("delta: -1000.5", "delta: 0", 7, "`delta`: Expected an amount other than 0"),
        ("delta: -1000.5", "delta: much", 7, "`delta`: "),
        ("kind: balance_change, ", "", 7, "`kind` is missing"),
        ("seed: 7", "seed: seven", 2, "`seed`: 'seven' is no whole number"),
        ("seed: 7", "sede: 7", 2, "`sede`: unknown; did you mean `seed`?"),
        ("about: {ko: 시험", "about: {kr: 시험", 1, "`kr`: unknown"),
        (GOOD[GOOD.index("faults:") :], "faults: none\n", 3, "`faults`: a list of rules"),
        (GOOD[GOOD.index("faults:") :], "faults:\n  - latency\n", 4, "a fault has keys and values"),
        (GOOD[GOOD.index("faults:") :], "", 1, "`faults` is missing"),
        (GOOD, "", 1, "the file is empty"),
        (GOOD, "- kind: down\n", 1, "a scenario has keys and values"),
    ],
)
def test_what_is_wrong_is_told_by_line_and_key(was: str, wrong: str, line: int, named: str) -> None:
    assert was in GOOD
    with pytest.raises(ScenarioInvalid) as told:
        parse_scenario(GOOD.replace(was, wrong), "x.yaml")
    assert str(told.value).startswith(f"x.yaml, line {line}: ")
    assert named in str(told.value)


def test_every_key_of_every_kind_can_be_written() -> None:
    values = {"delta": "1", "status": 404, "migrate_to_chat_id": 5, "until": 9.0}
    for kind, words in KINDS.items():
        keys = {k: values.get(k, getattr(Rule(kind="latency"), k)) for k in (*COMMON[1:], *words.reads)}
        written = "".join(
            f"    {key}: '{value}'\n" if value == "*" else f"    {key}: {value}\n"
            for key, value in keys.items()
            if value is not None
        )
        (rule,) = parse_scenario(f"faults:\n  - kind: {kind}\n{written}", "x").rules
        assert rule.kind == kind


def test_a_file_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(ScenarioInvalid, match=r"no such file, and none of bad-network, rough-day"):
        read_scenario(str(tmp_path / "nothing.yaml"))
    (tmp_path / "latin.yaml").write_bytes("about: {ko: é}".encode("latin-1"))
    with pytest.raises(ScenarioInvalid, match="cannot be read"):
        read_scenario(str(tmp_path / "latin.yaml"))


@pytest.mark.parametrize("name", shipped_names())
def test_what_comes_with_the_program_is_good_and_told_of(name: str) -> None:
    scenario = read_scenario(name)
    assert len(scenario.rules) >= 5
    assert re.search("[가-힣]", scenario.korean)
    assert scenario.english


async def test_an_exchange_starts_with_one_and_is_given_another(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(GOOD)
    async with serving(options(tmp_path, scenario=str(file))) as client:
        first = await statuses(client)
        assert {200, 500} == set(first)
        assert (await client.seen("/sandbox/world"))["scenario"] == str(file)
        refused = await client.http.put("/sandbox/scenario", content="faults:\n  - kind: dwon\n")
        assert "line 2: `kind`: unknown; did you mean `down`?" in refused.json()["error"]["message"]
        (await client.http.put("/sandbox/scenario", content=GOOD)).raise_for_status()
        assert await statuses(client) == first
        (await client.http.put("/sandbox/scenario", content=GOOD.replace("7", "8", 1))).raise_for_status()
        assert await statuses(client) != first


async def statuses(client: Client) -> list[int]:
    return [(await client.http.get("/v1/ticker?markets=KRW-ETH")).status_code for _ in range(20)]


class TestTheStack:
    @pytest.fixture
    def places(self, tmp_path: Path) -> Places:
        return Places(tmp_path / "state", tmp_path / "logs", tmp_path / "storage", port_offset=3)

    def test_it_hands_the_exchange_a_file_and_stays_the_same_world(self, places: Places) -> None:
        plain = StackWorld.of(MarketOptions(), places, replay=False)
        rough = StackWorld.of(MarketOptions(scenario="rough-day"), places, replay=False)
        assert rough.id == plain.id
        arguments = rough.exchange_arguments()
        named = arguments[arguments.index("--scenario") + 1]
        assert read_scenario(named) == read_scenario("rough-day")
        told: list[str] = []
        rough.open(fresh=False, tell=told.append)
        assert named in told[0]

    def test_a_bad_one_is_refused_before_anything_starts(self, places: Places, tmp_path: Path) -> None:
        (tmp_path / "bad.yaml").write_text("faults:\n  - kind: latency\n    secnds: 3\n")
        with pytest.raises(ScenarioInvalid, match=r"bad\.yaml, line 3: `secnds`: unknown"):
            StackWorld.of(MarketOptions(scenario=str(tmp_path / "bad.yaml")), places, replay=False)


@pytest.mark.parametrize("page", ["SANDBOX_FAULTS.md", "SANDBOX_FAULTS.en.md"])
def test_the_guides_example_is_a_scenario(page: str) -> None:
    text = (Path(__file__).parents[2] / "docs" / page).read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert [rule.kind for rule in parse_scenario(example, page).rules] == [
        "error_before",
        "lost_reply",
        "stale_candles",
    ]
