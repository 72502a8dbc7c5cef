"""What to do about an alarm, as a page: the runbooks that this version ships."""

import re
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from bongsu.settings import Settings
from bongsu.web.markup import Html, fill
from bongsu.web.problems import not_found
from bongsu.web.words import Words

SHIPPED = Path(__file__).resolve().parents[3] / "docs" / "runbooks"

_NAME = re.compile(r"[A-Za-z]{1,60}")
_LINKED = re.compile(r'href="([A-Za-z]+)\.md"')


def runbook_pages(folder: Path, settings: Settings) -> APIRouter:
    router = APIRouter(prefix="/runbooks", include_in_schema=False)
    words = Words(settings.bongsu_lang)

    @router.get("/{name}")
    def runbook(name: str) -> HTMLResponse:
        """`README` is the list of them."""
        page = folder / f"{name}.md"
        if not _NAME.fullmatch(name) or not page.is_file():
            raise not_found(f"runbook {name}")
        text = render(page.read_text(encoding="utf-8"))
        back = words.say("상태", "Status")
        return HTMLResponse(fill(_PAGE, lang=settings.bongsu_lang, title=name, back=back, text=text))

    return router


def render(markdown: str) -> Html:
    """Links between runbooks lead to pages; those to the rest of the repository stay as they are written."""
    from markdown_it import MarkdownIt  # only who opens a page needs it in memory

    plain = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)
    return Html(_LINKED.sub(r'href="/runbooks/\1"', plain))


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
</head>
<body>
<header>
<img src="/static/beacon.svg" alt="" width="28" height="28"><a class="lang" href="/">{back}</a>
<a class="lang" href="/runbooks/README">Runbooks</a>
</header>
<main class="runbook">
{text}
</main>
</body>
</html>
"""
