"""The ledger against the exchange, in words: what differs, what may be behind it, and what waits for the owner's word."""

import json
from dataclasses import dataclass
from typing import Any

from bongsu.core.figures import exact_text, kst_text
from bongsu.ledger.reading import Reading, Row
from bongsu.ops.language import say
from bongsu.trading.ports import Ledger
from bongsu.trading.reconcile import ADOPT_AFTER, Comparison, Difference

EX_TEMPFAIL = 75


@dataclass(frozen=True, slots=True)
class Found:
    """`differences` is None while an order is on its way, which would explain any of them."""

    currencies: int
    differences: tuple[Difference, ...] | None
    waiting: list[Row]

    @property
    def code(self) -> int:
        if self.differences is None:
            return EX_TEMPFAIL
        return 1 if self.differences or self.waiting else 0


async def find(comparison: Comparison, ledger: Ledger, source: Reading) -> Found:
    """Changes nothing. Raises ExchangeError and LedgerUnavailable."""
    async with source.look() as view:
        waiting = await view.all("waiting_adoptions")
    held = await comparison.held()
    expected = await ledger.expected_balances()
    if expected is None or await ledger.open_intents():
        return Found(0, None, waiting)
    return Found(len(held), await comparison.differences(expected, held), waiting)


def tell(found: Found, *, explain: bool) -> str:
    return "\n".join([*_compared(found, explain=explain), *_waiting(found.waiting, explain=explain)])


def as_json(found: Found) -> str:
    shape: dict[str, Any] = {
        "differences": None
        if found.differences is None
        else [
            {
                "currency": one.movement.currency,
                "ledger": exact_text(one.expected),
                "exchange": exact_text(one.held),
                "orders_by_hand": list(one.found),
                "order_of_the_bot": one.ours,
            }
            for one in found.differences
        ],
        "waiting": [
            {
                "at": row["at"].isoformat(),
                "currency": row["currency"],
                "market": row["market"],
                "amount": exact_text(row["amount"]),
                "taken": exact_text(row["taken"]),
            }
            for row in found.waiting
        ],
    }
    return json.dumps(shape, ensure_ascii=False)


def _compared(found: Found, *, explain: bool) -> list[str]:
    if found.differences is None:
        return [
            say(
                "⏳ 아직 대조하지 못합니다: 첫 대조 전이거나, 결과를 기다리는 주문이 있습니다. 잠시 뒤 다시 해 주세요.",
                "⏳ Nothing to compare yet: before the first comparison, or an order is on its way. Try again in a moment.",
            )
        ]
    if not found.differences:
        return [
            say(
                f"✅ 원장과 거래소가 같습니다 (통화 {found.currencies}개)",
                f"✅ Ledger and exchange agree ({found.currencies} currencies)",
            )
        ]
    lines = [say("❌ 원장과 거래소가 다릅니다", "❌ Ledger and exchange differ")]
    for one in found.differences:
        lines.append(_difference(one))
        lines += _reasons(one) if explain else []
    return lines


def _difference(one: Difference) -> str:
    ours, theirs = say("원장", "ledger"), say("거래소", "exchange")
    moved = one.movement
    both = f"{ours} {exact_text(one.expected)}, {theirs} {exact_text(one.held)}"
    return f"• {moved.currency}: {both} ({moved.amount.normalize():+f})"


def _reasons(one: Difference) -> list[str]:
    if one.ours:
        return [
            say(
                "   봇의 주문이 원장에 아직 없습니다. 외부 변동으로 받아들이지 않습니다. 로그와 함께 알려 주세요.",
                "   An order of the bot is not in the ledger: no change from outside. Please send us the log.",
            )
        ]
    by_hand = [say(f"   직접 한 주문: {line}", f"   Ordered by hand: {line}") for line in one.found]
    nothing = say(
        "   직접 한 주문은 하루 안에 없습니다. 입금, 출금, 또는 다른 주문의 대금입니다.",
        "   No order by hand within a day: a deposit, a withdrawal, or the other side of an order.",
    )
    then = say(
        f"   {ADOPT_AFTER:.0f}초 넘게 그대로면 다음 대조에서 외부 변동으로 받아들입니다. 봇의 손익에는 넣지 않습니다.",
        f"   If it stays for {ADOPT_AFTER:.0f} s, it is taken for a change from outside, and no profit of the bot.",
    )
    return [*(by_hand or [nothing]), then]


def _waiting(rows: list[Row], *, explain: bool) -> list[str]:
    if not rows:
        return []
    lines = [
        say("⏸️ 확인을 기다리는 외부 변동: bongsu ack", "⏸️ Changes from outside that wait for bongsu ack"),
    ]
    for row in rows:
        lines.append(f"• {kst_text(row['at'])} {row['currency']} {row['amount'].normalize():+f}")
        if explain:
            lines += [say(f"   직접 한 주문: {x}", f"   Ordered by hand: {x}") for x in row["found"]]
        if explain and row["market"]:
            lines.append(
                say(
                    f"   그때까지 {row['market']} 을(를) 사지 않습니다",
                    f"   Until then {row['market']} is not bought",
                )
            )
    return lines
