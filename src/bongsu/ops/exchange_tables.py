"""The tables of what the sandbox exchange has of Upbit's wire, written from what it serves and keeps."""

from collections.abc import Iterator
from typing import Literal

from bongsu.sandbox.endpoints import ENDPOINTS, Endpoint, Words
from bongsu.sandbox.quotas import LIMITS
from bongsu.sandbox.streams.asking import NOT_PLAYED, PRIVATE, PUBLIC

Lang = Literal["ko", "en"]
Row = tuple[str, ...]

ENDPOINT_HEADS = Words(
    "요청,있음,한도,필요한 권한,다른 점이나 없는 까닭", "request,there,limit,right,what differs or why not"
)
STREAM_HEADS = Words("데이터,연결,있음,없는 까닭", "data,connection,there,why not")
_NOT_TOLD = "—"


def endpoint_rows(lang: Lang) -> Iterator[Row]:
    for known in ENDPOINTS:
        note = _said(known.note, lang)
        right = f"`{known.right}`" if known.right else _NOT_TOLD
        yield f"`{known.name}`", _yes(known.served), _limit(known, lang), right, note


def stream_rows(lang: Lang) -> Iterator[Row]:
    for kinds, path in ((PUBLIC, "/websocket/v1"), (PRIVATE, "/websocket/v1/private")):
        for kind in sorted(kinds):
            yield f"`{kind}`", f"`{path}`", _yes(True), ""
    for kind, why in NOT_PLAYED.items():
        yield f"`{kind}`", _NOT_TOLD, _yes(False), _said(why, lang)


def heads(words: Words, lang: Lang) -> list[str]:
    return _said(words, lang).split(",")


def _limit(known: Endpoint, lang: Lang) -> str:
    most, seconds = LIMITS[known.group]
    span = {"ko": "초" if seconds == 1 else f"{seconds}초", "en": "s" if seconds == 1 else f"{seconds} s"}[
        lang
    ]
    return f"{known.group} {most}/{span}"


def _yes(there: bool) -> str:
    return "✅" if there else "❌"


def _said(words: Words | None, lang: Lang) -> str:
    return "" if words is None else words.ko if lang == "ko" else words.en
