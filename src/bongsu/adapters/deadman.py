"""The owner's dead-man's switch (healthchecks.io and the like): a GET that says we live."""

import asyncio

import httpx2

from bongsu.adapters.http import open_client
from bongsu.errors import NotDelivered

TIMEOUT = 10.0  # seconds, for the whole call


class DeadmanSwitch:
    """The address is a secret: whoever knows it can keep the switch quiet. It stands in no error that leaves here."""

    def __init__(self, url: str, *, timeout: float = TIMEOUT) -> None:
        self._http = open_client("", timeout)
        self._url = url
        self._timeout = timeout

    async def call(self) -> None:
        """A redirect is not followed: only the address that the owner wrote is called. Raises NotDelivered."""
        try:
            async with asyncio.timeout(self._timeout):
                reply = await self._http.get(self._url)
        except (httpx2.HTTPError, TimeoutError) as error:
            raise NotDelivered(type(error).__name__, permanent=False) from None
        if not reply.is_success:
            raise NotDelivered(f"HTTP {reply.status_code}", permanent=False)

    async def close(self) -> None:
        await self._http.aclose()
