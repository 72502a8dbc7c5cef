"""Whether Telegram would take a picture."""

import struct

from bongsu.sandbox.telegram_text import Declined, bad_request

MAX_BYTES = 10_000_000
_MAX_SIDES = 10_000  # width and height together
_MAX_RATIO = 20
_PNG = b"\x89PNG\r\n\x1a\n"


def require_picture(photo: object) -> bytes:
    """PNG is what we send. Raises Declined."""
    if isinstance(photo, str) and photo:
        raise bad_request("wrong file identifier/HTTP URL specified")
    if not isinstance(photo, bytes):
        raise bad_request("there is no photo in the request")
    if len(photo) > MAX_BYTES:
        raise Declined(413, "Request Entity Too Large")
    width, height = _sides(photo)
    if width + height > _MAX_SIDES or max(width, height) > _MAX_RATIO * min(width, height):
        raise bad_request("PHOTO_INVALID_DIMENSIONS")
    return photo


def _sides(photo: bytes) -> tuple[int, int]:
    whole = photo.startswith(_PNG) and photo[12:16] == b"IHDR" and photo[-8:-4] == b"IEND"
    width, height = struct.unpack(">II", photo[16:24]) if whole else (0, 0)
    if not (width and height):
        raise bad_request("IMAGE_PROCESS_FAILED")
    return width, height
