"""The last word before real money is traded. What refuses is told all at once, each with its repair."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from datetime import datetime

from bongsu.errors import LiveRefused
from bongsu.ledger.voice import Voice
from bongsu.ops import checks
from bongsu.ops.language import say
from bongsu.ops.live.account import deliver, examine_account
from bongsu.ops.patient import Finding, Patient
from bongsu.ops.stack.places import Places
from bongsu.settings import Settings, Wiring

PATIENCE = 180.0  # wall seconds for what starts beside us: the first Watchdog takes a minute
_EVERY = 3.0

# What must be well of the stack around the scheduler, which itself has not begun.
_STACK = (
    checks.disk,
    checks.database,
    checks.metrics,
    checks.outbox,
    checks.channels,
    checks.prometheus,
    checks.rules,
    checks.alertmanager,
    checks.watchdog,
)
_OURSELVES = "scheduler: "
# Over by itself, or repaired elsewhere: worth another try without anybody's hand.
_PASSING = {"live_clock", "live_telegram", "live_address", *(check.__name__ for check in _STACK)}
# These refuse even while something is held: everything else blocks buys by itself, and exits must go on.
_DANGEROUS = {"live_settings", "live_withdrawal", "live_consent"}


async def require_fit(
    settings: Settings, wiring: Wiring, *, holding: bool, silent_until: datetime | None = None
) -> None:
    """Raises LiveRefused. `holding`: something must be protected, which comes before all that is not dangerous.

    `silent_until`: of a ban on record, until which Upbit is asked nothing.
    """
    if holding:
        findings = await examine_account(settings, wiring.bongsu_state_dir, silent_until)
        refuse_unless_fit(finding for finding in findings if finding.check in _DANGEROUS)
        return
    around = await _until_well(Patient(Places.from_environment()))
    before = await examine_account(settings, wiring.bongsu_state_dir, silent_until)
    if refusing([*around, *before]):
        refuse_unless_fit([*around, *before])
    refuse_unless_fit(await examine_and_tell(settings, wiring, [*before, _summary(around)]))


async def examine_and_tell(
    settings: Settings, wiring: Wiring, known: Sequence[Finding] | None = None
) -> list[Finding]:
    """The account, and a message to the owner that lists what was found. `known` saves asking again."""
    state = wiring.bongsu_state_dir
    found = list(known) if known is not None else await examine_account(settings, state)
    if not settings.telegram_enabled:
        return found
    told = [finding for finding in found if finding.check != "live_telegram"]
    return [*told, await deliver(settings, wiring, letter(settings, told))]


def refuse_unless_fit(findings: Iterable[Finding]) -> None:
    """Raises LiveRefused; warnings do not refuse."""
    if against := refusing(findings):
        lines = [f"{finding.detail} → {finding.repair}".removesuffix(" → ") for finding in against]
        passing = all(f.state == "unknown" or f.check in _PASSING for f in against)
        raise LiveRefused(lines, passing=passing)


def refusing(findings: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.state in ("fail", "unknown")]


def letter(settings: Settings, findings: Sequence[Finding]) -> str:
    voice = Voice(settings.bongsu_lang, settings.bongsu_mode)
    marks = {"ok": "✅", "warn": "⚠️", "fail": "❌", "unknown": "❔"}
    lines = [f"{marks[finding.state]} {finding.detail}" for finding in findings]
    return voice.letter(voice.say("🔎 실거래 시작 점검", "🔎 Live trading: the checks"), *lines)


def _summary(around: Sequence[Finding]) -> Finding:
    well = sum(finding.state == "ok" for finding in around)
    told = say(
        f"봇 둘레의 점검 {well}개 정상, 알람이 도착합니다",
        f"{well} checks around the bot are well; alarms arrive",
    )
    return Finding("live_stack", "ok", told)


async def _until_well(patient: Patient) -> list[Finding]:
    """What is said of the stack once all is well, or when the patience ends."""
    deadline = time.monotonic() + PATIENCE
    while True:
        findings = await asyncio.to_thread(_examine, patient)
        if not refusing(findings) or time.monotonic() > deadline:
            return findings
        await asyncio.sleep(_EVERY)
        patient = Patient(patient.places)  # which asks anew


def _examine(patient: Patient) -> list[Finding]:
    found = (finding for check in _STACK for finding in checks.examine(patient, check))
    return [finding for finding in found if not finding.detail.startswith(_OURSELVES)]
