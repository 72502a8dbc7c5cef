"""What is served is what the list says, and no more."""

from pathlib import Path

from bongsu.sandbox.auth import Gate
from bongsu.sandbox.endpoints import ENDPOINTS
from bongsu.sandbox.key import ApiKey
from bongsu.sandbox.serve import upbit_routes
from bongsu.sandbox.world import World
from sandbox.worlds import options


def test_each_listed_endpoint_has_one_route_and_there_is_no_other(tmp_path: Path) -> None:
    world = World(options(tmp_path))
    key = ApiKey("access", "secret")
    served = [
        f"{method} {route.path.replace(':int', '')}"
        for route in upbit_routes(world.exchange, key, Gate(key, lambda: world.exchange.now))
        for method in (route.methods or set()) - {"HEAD"}
    ]
    world.close()
    assert sorted(served) == sorted(endpoint.name for endpoint in ENDPOINTS)
