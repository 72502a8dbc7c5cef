"""The one way to open an HTTP client.

Nothing comes from the environment (a proxy there would see keys, or break the loopback), and the library's
own loggers stay silent: at INFO they print whole addresses, and Telegram's addresses hold the token.
"""

import logging

import httpx2

for _name in ("httpx2", "httpcore2"):
    logging.getLogger(_name).setLevel(logging.WARNING)


def open_client(
    base_url: str, timeout: float, transport: httpx2.AsyncBaseTransport | None = None
) -> httpx2.AsyncClient:
    """`timeout` is in seconds, for each step of a request; a total is the caller's."""
    return httpx2.AsyncClient(
        base_url=base_url,
        timeout=timeout,
        transport=transport,
        trust_env=False,
        headers={"User-Agent": "bongsu"},
    )
