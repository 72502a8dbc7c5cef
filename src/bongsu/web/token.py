"""The bearer token of everything that changes something."""

import hmac
import os
import secrets
from pathlib import Path

from fastapi.security import HTTPBearer
from starlette.requests import HTTPConnection

from bongsu.web.problems import Refused


def api_token(path: Path) -> str:
    """Makes the token at its first use, readable by the owner of the process alone.

    Of two processes that start at once the faster one's token stands.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(32))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # made before, or by another process just now
    finally:
        draft.unlink()
    return path.read_text(encoding="ascii").strip()


class Bearer(HTTPBearer):
    """A dependency: lets a request pass that carries the token."""

    def __init__(self, token: str) -> None:
        super().__init__(description="상태 폴더의 api_token 파일 값 (the state directory's api_token file)")
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, request: HTTPConnection) -> None:
        shown = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(shown, self._expected):
            raise Refused(
                401,
                "인증이 필요합니다",
                "API 토큰이 없거나 다릅니다 (the API token is missing or wrong)",
                "Authorization: Bearer <상태 폴더의 api_token 파일 값> 헤더를 붙여 주세요 (send the token of that file)",
                headers={"WWW-Authenticate": "Bearer"},
            )
