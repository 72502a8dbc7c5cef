"""Settings, read once: the owner's from `.env`, the wiring of the processes from the environment.

`.env.example` is generated from the descriptions here.
"""

from bongsu.settings.description import describe
from bongsu.settings.listed import split_commas
from bongsu.settings.live import UPBIT_API
from bongsu.settings.loading import load_settings
from bongsu.settings.owner import (
    PLACEHOLDERS,
    SANDBOX_ACCESS_KEY,
    SANDBOX_CHAT,
    SANDBOX_SECRET_KEY,
    SANDBOX_TOKEN,
    SECRET_NAMES,
    TELEGRAM_API,
    Settings,
)
from bongsu.settings.risk import limits_as_text
from bongsu.settings.secret import keep_secret
from bongsu.settings.wiring import Wiring, account_of

__all__ = [
    "PLACEHOLDERS",
    "SANDBOX_ACCESS_KEY",
    "SANDBOX_CHAT",
    "SANDBOX_SECRET_KEY",
    "SANDBOX_TOKEN",
    "SECRET_NAMES",
    "TELEGRAM_API",
    "UPBIT_API",
    "Settings",
    "Wiring",
    "account_of",
    "describe",
    "keep_secret",
    "limits_as_text",
    "load_settings",
    "split_commas",
]
