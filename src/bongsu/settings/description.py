"""What each setting means, for `.env.example`, the reference and the API."""

from collections.abc import Mapping
from datetime import time
from typing import Any

from pydantic_settings import BaseSettings

from bongsu.settings.ai import AiSettings
from bongsu.settings.channels import ChannelSettings
from bongsu.settings.live import LiveSettings
from bongsu.settings.owner import Settings
from bongsu.settings.risk import RiskSettings
from bongsu.settings.scanner import ScannerSettings


def describe() -> Mapping[str, tuple[str, str]]:
    """Each setting's name with its description and default: the basic ones, then the others group by group."""
    fields = sorted(Settings.model_fields.items(), key=lambda item: _group(item[0]))
    return {name.upper(): (field.description or "", _default(field.default)) for name, field in fields}


def _group(name: str) -> int:
    """Where it stands: pydantic puts inherited fields first."""
    groups: tuple[type[BaseSettings], ...] = (
        AiSettings,
        LiveSettings,
        ScannerSettings,
        RiskSettings,
        ChannelSettings,
    )
    return next((n for n, group in enumerate(groups, 1) if name in group.model_fields), 0)


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
