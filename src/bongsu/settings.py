"""Settings, read once: the owner's from `.env`, the wiring of the processes from the environment.

`.env.example` is generated from the descriptions here.
"""

import contextlib
import difflib
import hashlib
import json
import os
import re
import secrets
import stat
from collections.abc import Mapping
from dataclasses import asdict
from datetime import time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bongsu.channel_settings import ChannelSettings, is_safe_url
from bongsu.core.market import Market, parse_market
from bongsu.core.redaction import KNOWN
from bongsu.core.risk import RiskLimits
from bongsu.errors import SettingsInvalid

Percent = Annotated[Decimal, Field(gt=0, le=100)]

PLACEHOLDERS = ("your_", "changeme", "xxx", "<", "여기에")
TELEGRAM_API = "https://api.telegram.org"
SANDBOX_TOKEN = "sandbox:local"  # noqa: S105 - the local stand-in's, no secret
SANDBOX_CHAT = "1000"
SANDBOX_ACCESS_KEY = "sandbox-access-key"
SANDBOX_SECRET_KEY = "sandbox-secret-key"  # noqa: S105 - opens the local exchange only


class Settings(ChannelSettings):
    """What the owner decides. Every field is a line of `.env`; `NAME_FILE` names a file that holds the value."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_ignore_empty=True, env_file_encoding="utf-8"
    )

    bongsu_mode: Literal["sandbox"] = Field(
        "sandbox",
        description="모드. 이 버전은 sandbox(로컬 모의 거래소)만 됩니다.|Mode: this version has sandbox only.",
    )
    bongsu_lang: Literal["ko", "en"] = Field(
        "ko", description="메시지와 화면의 언어: ko 또는 en.|Language of messages and pages."
    )
    markets: Annotated[tuple[Market, ...], NoDecode] = Field(
        (Market("KRW-ETH"), Market("KRW-BTC")),
        description="거래할 마켓, 쉼표로 구분. 모의 거래소에서는 그곳에 있는 마켓만 거래합니다.|Markets to trade, comma separated.",
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

    ai_advisor: Literal["rules"] = Field(
        "rules",
        description="판단을 내리는 조언자. 이 버전은 rules(내장 규칙).|The advisor; this version has rules.",
    )

    stop_loss_percent: Percent = Field(
        Decimal(5), description="손절: 진입가 대비 이만큼 내리면 팝니다(%).|Stop-loss (% below entry)."
    )
    take_profit_percent: Percent = Field(
        Decimal(10), description="익절: 진입가 대비 이만큼 오르면 팝니다(%).|Take-profit (% above entry)."
    )
    daily_loss_limit_percent: Percent = Field(
        Decimal(10), description="일일 손실 한도(%). 넘으면 다음 거래일까지 매수 중단.|Daily loss limit."
    )
    weekly_loss_limit_percent: Percent = Field(
        Decimal(15), description="주간 손실 한도(%). 넘으면 다음 월요일까지 매수 중단.|Weekly loss limit."
    )
    min_trade_interval_hours: Annotated[Decimal, Field(ge=0, le=168)] = Field(
        Decimal(4),
        description="같은 마켓에 다시 진입하기까지의 최소 시간.|Hours between entries of one market.",
    )
    max_trades_per_day: Annotated[int, Field(ge=1, le=1000)] = Field(
        5,
        description="거래일 하루의 최대 거래 횟수. 넘으면 매수하지 않습니다.|Trades per trading day; beyond it no buys.",
    )
    max_positions: Annotated[int, Field(ge=1, le=50)] = Field(
        3, description="동시에 보유하는 최대 마켓 수.|Markets held at once."
    )
    max_position_percent: Percent = Field(
        Decimal(40), description="한 마켓의 최대 비중(자산 대비 %).|Largest share of one market."
    )
    cash_reserve_percent: Annotated[Decimal, Field(ge=0, lt=100)] = Field(
        Decimal(10), description="항상 남겨 두는 현금(자산 대비 %).|Cash always kept."
    )
    buy_percent: Percent = Field(Decimal(30), description="한 번에 사는 최대 금액(자산 대비 %).|Largest buy.")
    min_buy_confidence: Annotated[Decimal, Field(ge=0, le=1)] = Field(
        Decimal("0.5"), description="매수에 필요한 최소 신뢰도(0~1).|Least confidence of a buy."
    )

    retention_days: Annotated[int, Field(ge=7)] = Field(
        365,
        description="작업 기록과 이벤트를 보관하는 날 수(거래 기록은 지우지 않습니다).|Days to keep job runs and events.",
    )
    backup_keep_days: Annotated[int, Field(ge=0)] = Field(
        14,
        description="매일 만드는 원장 백업을 보관하는 날 수. 0이면 매일 만들지 않습니다. Docker에서는 만들지 않습니다(안내서의 pg_dump를 쓰세요).|Days to keep the daily backups of the ledger; 0: none are made. Not in Docker: use pg_dump as the guide says.",
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
        if not isinstance(value, str):
            return value
        names = [name.strip().upper() for name in value.split(",") if name.strip()]
        if not names or len(set(names)) != len(names):
            raise ValueError("KRW-ETH,KRW-BTC 처럼 서로 다른 마켓을 하나 이상 적어 주세요")
        return tuple(_market(number, name) for number, name in enumerate(names, 1))

    @field_validator("telegram_allowed_users", mode="before")
    @classmethod
    def _split_users(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        users = [user.strip() for user in value.split(",") if user.strip()]
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
        faults += self.mail_faults()
        if faults:
            raise ValueError("; ".join(faults))
        return self

    @property
    def command_users(self) -> frozenset[int]:
        """Whose commands are heard: on the local stand-in its one user, on Telegram nobody who is not named."""
        return frozenset(self.telegram_allowed_users if self.telegram_enabled else (int(SANDBOX_CHAT),))

    @property
    def risk_limits(self) -> RiskLimits:
        return RiskLimits(
            stop_loss=self.stop_loss_percent / 100,
            take_profit=self.take_profit_percent / 100,
            daily_loss=self.daily_loss_limit_percent / 100,
            weekly_loss=self.weekly_loss_limit_percent / 100,
            min_trade_interval=timedelta(hours=float(self.min_trade_interval_hours)),
            max_trades_per_day=self.max_trades_per_day,
            max_positions=self.max_positions,
            max_position_share=self.max_position_percent / 100,
            cash_reserve=self.cash_reserve_percent / 100,
            buy_fraction=self.buy_percent / 100,
        )

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


class Wiring(BaseSettings):
    """Where the other processes are: given by the runner, not by the owner."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    bongsu_state_dir: Path = Path(".bongsu")
    bongsu_log_dir: Path = Path("logs")
    bongsu_env_file: Path = Path(".env")
    bongsu_port_offset: int = 0
    database_url: SecretStr | None = None
    postgres_host: str | None = None  # where the owner's user, password and database lead, in containers
    exchange_url: str = "http://127.0.0.1:8700"
    telegram_api_url: str | None = None
    prometheus_url: str = "http://127.0.0.1:9090"
    bongsu_storage_dir: Path | None = None
    world_id: str | None = None
    bind_host: str = "127.0.0.1"  # in a container all interfaces: its ports are published on loopback only
    pulse_file: Path | None = None  # touched at each heartbeat, for the container's health check
    classic_prometheus: bool = True  # Debian's build shows its pages under /classic

    def port(self, usual: int) -> int:
        return usual + self.bongsu_port_offset

    @property
    def api_token_file(self) -> Path:
        return self.bongsu_state_dir / "api_token"

    @property
    def backups(self) -> Path:
        return self.bongsu_state_dir / "backups"

    def telegram_api(self, settings: Settings) -> str:
        """Telegram's own when it is switched on, else the exchange's stand-in."""
        usual = TELEGRAM_API if settings.telegram_enabled else f"{self.exchange_url}/telegram"
        return self.telegram_api_url or usual

    def find_database(self, settings: Settings) -> str | None:
        """Given by the runner, or the owner's own, or that of the container network."""
        given = self.database_url or settings.database_url
        if given is not None:
            KNOWN.learn([given.get_secret_value()])
            return given.get_secret_value()
        if self.postgres_host is None:
            return None
        password = settings.kept_postgres_password(self.bongsu_state_dir)
        user, database = quote(settings.postgres_user, safe=""), quote(settings.postgres_db, safe="")
        return f"postgresql://{user}:{quote(password, safe='')}@{self.postgres_host}:5432/{database}"


def load_settings(env_file: Path | None = None) -> Settings:
    """What it has read as a secret is hidden from then on. Raises SettingsInvalid with every fault at once."""
    path = env_file or Path(os.environ.get("BONGSU_ENV_FILE", ".env"))
    faults: list[str] = []
    from_files = _secrets_from_files(faults)
    try:
        settings = Settings(_env_file=path if _is_file(path) else None, **from_files)  # type: ignore[arg-type, call-arg]  # texts, for pydantic to judge
    except ValidationError as invalid:
        raise SettingsInvalid(faults + _faults(invalid, path)) from None
    except UnicodeDecodeError:
        raise SettingsInvalid([f"{path}: UTF-8로 저장해 주세요 (not UTF-8)"]) from None
    except PermissionError:
        raise SettingsInvalid([_closed(path)]) from None
    if faults:
        raise SettingsInvalid(faults)
    KNOWN.learn(settings.secrets())
    return settings


def _is_file(path: Path) -> bool:
    """Raises PermissionError where a folder is closed to us: what cannot be seen is not taken for missing."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    if stat.S_ISDIR(mode):
        raise SettingsInvalid([f"{path}: 폴더입니다. 지우고 cp .env.example .env (a directory, not a file)"])
    return True


def _closed(path: Path) -> str:
    uid = os.geteuid()
    return (
        f"{path}: uid {uid} 이(가) 읽을 수 없습니다. sudo chgrp {uid} .env && chmod 640 .env "
        f"(uid {uid} cannot read it)"
    )


def _secrets_from_files(faults: list[str]) -> dict[str, str]:
    found = {}
    for name in Settings.model_fields:
        file = os.environ.get(f"{name.upper()}_FILE")
        if not file:
            continue
        try:
            found[name] = Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            faults.append(f"{name.upper()}_FILE: {file} 을(를) 읽을 수 없습니다 ({error.strerror})")
        except UnicodeDecodeError:
            faults.append(f"{name.upper()}_FILE: {file} 을(를) UTF-8로 저장해 주세요 (not UTF-8)")
    return found


def _market(number: int, name: str) -> Market:
    try:
        return parse_market(name)
    except ValueError:  # shows it: what was pasted into the wrong line may be a secret
        raise ValueError(
            f"{number}번째 값이 KRW-ETH 같은 KRW 마켓이 아닙니다 (value {number} is not a KRW market such as KRW-ETH)"
        ) from None


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


def _faults(invalid: ValidationError, path: Path) -> list[str]:
    lines = []
    for error in invalid.errors(include_input=False, include_url=False):
        name = ".".join(str(part) for part in error["loc"]).upper()
        if error["type"] == "extra_forbidden":
            lines.append(_unknown(name, path))
        elif not name:  # the cross-field check names its settings itself
            lines += str(error["ctx"]["error"]).split("; ")
        else:
            ours = error["msg"].removeprefix("Value error, ")
            lines.append(f"{name}: {ours if ours != error['msg'] else f'값을 고쳐 주세요 ({ours})'}")
    return lines


_PLAIN_NAME = re.compile(r"[A-Z][A-Z0-9]{0,15}(?:_[A-Z0-9]{1,15})*|[a-z][a-z0-9]{0,15}(?:_[a-z0-9]{1,15})*")


def _unknown(name: str, path: Path) -> str:
    """Shows a name only if it is one: the second line of a pasted key is none."""
    lines = enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
    named = (
        (number, line.strip().removeprefix("export ").partition("=")[0].strip()) for number, line in lines
    )
    number, written = next((found for found in named if found[1].upper() == name), ("?", ""))
    if _PLAIN_NAME.fullmatch(written):
        return f"{name}: {path}에 모르는 설정입니다{_suggestion(name)} (unknown setting)"
    return (
        f"{path}: {number}번째 줄은 이름=값이 아닙니다. 값은 한 줄에 적어 주세요 "
        f"(line {number} is not NAME=value; a value stands on one line)"
    )


def _suggestion(name: str) -> str:
    close = difflib.get_close_matches(name, [n.upper() for n in Settings.model_fields], n=1)
    return f". {close[0]} 을(를) 뜻하셨나요?" if close else ""


def keep_secret(path: Path) -> str:
    """The secret in `path`, made at its first use and readable by the owner of the process alone.

    Of two that make it at once the faster one's stands.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(32))
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
        draft.unlink()
    secret = path.read_text(encoding="ascii").strip()
    KNOWN.learn([secret])
    return secret


def account_of(world_id: str) -> str:
    """What an order's identifier is made from, besides the wish: two worlds never share one."""
    return f"sandbox:{world_id}"


def describe() -> Mapping[str, tuple[str, str]]:
    """Each setting's name with its description and default, in the order of the class; the channels' last."""
    fields = sorted(Settings.model_fields.items(), key=lambda item: item[0] in ChannelSettings.model_fields)
    return {name.upper(): (field.description or "", _default(field.default)) for name, field in fields}


def _default(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    if isinstance(value, time):
        return value.strftime("%H:%M")
    return str(value)


def limits_as_text(limits: RiskLimits) -> dict[str, str]:
    return {name: str(value) for name, value in asdict(limits).items()}
