"""Pictures of every kind of message as a phone shows it: composed by the bot, cut and marked up as they are sent.

    scripts/render_chat.py --out build/chat --form png
    scripts/render_chat.py --guide

Not Telegram's own drawing, but its width: what wraps here wraps there.
"""

import argparse
import base64
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from pictures.letters import NOW, letters, together
from playwright.sync_api import sync_playwright

from bongsu.adapters.telegram.text import render_parts
from bongsu.core.figures import kst_text
from bongsu.ledger.messages import messages
from bongsu.ledger.voice import Voice

CSS = (Path(__file__).parent / "pictures" / "chat.css").read_text(encoding="utf-8")
COLUMNS = {"trades": 3, "alarms": 3, "bot": 4, "reports": 2, "together": 3}
PHONE = 390  # pixels
QUALITY = 75
IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
IN_THE_GUIDE = ("trades", "alarms", "reports")

Lang = Literal["ko", "en"]


def pages(lang: Lang) -> Iterator[tuple[str, str]]:
    voice = Voice(lang, "sandbox")
    for name, facts in letters(voice.korean).items():
        told = (message for fact in facts for message in messages(fact, voice, NOW))
        yield name, page(name, [(message.text, message.picture) for message in told])
    yield "together", page("together", [(text, None) for text in together(voice)])


def page(name: str, told: Sequence[tuple[str, bytes | None]]) -> str:
    bubbles = "".join(bubble for text, picture in told for bubble in _bubbles(text, picture))
    return (
        f'<meta charset="utf-8"><style>{CSS}</style><main style="--columns:{COLUMNS[name]}">{bubbles}</main>'
    )


def _bubbles(text: str, picture: bytes | None) -> Iterator[str]:
    for part in render_parts(text):
        drawn = picture and base64.b64encode(picture).decode()
        image = f'<img src="data:image/png;base64,{drawn}">' if drawn else ""
        at = f'<span class="at">{kst_text(NOW)[11:16]}</span>'
        yield f'<div class="letter"><div class="bubble">{image}{part.html}{at}</div></div>'


def photograph(drawn: dict[str, str], folder: Path, form: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, html in drawn.items():
            width = PHONE * COLUMNS[name.split("-")[1]]
            tab = browser.new_page(viewport={"width": width, "height": 400})
            tab.set_content(html, wait_until="load")
            height = tab.evaluate("document.querySelector('main').offsetHeight") + 8
            tab.set_viewport_size({"width": width, "height": height})
            asked = {"format": form} | ({"quality": QUALITY} if form == "webp" else {})
            shot = tab.context.new_cdp_session(tab).send("Page.captureScreenshot", asked)
            file = folder / f"{name}.{form}"
            file.write_bytes(base64.b64decode(shot["data"]))
            print(file)
        browser.close()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("build/chat"))
    parser.add_argument("--form", choices=("webp", "png"), default="webp")
    parser.add_argument("--guide", action="store_true", help=f"those of the guide only, into {IMAGES}")
    arguments = parser.parse_args()
    if shutil.which("chromium") is None:
        print(
            "chromium is needed: apt-get install chromium fonts-nanum fonts-noto-color-emoji", file=sys.stderr
        )
        return 69
    languages: tuple[Lang, ...] = ("ko", "en")
    drawn = {f"chat-{name}-{lang}": html for lang in languages for name, html in pages(lang)}
    if arguments.guide:
        drawn = {name: html for name, html in drawn.items() if name.split("-")[1] in IN_THE_GUIDE}
    folder = IMAGES if arguments.guide else arguments.out
    folder.mkdir(parents=True, exist_ok=True)
    photograph(drawn, folder, arguments.form)
    return 0


if __name__ == "__main__":
    sys.exit(main())
