"""`.env` and what is wrong with it, in words."""

import difflib
import os
import re
import stat
from pathlib import Path

from pydantic import ValidationError

from bongsu.core.redaction import KNOWN
from bongsu.errors import SettingsInvalid
from bongsu.settings.owner import Settings


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
