"""What the owner reads while Telegram is set up and tried."""

from enum import Enum

from bongsu.errors import NotDelivered, NotSetUp
from bongsu.ledger.voice import Voice
from bongsu.ops.language import say


class Why(Enum):
    """Why it ended; nothing was changed."""

    UNREADABLE = (
        "설정 파일을 읽을 수 없습니다. UTF-8이고 내가 읽을 수 있는 파일인지 보세요.",
        "The settings file cannot be read. See whether it is UTF-8 and yours to read.",
    )
    NO_TOKEN = (
        "토큰이 없습니다. @BotFather에게 /newbot 을 보내 받은 토큰을 터미널에서 입력하거나 --token-file 로 주세요.",
        "There is no token. Send /newbot to @BotFather; type the token in a terminal, or give it by --token-file.",
    )
    TOKEN_REFUSED = (
        "텔레그램이 토큰을 거부했습니다(401). @BotFather의 /mybots → API Token 에서 그대로 복사했는지 보세요.",
        "Telegram refuses the token (401). Copy it as it stands at @BotFather: /mybots → API Token.",
    )
    NO_NETWORK = (
        "텔레그램에 닿지 못했습니다. 인터넷 연결과 방화벽을 확인하고 다시 하세요.",
        "Telegram cannot be reached. Check the network and the firewall, then try again.",
    )
    TAKEN = (
        "봇이 이미 이 대화를 읽고 있습니다(409). 한 토큰의 대화는 한 프로그램만 읽을 수 있습니다. 돌고 있는 봇을 멈추고"
        "(bongsu stop backend, 다른 곳의 봇이면 그곳에서) 다시 하거나, 번호를 알면 --chat 으로 주세요.",
        "A bot already reads this chat (409); one program only may. Stop it (bongsu stop backend, or wherever it runs) "
        "and try again, or give the number by --chat if you know it.",
    )
    WEBHOOK = (
        "이 봇에는 웹훅이 걸려 있어 대화를 읽을 수 없습니다(409). 웹훅을 쓰는 서비스에서 지우거나(deleteWebhook) "
        "새 봇을 만드세요.",
        "A webhook takes this bot's chat (409). Remove it at the service that uses it (deleteWebhook), or make another bot.",
    )
    NOBODY_WROTE = (
        "기다리는 동안 아무도 봇에게 말하지 않았습니다. 봇과의 1:1 대화에서 「시작」을 누르거나 아무 말이나 보낸 뒤 "
        "다시 하세요. 단체방의 말은 봇에게 보이지 않을 수 있습니다.",
        "Nobody wrote to the bot in that time. Open a private chat with it, press Start or write anything, and try again. "
        "What is written in a group may be hidden from the bot.",
    )
    ONLY_GROUPS = (
        "단체방의 말만 왔습니다. 잔고가 단체방에 보이지 않도록 1:1 대화만 씁니다. 봇을 직접 열어 말을 보낸 뒤 다시 하세요.",
        "Only a group wrote. Balances are never shown to groups: open a private chat with the bot, write there, "
        "and try again.",
    )
    GROUP = (
        "--chat 의 번호가 1:1 대화가 아닙니다. 잔고가 단체방에 보이지 않도록 1:1 대화만 씁니다.",
        "The number of --chat is no private chat. Balances are never shown to groups.",
    )
    SEVERAL = (
        "여러 사람이 봇에게 말했습니다. 본인의 번호를 --chat 으로 주세요.",
        "Several people wrote to the bot. Give your own number by --chat.",
    )
    UNSEEN = (
        "확인할 사람이 없습니다. 본인의 번호가 맞다면 --chat 번호 --yes 로 다시 하세요.",
        "Nobody is there to confirm. If the number is yours, run it again with --chat NUMBER --yes.",
    )
    CALLED_OFF = ("그만두었습니다.", "Called off.")
    NO_SUCH_CHAT = (
        "그 번호의 대화가 없습니다. 먼저 봇과의 1:1 대화에서 「시작」을 누르세요.",
        "There is no such chat. Open a private chat with the bot and press Start first.",
    )
    NOT_DELIVERED = (
        "시험 메시지를 보내지 못했습니다. 봇을 차단했다면 풀고, 1:1 대화에서 「시작」을 누른 뒤 다시 하세요.",
        "The test message was not delivered. Unblock the bot, press Start in the private chat, and try again.",
    )

    def __init__(self, ko: str, en: str) -> None:
        self.ko = ko
        self.en = en

    def ends(self, detail: object = "") -> NotSetUp:
        return NotSetUp(f"{say(self.ko, self.en)}{f' ({detail})' if str(detail) else ''}")


def arrived(number: str, *, really: bool) -> str:
    if really:
        return say(
            f"✅ 보냈습니다(메시지 {number}). 텔레그램을 보세요.",
            f"✅ Sent (message {number}). Look at Telegram.",
        )
    return say(
        "✅ 로컬 수신함으로 보냈습니다: bongsu inbox (TELEGRAM_ENABLED=false)",
        "✅ Sent to the local inbox: bongsu inbox (TELEGRAM_ENABLED=false)",
    )


def not_arrived(failure: NotDelivered) -> str:
    if failure.permanent:
        return say(
            f"❌ 텔레그램이 거부했습니다: {failure}\n→ bongsu telegram setup",
            f"❌ Telegram refused it: {failure}\n→ bongsu telegram setup",
        )
    return say(
        f"❌ 닿지 못했습니다: {failure}\n→ 인터넷 연결을 확인하고 다시 하세요: bongsu doctor",
        f"❌ It cannot be reached: {failure}\n→ check the network and try again: bongsu doctor",
    )


def greeting(voice: Voice) -> str:
    return voice.letter(
        voice.say("🔔 시험 메시지", "🔔 Test message"),
        voice.say("봉수의 알림이 이 대화로 옵니다.", "Bongsu's notifications come to this chat."),
    )
