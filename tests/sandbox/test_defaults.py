"""The sandbox spells its keys itself, so as not to load the settings; here both spellings are held together."""

from pathlib import Path

from bongsu import settings
from bongsu.sandbox.world import ExchangeOptions


def test_the_bot_knocks_with_the_keys_that_the_sandbox_knows() -> None:
    options = ExchangeOptions(world_dir=Path("unused"))
    assert (options.access_key, options.secret_key) == (
        settings.SANDBOX_ACCESS_KEY,
        settings.SANDBOX_SECRET_KEY,
    )
    assert (options.telegram_token, options.telegram_chat_id) == (
        settings.SANDBOX_TOKEN,
        settings.SANDBOX_CHAT,
    )
