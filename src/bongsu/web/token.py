"""The bearer token of everything that changes something."""

import hmac

from fastapi.security import HTTPBearer
from starlette.requests import HTTPConnection

from bongsu.web.problems import Refused


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
