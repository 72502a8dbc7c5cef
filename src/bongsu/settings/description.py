"""What each setting means, for `.env.example`, the reference and the API."""

from collections.abc import Mapping
from datetime import time
from typing import Any

from bongsu.settings.channels import ChannelSettings
from bongsu.settings.live import LiveSettings
from bongsu.settings.owner import Settings
from bongsu.settings.risk import RiskSettings


def describe() -> Mapping[str, tuple[str, str]]:
    """Each setting's name with its description and default: the basic ones, those of live trading, the risk gate's, the channels'."""
    fields = sorted(Settings.model_fields.items(), key=lambda item: _group(item[0]))
    return {name.upper(): (field.description or "", _default(field.default)) for name, field in fields}


def _group(name: str) -> int:
    """Where it stands: pydantic puts inherited fields first."""
    if name in LiveSettings.model_fields:
        return 1
    return 2 * (name in RiskSettings.model_fields) + 3 * (name in ChannelSettings.model_fields)


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
