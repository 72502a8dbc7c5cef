"""Makes promtool, Prometheus and their kin available to the tests, the way `bongsu up` does."""

import asyncio
import sys

from bongsu.errors import CannotStart
from bongsu.ops.stack.alarm_tools import ALARM_SERVERS, EXPORTER, ensure
from bongsu.ops.stack.places import Places


def main() -> int:
    for wanted in (ALARM_SERVERS, (EXPORTER,)):
        try:
            asyncio.run(ensure(wanted, Places.from_environment().tools, print))
        except CannotStart as missing:
            print(missing, file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
