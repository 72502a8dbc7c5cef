"""Forty and more values that must come out nowhere, each with a core by which it is found however it was written."""

import hashlib
from dataclasses import dataclass

from bongsu.settings import SECRET_NAMES


def _core(name: str) -> str:
    """Sixteen letters and digits that nobody else writes."""
    return "Kn" + hashlib.sha256(name.encode()).hexdigest()[:14]


@dataclass(frozen=True)
class Canary:
    """`text` is how it stands in the words of whoever lets it slip."""

    name: str
    core: str
    text: str


def _told(name: str, text: str) -> Canary:
    """`text` with CORE in its place."""
    return Canary(name, _core(name), text.replace("CORE", _core(name)))


def _pem(kind: str) -> str:
    return f"-----BEGIN {kind}-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcCOREwggSjAgEAAoIB+/=\n-----END {kind}-----"


_JWT = "eyJhbGciOiJIUzUxMiJ9.eyJhY2Nlc3Nfa2V5IjCORE.c2lnCOREbmF0dXJl"
_TOKEN = "12345678:CORECOREAbCdEf"

# Secrets that no setting names: known by their shape alone.
SHAPES = (
    _told("upbit access key", "UPBIT_ACCESS_KEY=CORE"),
    _told("upbit secret key", "{'secret_key': 'CORE'}"),
    _told("upbit key in a query", "GET /v1/accounts?access_key=CORE&page=1"),
    _told("jwt", f"signed {_JWT}"),
    _told("jwt of a header", f"Authorization: Bearer {_JWT}"),
    _told("opaque bearer", "headers={'Authorization': 'Bearer CORE.CORE'}"),
    _told("basic authorization", "authorization: Basic CORE=="),
    _told("token authorization", 'Authorization="Token CORE"'),
    _told("api key header", "X-Api-Key: CORE"),
    _told("token in json", '{"token": "CORE"}'),
    _told("token in a query", "https://api.example.com/v1?token=CORE"),
    _told("api key in a query", "https://llm.example.com/v1?api_key=CORE"),
    _told("another bot's token", f"sendMessage by {_TOKEN}"),
    _told("bot token in an address", f"POST https://api.telegram.org/bot{_TOKEN}/sendMessage"),
    _told("bot token in a file's address", f"https://api.telegram.org/file/bot{_TOKEN}/photo.png"),
    _told("bot token, escaped", f"/bot{_TOKEN.replace(':', '%3A')}/getMe"),
    _told("slack webhook", "POST https://hooks.slack.com/services/T0/B0/CORE"),
    _told("discord webhook", "POST https://discord.com/api/webhooks/42/CORE-x"),
    _told("postgres dsn", "postgresql://me:CORE@db.example:5432/mine"),
    _told("sqlalchemy dsn", "postgresql+psycopg://me:CORE@db/mine"),
    _told("conninfo", "host=db user=me password=CORE dbname=mine"),
    _told("pgpassword", "PGPASSWORD=CORE psql"),
    _told("redis dsn", "redis://:CORE@cache:6379/0"),
    _told("amqp dsn", "amqps://me:CORE@queue/"),
    _told("password of a page", "https://me:CORE@page.example/x"),
    _told("smtp password", "SMTP_PASSWORD=CORE"),
    _told("smtp address", "smtps://me%40example.com:CORE@mail.example:465"),
    _told("rsa key", _pem("RSA PRIVATE KEY")),
    _told("ec key", _pem("EC PRIVATE KEY")),
    _told("key on one line", _pem("PRIVATE KEY").replace("\n", "\\n")),
    _told("key cut off", _pem("OPENSSH PRIVATE KEY").partition("\n-----END")[0]),
    _told("openai key", "Incorrect API key provided: sk-COREabcdefgh"),
    _told("anthropic key", "sk-ant-api03-CORE-abcdefgh"),
    Canary(
        "another sentry key",
        hashlib.md5(b"canary").hexdigest(),
        f"https://{hashlib.md5(b'canary').hexdigest()}@o1.ingest.sentry.io/7",
    ),
)

SENTRY_KEY = hashlib.md5(b"canary of the settings").hexdigest()
KEPT = tuple(_told(name, "CORE_kept-1") for name in ("api_token", "exporter_password", "reader_password"))


def settings(database: str, receiver: str) -> dict[str, str]:
    """A value for each secret setting. `database` is an address with CORE as its password, `receiver` a host and port."""
    usual = {
        "TELEGRAM_BOT_TOKEN": "87654321:CORECOREAbCdEf",
        "SENTRY_DSN": f"http://{SENTRY_KEY}@{receiver}/42",
        "DATABASE_URL": database,
        "DATA_SOURCE_NAME": "postgresql://watcher:CORE@127.0.0.1:5/none",
        "DEADMAN_URL": f"http://{receiver}/ping/CORE",
        "POSTGRES_PASSWORD": "CORE@:/%25",
    }
    return {name: usual.get(name, _plain(name)).replace("CORE", _core(name)) for name in SECRET_NAMES}


def _plain(name: str) -> str:
    return "https://hook.example/CORE" if "URL" in name else "CORE"


def of_settings(values: dict[str, str]) -> tuple[Canary, ...]:
    cores = {name: SENTRY_KEY if name == "SENTRY_DSN" else _core(name) for name in values}
    return tuple(Canary(name, cores[name], f"for {name} we have {value}") for name, value in values.items())


def core_of(name: str) -> str:
    return _core(name)
