"""Which world the local exchange plays."""

import httpx2
import msgspec

from bongsu.adapters.http import open_client
from bongsu.core.market import Market
from bongsu.errors import ExchangeUnavailable


class SandboxWorld(msgspec.Struct, frozen=True):
    id: str
    markets: list[Market]
    source: str | list[str]

    @property
    def recorded(self) -> bool:
        return self.source != "generated"


async def read_world(base_url: str, timeout: float = 5.0) -> SandboxWorld:
    """Raises ExchangeUnavailable."""
    async with open_client(base_url, timeout) as http:
        try:
            response = (await http.get("/sandbox/world")).raise_for_status()
            return msgspec.json.decode(response.content, type=SandboxWorld)
        except (httpx2.HTTPError, msgspec.DecodeError) as error:
            raise ExchangeUnavailable(f"/sandbox/world: {type(error).__name__}") from error
