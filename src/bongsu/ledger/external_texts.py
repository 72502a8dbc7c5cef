"""What the owner is told of money and coins that moved without an order of the bot."""

from datetime import datetime
from decimal import Decimal

from bongsu.core.facts import ExternalAcknowledged, ExternalAdopted, FundsMoved
from bongsu.core.figures import kst_text, signed_won_text, volume_text
from bongsu.core.market import Market
from bongsu.ledger.voice import Voice


def external_adopted(fact: ExternalAdopted, voice: Voice) -> str:
    moved = fact.movement
    taken = f"{volume_text(moved.taken)} {moved.currency}"
    return voice.letter(
        voice.say("💰 외부 변동을 원장에 반영", "💰 A change from outside is in the books"),
        voice.say("변동: ", "Change: ") + _amount(moved.currency, moved.amount, voice),
        *(
            (voice.say(f"봇의 보유에서 뺀 수량: {taken}", f"Out of the bot's position: {taken}"),)
            if moved.taken
            else ()
        ),
        *(voice.say("직접 한 주문: ", "Ordered by hand: ") + line for line in fact.found),
        voice.say(
            "내용: 봇의 주문이 아닌 변동입니다. 봇의 손익에 넣지 않습니다.",
            "What: no order of the bot; it does not count as its profit.",
        ),
        _until_acknowledged(moved.market, voice),
        voice.say("시각: ", "Time: ") + kst_text(fact.at),
    )


def _until_acknowledged(market: Market | None, voice: Voice) -> str:
    if market is None:
        return voice.say(
            "안내: 직접 한 일이면 bongsu ack 로 확인해 주세요. 그때까지 경보가 울립니다.",
            "Note: if it was you, acknowledge it by bongsu ack; the alarm rings until then.",
        )
    return voice.say(
        f"안내: 직접 한 일이면 bongsu ack {market} 로 확인해 주세요. 그때까지 이 종목은 새로 매수하지 않습니다.",
        f"Note: if it was you, acknowledge it by bongsu ack {market}; until then no buys of this market.",
    )


def external_acknowledged(fact: ExternalAcknowledged, voice: Voice, now: datetime) -> str:
    return voice.letter(
        voice.say("✅ 외부 변동 확인됨", "✅ Change from outside acknowledged"),
        voice.say("대상: ", "Of: ") + (fact.market or voice.say("모두", "all")),
        voice.say("요청: ", "By: ") + fact.who,
        voice.say("시각: ", "Time: ") + kst_text(now),
    )


def _amount(currency: str, amount: Decimal, voice: Voice) -> str:
    if currency == "KRW":
        return signed_won_text(amount) + voice.say("원", " KRW")
    return f"{amount.normalize():+,f} {currency}"


def funds_moved(fact: FundsMoved, voice: Voice) -> str:
    return voice.letter(
        voice.say("💰 외부 자산 변동", "💰 Funds moved from outside"),
        voice.say("변동: ", "Change: ") + _amount(fact.currency, fact.amount, voice),
        voice.say(
            "내용: 봇의 주문이 아닌 변동입니다. 봇의 손익에 넣지 않습니다.",
            "What: no order of the bot; it does not count as its profit.",
        ),
        voice.say("시각: ", "Time: ") + kst_text(fact.at),
    )
