"""`.env.example`, written from the settings themselves: `python -m bongsu.ops.example > .env.example`."""

from collections.abc import Iterator

from bongsu.settings import describe

_HEADER = """\
# Bongsu 설정. 이 파일을 .env 로 복사해 고칩니다: cp .env.example .env   (따옴표는 필요 없습니다)
# 복사만 해도 그대로 시작됩니다. 모르는 이름이나 잘못된 값이 있으면 모두 한 번에 알려 주고 시작하지 않습니다.
# 비밀 값은 파일에 두고 환경 변수 이름_FILE 로 그 경로를 줄 수 있습니다. 예: TELEGRAM_BOT_TOKEN_FILE=/run/secrets/token
#
# Settings of Bongsu. Copy this file to .env and edit it; no quotes needed. A plain copy starts as it is.
# Unknown names and bad values are all told at once, and nothing starts. A secret may stand in a file:
# give its path in the environment as NAME_FILE.
"""

# Each section begins with this setting.
_SECTIONS = {
    "BONGSU_MODE": "기본 | Basics",
    "TELEGRAM_ENABLED": "텔레그램 | Telegram",
    "SENTRY_ENABLED": "Sentry",
    "GRAFANA_ADMIN_USER": "Grafana",
    "POSTGRES_USER": "데이터베이스 | Database",
    "AI_ADVISOR": "AI 판단 | AI decisions",
    "UPBIT_ACCESS_KEY": "실거래 | Live trading",
    "STOP_LOSS_PERCENT": "위험 한도 | Risk limits",
    "RETENTION_DAYS": "운영 | Operation",
    "SECOND_CHANNEL_WHEN": "둘째 경로와 조용한 시간 | Second channel and quiet hours",
}

# Refused by name as soon as they are switched on.
_PLACEHOLDERS = {
    "TELEGRAM_BOT_TOKEN": "your_bot_token_here",
    "TELEGRAM_CHAT_ID": "your_chat_id_here",
    "SENTRY_DSN": "your_sentry_dsn_here",
}


def render_example() -> str:
    return "\n".join((_HEADER, *_lines()))


def _lines() -> Iterator[str]:
    for name, (description, default) in describe().items():
        if section := _SECTIONS.get(name):
            yield f"# ── {section} ──"
        yield from (f"# {text}" for text in description.split("|"))
        yield f"{name}={_PLACEHOLDERS.get(name, default)}\n"


if __name__ == "__main__":
    print(render_example(), end="")
