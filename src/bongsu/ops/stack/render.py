"""Native copies of the monitoring configuration: the repository's files hold the names of the compose network."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bongsu.ledger.voice import Voice
from bongsu.settings import SANDBOX_CHAT, SANDBOX_TOKEN, TELEGRAM_API, Settings

# The words of the template's direct message, for an owner who reads English.
_ENGLISH = {
    "경보 발생": "Alert",
    "경보 해제": "Alert resolved",
    "경보: ": "Alert: ",
    "내용: ": "What: ",
    "발생: ": "Since: ",
    "해제: ": "Resolved: ",
    "대응 방법: ": "Runbook: ",
    ".Annotations.summary ": ".Annotations.summary_en ",
    ".Annotations.description ": ".Annotations.description_en ",
    "안내: 봇을 거치지 않고 알람 서버가 직접 보냈습니다.": "Note: sent by the alarm server itself, past the bot.",
}


def render_prometheus(source: Path, addresses: Mapping[str, str], rules: Path) -> str:
    """`source` with each target replaced by what `addresses` says.

    Raises KeyError for a target nobody told us about: it would be scraped in vain and raise a false alarm.
    """
    config: dict[str, Any] = yaml.safe_load(source.read_text(encoding="utf-8"))
    config["rule_files"] = [str(rules)]
    for asked in (*config["scrape_configs"], *config["alerting"]["alertmanagers"]):
        for group in asked["static_configs"]:
            group["targets"] = [addresses[target] for target in group["targets"]]
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True)


@dataclass(frozen=True, slots=True)
class TelegramAccount:
    """`voice` is the one that alarm servers speak with when they speak past the bot."""

    api_url: str
    token: str
    chat: str
    voice: Voice

    @property
    def speaks_to_alertmanager(self) -> bool:
        """It knows chats by number only: for @channel its two direct messages are left out, as `bongsu doctor` says."""
        return not self.chat.startswith("@")


def telegram_account(settings: Settings, stand_in: str, api: str = TELEGRAM_API) -> TelegramAccount:
    """The owner's where it is switched on, else the exchange's stand-in."""
    voice = Voice(settings.bongsu_lang, settings.bongsu_mode)
    if settings.telegram_enabled and settings.telegram_bot_token and settings.telegram_chat_id:
        token = settings.telegram_bot_token.get_secret_value()
        return TelegramAccount(api, token, settings.telegram_chat_id, voice)
    return TelegramAccount(stand_in, SANDBOX_TOKEN, SANDBOX_CHAT, voice)


def render_alertmanager(template: Path, *, webhook: str, token_file: Path, telegram: TelegramAccount) -> str:
    """Holds the bot's token: keep the text where only its owner can read it."""
    config: dict[str, Any] = yaml.safe_load(template.read_text(encoding="utf-8"))
    for receiver in config["receivers"]:
        for hook in receiver.get("webhook_configs", []):
            hook["url"] = webhook
            hook["http_config"]["authorization"]["credentials_file"] = str(token_file)
        if not telegram.speaks_to_alertmanager:
            receiver.pop("telegram_configs", None)
        for direct in receiver.get("telegram_configs", []):
            direct |= {
                "api_url": telegram.api_url,
                "bot_token": telegram.token,
                "chat_id": int(telegram.chat),
                "message": _spoken(direct["message"], telegram.voice),
            }
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True)


def _spoken(message: str, voice: Voice) -> str:
    for ko, en in _ENGLISH.items():
        message = message.replace(ko, voice.say(ko, en))
    return "\n".join((message, *voice.mode_line()))
