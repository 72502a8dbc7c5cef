"""What the owner decides, from `.env`."""

import hashlib
import json
import re
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from bongsu.core.market import Market
from bongsu.settings.ai import AiSettings
from bongsu.settings.channels import ChannelSettings, is_safe_url
from bongsu.settings.listed import split_commas
from bongsu.settings.live import LiveSettings
from bongsu.settings.markets import split_markets
from bongsu.settings.risk import RiskSettings
from bongsu.settings.scanner import ScannerSettings
from bongsu.settings.secret import keep_secret

PLACEHOLDERS = ("your_", "changeme", "xxx", "<", "여기에")
TELEGRAM_API = "https://api.telegram.org"
SANDBOX_TOKEN = "sandbox:local"  # noqa: S105 - the local stand-in's, no secret
SANDBOX_CHAT = "1000"
SANDBOX_ACCESS_KEY = "sandbox-access-key"
SANDBOX_SECRET_KEY = "sandbox-secret-key"  # noqa: S105 - opens the local exchange only


class Settings(AiSettings, LiveSettings, ScannerSettings, RiskSettings, ChannelSettings):
    """What the owner decides. Every field is a line of `.env`; `NAME_FILE` names a file that holds the value."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_ignore_empty=True, env_file_encoding="utf-8"
    )

    bongsu_mode: Literal["sandbox", "live"] = Field(
        "sandbox",
        description="모드. sandbox: 로컬 모의 거래소, live: 업비트 실거래(bongsu up --live 와 터미널 확인이 더 필요합니다).|Mode. sandbox: the local exchange; live: Upbit, with real money (needs `bongsu up --live` and a typed confirmation as well).",
    )
    bongsu_lang: Literal["ko", "en"] = Field(
        "ko", description="메시지와 화면의 언어: ko 또는 en.|Language of messages and pages."
    )
    bongsu_runbook_base: str | None = Field(
        None,
        pattern=r"^https?://\S+$",
        description="알람의 대응 방법(런북) 페이지를 여는 주소의 앞부분, 예: SSH 터널이나 VPN의 http://100.64.0.1:8000/runbooks. 비우면 이 컴퓨터의 backend(http://127.0.0.1:8000/runbooks).|Where the runbooks' pages open, as your phone reaches them (a tunnel, a VPN): http://100.64.0.1:8000/runbooks. Empty: the backend on this machine.",
    )
    markets: Annotated[tuple[Market, ...], NoDecode] = Field(
        (Market("KRW-ETH"), Market("KRW-BTC")),
        description="거래할 마켓, 쉼표로 구분. 모의 거래소에서는 그곳에 있는 마켓만 거래합니다. MARKET_SCANNER가 true면 쓰지 않습니다.|Markets to trade, comma separated. Not used while MARKET_SCANNER is true.",
    )
    trading_day_start: time = Field(
        time(9, 0),
        description="거래일이 시작하는 시각(KST). 일일 손익, 한도, 리포트가 모두 이 경계를 씁니다.|Start of the trading day (KST).",
    )

    telegram_enabled: bool = Field(
        False,
        description="true면 실제 텔레그램으로, false면 로컬 수신함(bongsu inbox)으로 보냅니다.|true: real Telegram, false: the local inbox.",
    )
    telegram_bot_token: SecretStr | None = Field(
        None, description="@BotFather가 준 토큰.|Token given by @BotFather."
    )
    telegram_chat_id: str | None = Field(
        None,
        description="메시지를 받을 채팅 ID(숫자). @채널이름도 되지만, 알람 서버가 직접 보내는 두 알람에는 숫자가 필요합니다."
        "|Chat that receives the messages: its number. @channel works too, but not for what the alarm server sends itself.",
    )

    telegram_allowed_users: Annotated[tuple[int, ...], NoDecode] = Field(
        (),
        description="봇에게 명령할 수 있는 텔레그램 사용자 번호, 쉼표로 구분. 1:1 대화에서만 듣습니다. 비우면 명령을 받지 않습니다.|Telegram users (numbers) whose commands are heard, in private chats only. Empty: no commands.",
    )

    sentry_enabled: bool = Field(
        False,
        description="true면 오류를 Sentry로도 보냅니다. 비밀 값은 가리고, 변수와 요청 본문은 보내지 않습니다.|true: errors go to Sentry too, without secrets, variables or bodies of requests.",
    )
    sentry_dsn: SecretStr | None = Field(
        None, description="Sentry 프로젝트의 DSN.|DSN of the Sentry project."
    )
    sentry_environment: str = Field("sandbox", description="Sentry 환경 이름.|Sentry environment.")

    grafana_admin_user: str = Field(
        "admin",
        description="Grafana 관리자 이름. Grafana를 처음 켤 때만 쓰입니다.|Used at Grafana's first start.",
    )
    grafana_admin_password: SecretStr | None = Field(
        None,
        description="Grafana 관리자 비밀번호. 비우면 admin, 이 컴퓨터에서만 열리는 동안만 괜찮습니다.|admin when empty.",
    )

    postgres_user: str = Field("trading_user", description="PostgreSQL 사용자.|PostgreSQL user.")
    postgres_password: SecretStr | None = Field(
        None,
        description="PostgreSQL 비밀번호. 비우면 처음 시작할 때 만들어 보관합니다.|Made at the first start when empty.",
    )
    postgres_db: str = Field("trading_db", description="PostgreSQL 데이터베이스.|PostgreSQL database.")
    database_url: SecretStr | None = Field(
        None,
        description="직접 운영하는 PostgreSQL을 쓸 때만: postgresql://사용자:비밀번호@호스트/DB|Only for a PostgreSQL of your own.",
    )
    data_source_name: SecretStr | None = Field(
        None,
        description="postgres-exporter가 들어갈 주소를 직접 정할 때만(pg_monitor 권한이면 충분). 비우면 우리 서버에는 전용 계정으로, 직접 운영하는 서버에는 DATABASE_URL로 들어갑니다.|Only to choose how postgres-exporter enters, best by a role with pg_monitor. Empty: our server by a role of its own, one of yours by DATABASE_URL.",
    )

    retention_days: Annotated[int, Field(ge=7)] = Field(
        365,
        description="작업 기록과 이벤트를 보관하는 날 수(거래 기록은 지우지 않습니다).|Days to keep job runs and events.",
    )
    backup_keep_days: Annotated[int, Field(ge=0)] = Field(
        14,
        description="매일 만드는 원장 백업을 보관하는 날 수. 0이면 매일 만들지 않습니다.|Days to keep the daily backups of the ledger; 0: none are made.",
    )
    deadman_url: SecretStr | None = Field(
        None,
        description="외부 생존 확인 주소(healthchecks.io 등). 모두 정상인 동안 60초마다 GET으로 부릅니다. 부르지 않게 되면 그 서비스가 알려 줍니다. https만 됩니다(이 컴퓨터 안은 http도).|A dead-man's switch outside, asked by GET every 60 s while all is well; when that ends, its service tells you. https only (http on this machine).",
    )
    monitoring_blind_seconds: Annotated[float, Field(ge=1, le=3600)] = Field(
        300.0,
        description="고급: Watchdog 신호가 이만큼(초) 없으면 알람을 받지 못하는 상태로 봅니다.|Advanced: seconds without a Watchdog until the bot says that no alarm can reach it.",
    )
    lease_seconds: Annotated[float, Field(ge=0.5, le=60)] = Field(
        10.0,
        description="고급: 응답 없는 스케줄러의 자리를 넘겨받기까지의 시간(초).|Advanced: seconds until a silent leader is replaced.",
    )
    unknown_patience_seconds: Annotated[float, Field(ge=1, le=600)] = Field(
        60.0,
        description="고급: 결과를 모르는 주문을 거래소에 계속 묻는 시간(초).|Advanced: how long an unknown order is asked for.",
    )

    @field_validator("markets", mode="before")
    @classmethod
    def _split_markets(cls, value: Any) -> Any:
        return split_markets(value)

    @field_validator("telegram_allowed_users", mode="before")
    @classmethod
    def _split_users(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        users = split_commas(value)
        if not all(user.isascii() and user.isdigit() and int(user) > 0 for user in users):
            raise ValueError("123456789 처럼 사용자 번호를 쉼표로 구분해 적어 주세요 (numbers of users)")
        return tuple(dict.fromkeys(map(int, users)))

    @field_validator("database_url", "data_source_name")
    @classmethod
    def _can_be_taken_apart(cls, value: SecretStr | None, field: ValidationInfo) -> SecretStr | None:
        """Here, where what is wrong is not shown: libpq's own words would hold a piece of the password."""
        text = value.get_secret_value() if value else ""
        if not text or _POSTGRES_URL.fullmatch(text):
            return value
        if field.field_name == "data_source_name" and "://" not in text and "=" in text:
            return value  # the other form that libpq reads
        raise ValueError(
            "postgresql:// 로 시작하는 주소를 적어 주세요. 비밀번호의 @ : / ? # % 는 %40 처럼 바꿔 적습니다 "
            "(a postgresql:// address; write @ : / ? # % of a password as %40 and so on)"
        )

    @field_validator("deadman_url")
    @classmethod
    def _reach_it_safely(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or is_safe_url(value.get_secret_value()):
            return value
        raise ValueError("https:// 로 시작하는 주소를 적어 주세요 (an https address is needed)")

    @model_validator(mode="after")
    def _switched_on_means_filled_in(self) -> "Settings":
        faults = []
        if self.telegram_enabled:
            faults += _unfilled("TELEGRAM_BOT_TOKEN", self.telegram_bot_token)
            faults += _unfilled("TELEGRAM_CHAT_ID", self.telegram_chat_id) or _no_chat(self.telegram_chat_id)
        if self.sentry_enabled:
            faults += _unfilled("SENTRY_DSN", self.sentry_dsn) or _no_dsn(self.sentry_dsn)
        faults += self.mail_faults() + self.ai_faults()
        if faults:
            raise ValueError("; ".join(faults))
        return self

    @property
    def command_users(self) -> frozenset[int]:
        """Whose commands are heard: on the local stand-in its one user, on Telegram nobody who is not named."""
        return frozenset(self.telegram_allowed_users if self.telegram_enabled else (int(SANDBOX_CHAT),))

    @property
    def is_live(self) -> bool:
        return self.bongsu_mode == "live"

    def without_exchange_keys(self) -> "Settings":
        """For whoever does not trade."""
        return self.model_copy(update={"upbit_access_key": None, "upbit_secret_key": None})

    @property
    def config_hash(self) -> str:
        """Equal in two processes that run on equal settings; secrets do not enter it."""
        shown = self.model_dump(mode="json", exclude={name.lower() for name in SECRET_NAMES})
        return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()[:12]

    def kept_postgres_password(self, state: Path) -> str:
        """The owner's, else the one made at the first start and kept in `state`."""
        given = self.postgres_password
        return given.get_secret_value() if given else keep_secret(state / "postgres_password")

    def secrets(self) -> tuple[str, ...]:
        """Values that must never be shown, for the redaction."""
        held = (getattr(self, name) for name in type(self).model_fields)
        return tuple(value.get_secret_value() for value in held if isinstance(value, SecretStr))


SECRET_NAMES = frozenset(
    name.upper() for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)
)


def _unfilled(name: str, value: SecretStr | str | None) -> list[str]:
    text = value.get_secret_value() if isinstance(value, SecretStr) else value or ""
    if not text:
        return [f"{name}: 값이 비어 있습니다. 켜 두었으면 채워 주세요 (switched on, but empty)"]
    if text.lower().startswith(PLACEHOLDERS):
        return [f"{name}: 예시 값이 그대로입니다. 실제 값으로 바꿔 주세요 (still the placeholder)"]
    return []


_POSTGRES_URL = re.compile(
    r"postgres(?:ql)?://(?:(?:[^\s:/?#@%]|%[0-9A-Fa-f]{2})*(?::(?:[^\s/?#@%]|%[0-9A-Fa-f]{2})*)?@)?"
    r"(?:(?:\[[0-9A-Fa-f:.%]+\]|[^\s:/?#@,\[\]]*)(?::\d{1,5})?)"
    r"(?:,(?:\[[0-9A-Fa-f:.%]+\]|[^\s:/?#@,\[\]]*)(?::\d{1,5})?)*"
    r"(?:/[^\s?#]*)?(?:\?[^\s#]*)?"
)
_CHAT = re.compile(r"-?[1-9][0-9]{0,18}|@[A-Za-z][A-Za-z0-9_]{4,31}")


def _no_dsn(dsn: SecretStr | None) -> list[str]:
    text = dsn.get_secret_value() if dsn else ""
    if re.fullmatch(
        r"https?://[A-Za-z0-9]+(:[A-Za-z0-9]+)?@[^\s/@?#]+/(?:[^\s@?#]+/)?[0-9]+", text
    ) and is_safe_url(text):
        return []
    return ["SENTRY_DSN: https://공개키@호스트/숫자 처럼 적어 주세요 (https://key@host/number)"]


def _no_chat(chat: str | None) -> list[str]:
    if chat and _CHAT.fullmatch(chat):
        return []
    return [
        "TELEGRAM_CHAT_ID: 123456789, -1001234567890 또는 @channel_name 처럼 적어 주세요 (a number or @channel_name)"
    ]
