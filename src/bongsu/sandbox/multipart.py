"""What a request to the Bot API carries, in whichever of its four forms it comes."""

import re
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request

from bongsu.sandbox.telegram_text import Declined

_NAME = re.compile(rb'content-disposition:[^\r\n]*?\bname="([^"]*)"', re.IGNORECASE)
_FILE = re.compile(rb'content-disposition:[^\r\n]*?\bfilename="', re.IGNORECASE)
_BOUNDARY = re.compile(r'boundary="?([^";]+)"?')


async def read_parameters(request: Request) -> dict[str, Any]:
    """Files are bytes. Raises Declined."""
    asked: dict[str, Any] = dict(request.query_params)
    raw = await request.body()
    if not raw:
        return asked
    media = request.headers.get("content-type", "")
    if media.startswith("application/x-www-form-urlencoded"):
        return {**asked, **dict(parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True))}
    if media.startswith("multipart/form-data"):
        return {**asked, **_parts(raw, media)}
    try:
        return {**asked, **msgspec.json.decode(raw, type=dict[str, Any])}
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Declined(400, "Bad Request: can't parse JSON object") from None


def _parts(raw: bytes, media: str) -> dict[str, str | bytes]:
    boundary = _BOUNDARY.search(media)
    if boundary is None or not raw.rstrip().endswith(f"--{boundary[1]}--".encode()):
        raise Declined(400, "Bad Request: can't parse multipart form data")
    found: dict[str, str | bytes] = {}
    for part in raw.split(f"--{boundary[1]}".encode())[1:-1]:
        head, blank, body = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name = _NAME.search(head)
        if not blank or name is None:
            raise Declined(400, "Bad Request: can't parse multipart form data")
        content = body.removesuffix(b"\r\n")
        found[name[1].decode()] = content if _FILE.search(head) else content.decode("utf-8", "replace")
    return found
