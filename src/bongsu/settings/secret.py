"""Secrets that we make ourselves."""

import contextlib
import os
import secrets
from pathlib import Path

from bongsu.core.redaction import KNOWN


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
