"""What the owner does about live trading in a terminal: check, confirm, and begin."""

import asyncio
from pathlib import Path

from bongsu.core.redaction import redact
from bongsu.errors import LiveRefused
from bongsu.ops import keyboard
from bongsu.ops.language import say
from bongsu.ops.live import consent, gate
from bongsu.ops.live.account import examine_account
from bongsu.ops.patient import Finding
from bongsu.settings import Settings, Wiring

_ONLY_TYPED = (
    "터미널에서만 확인할 수 있습니다. 아무것도 하지 않았습니다.",
    "It is confirmed in a terminal only; nothing was done.",
)


def require_ready(settings: Settings, state: Path) -> None:
    """What can be known before anything runs; the rest is the scheduler's to ask. Raises LiveRefused."""
    findings = asyncio.run(_examine(settings, state))
    if _only_consent_is_missing(findings) and keyboard.is_there() and consent.ask_consent(settings):
        consent.keep_consent(state, settings)
        findings = [finding for finding in findings if finding.check != "live_consent"]
    gate.refuse_unless_fit(findings)


async def _examine(settings: Settings, state: Path) -> list[Finding]:
    return await gate.examine_and_tell(settings, Wiring(bongsu_state_dir=state))


def _only_consent_is_missing(findings: list[Finding]) -> bool:
    return [finding.check for finding in gate.refusing(findings)] == ["live_consent"]


def confirm(settings: Settings, state: Path) -> str:
    """What to say of it. Raises LiveRefused when the key is missing, or nobody is there, or something else is typed."""
    if not consent.fingerprint(settings):
        gate.refuse_unless_fit(asyncio.run(examine_account(settings, state)))
    if not keyboard.is_there():
        raise LiveRefused([say(*_ONLY_TYPED)], passing=False)
    if not consent.ask_consent(settings):
        raise LiveRefused([say("그만두었습니다", "called off")], passing=False)
    try:
        kept = consent.keep_consent(state, settings)
    except OSError as closed:
        raise LiveRefused(
            [
                say(
                    f"확인을 보관할 수 없습니다: {state} ({closed.strerror})",
                    f"the word cannot be kept in {state} ({closed.strerror})",
                )
            ],
            passing=False,
        ) from None
    return say(
        f"확인했습니다 ({kept.by}). 시작: bongsu up --live",
        f"Confirmed by {kept.by}. Start: bongsu up --live",
    )


# -- the first week's cap -----------------------------------------------------------------------------------------

LIFTED = ("첫 주 보유 한도를 풀었습니다.", "The first week's cap is lifted.")
NO_CAP = ("풀 한도가 없습니다.", "There is no cap to lift.")
_LIFT = "lift-cap"
_CALLED_OFF = ("그만두었습니다. 아무것도 바꾸지 않았습니다.", "Called off. Nothing was changed.")


def agree_to_lift() -> str | None:
    """None when the owner typed the word, else what to say."""
    if not keyboard.is_there():
        return say(*_ONLY_TYPED)
    print(
        say(
            "• 처음 7일의 보유 총액 한도를 풉니다. 다른 위험 한도는 그대로입니다.",
            "• Lifts the cap on what may be held in the first 7 days. The other limits stay.",
        )
    )
    typed = keyboard.typed(say(f"실행하려면 {_LIFT} 을(를) 치세요: ", f"Type {_LIFT} to do it: "))
    return None if typed.lower() == _LIFT else say(*_CALLED_OFF)


# -- the checks ---------------------------------------------------------------------------------------------------


def show_check(settings: Settings, wiring: Wiring) -> int:
    from bongsu.ops.doctor import render

    findings = asyncio.run(gate.examine_and_tell(settings, wiring))
    print(redact(render(findings)))
    return 1 if gate.refusing(findings) else 0
