"""For what a test must do before something else happens by itself.

A loaded machine may be too late for it, and has proved nothing then: the test is played again with more time.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Race:
    """Runs from the moment it is handed out."""

    seconds: float
    began: float = field(default_factory=time.monotonic)
    won: bool = False

    def in_time(self) -> bool:
        """To be asked when all is done that had to be done in time; the test then looks at what it found."""
        self.won = time.monotonic() - self.began < self.seconds
        return self.won


def races(*lengths: float) -> Iterator[Race]:
    """Each longer than the one before, until one is won."""
    for seconds in lengths or (0.3, 2.0, 15.0):
        race = Race(seconds)
        yield race
        if race.won:
            return
    raise AssertionError("this machine is too slow to show anything")
