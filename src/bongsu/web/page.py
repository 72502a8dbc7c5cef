"""The status page at `/`: what the bot does now, or why it does nothing. Needs no script; one refreshes it in place."""

from dataclasses import dataclass
from typing import Literal

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from bongsu.errors import LedgerUnavailable
from bongsu.ledger.reading import NOTIFICATIONS, TRADES, Reading, View
from bongsu.settings import Settings, Wiring
from bongsu.web import overview, schemas, sections
from bongsu.web.markup import Html, fill, join
from bongsu.web.words import Words

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Shown:
    """All that stands on the page, of one moment."""

    status: schemas.Status
    trades: list[schemas.Trade]
    messages: list[schemas.Notification]


def status_page(source: Reading, settings: Settings, wiring: Wiring) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def page(lang: Literal["ko", "en"] | None = None) -> HTMLResponse:
        words = Words(lang or settings.bongsu_lang)
        try:
            async with source.look() as view:
                main, state = _main(await _read(view, settings, words), words), 200
        except LedgerUnavailable:
            main, state = sections.ledger_away(words), 503
        text = render(join((main, sections.links(wiring, words))), settings.bongsu_mode, words)
        return HTMLResponse(text, state, headers={"Cache-Control": "no-store"})

    return router


async def _read(view: View, settings: Settings, words: Words) -> Shown:
    trades = await view.page(TRADES, limit=_SHOWN, market=None, side=None, since=None, until=None)
    messages = await view.page(NOTIFICATIONS, limit=_SHOWN, kind=None, state=None, since=None, until=None)
    return Shown(
        status=await overview.read_status(view, settings, words),
        trades=[schemas.Trade.model_validate(row) for row in trades.rows],
        messages=[schemas.Notification.model_validate(row) for row in messages.rows],
    )


def _main(shown: Shown, words: Words) -> Html:
    status = shown.status
    return join(
        (
            sections.state(status, words),
            sections.alarms(status.firing, words),
            sections.portfolio(status.portfolio, words),
            sections.positions(status.portfolio.positions, words),
            sections.decisions(status.last_decisions, words),
            sections.trades(shown.trades, words),
            sections.messages(shown.messages, words),
            sections.machinery(status, words),
        )
    )


def render(main: Html, mode: str, words: Words) -> str:
    other = "en" if words.lang == "ko" else "ko"
    return fill(
        _PAGE,
        lang=words.lang,
        title=words.say("봉수 상태", "Bongsu status"),
        name=words.say("봉수", "Bongsu"),
        mode=words.say("모의거래", "simulated") if mode != "live" else words.say("실거래", "live"),
        mode_class=mode,
        other=other,
        other_name={"ko": "한국어", "en": "English"}[other],
        main=main,
    )


_PAGE = """\
<!doctype html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="/static/beacon.svg">
<link rel="stylesheet" href="/static/status.css">
<noscript><meta http-equiv="refresh" content="10"></noscript>
<script src="/static/status.js" defer></script>
</head>
<body>
<header>
<img src="/static/beacon.svg" alt="" width="28" height="28"><h1>{name}</h1>
<span class="badge mode-{mode_class}">{mode}</span>
<a class="lang" href="?lang={other}" lang="{other}">{other_name}</a>
</header>
<main id="main" aria-live="polite">
{main}
</main>
</body>
</html>
"""
