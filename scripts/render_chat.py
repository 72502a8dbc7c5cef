"""Pictures of every kind of message as a phone shows it: composed by the bot, cut and marked up as they are sent.

    scripts/render_chat.py --out docs/images [--lang ko] [--only alarms] [--form png]

Not Telegram's own drawing, but its width: what wraps here wraps there.
"""

import argparse
import base64
import shutil
import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Literal

from pictures.letters import NOW, letters
from playwright.sync_api import sync_playwright

from bongsu.adapters.telegram.text import render_parts
from bongsu.core import facts as f
from bongsu.core.figures import kst_text
from bongsu.ledger.messages import Message, messages
from bongsu.ledger.voice import Voice

CSS = (Path(__file__).parent / "pictures" / "chat.css").read_text(encoding="utf-8")
COLUMNS = {"trades": 3, "alarms": 3, "bot": 4, "reports": 2}
PHONE = 390  # pixels
QUALITY = 75


def page(facts: tuple[f.Fact, ...], voice: Voice, columns: int) -> str:
    told = "".join(bubble for fact in facts for m in messages(fact, voice, NOW) for bubble in _bubbles(m))
    return f'<meta charset="utf-8"><style>{CSS}</style><main style="--columns:{columns}">{told}</main>'


def _bubbles(message: Message) -> Iterator[str]:
    for part in render_parts(message.text):
        picture = message.picture and base64.b64encode(message.picture).decode()
        image = f'<img src="data:image/png;base64,{picture}">' if picture else ""
        at = escape(kst_text(NOW)[11:16])
        yield (
            f'<div class="letter"><div class="bubble">{image}{part.html}<span class="at">{at}</span></div></div>'
        )


def photograph(pages: dict[str, str], folder: Path, form: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, html in pages.items():
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
    parser.add_argument("--lang", choices=("ko", "en"))
    parser.add_argument("--only", default="")
    parser.add_argument("--form", choices=("webp", "png"), default="webp")
    arguments = parser.parse_args()
    if shutil.which("chromium") is None:
        print(
            "chromium is needed: apt-get install chromium fonts-nanum fonts-noto-color-emoji", file=sys.stderr
        )
        return 69
    arguments.out.mkdir(parents=True, exist_ok=True)
    languages: tuple[Literal["ko", "en"], ...] = (arguments.lang,) if arguments.lang else ("ko", "en")
    pages = {
        f"chat-{name}-{lang}": page(facts, Voice(lang, "sandbox"), COLUMNS[name])
        for lang in languages
        for name, facts in letters(lang == "ko").items()
        if arguments.only in name
    }
    photograph(pages, arguments.out, arguments.form)
    return 0


if __name__ == "__main__":
    sys.exit(main())
