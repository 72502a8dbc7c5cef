"""What goes wrong on a WebSocket, on purpose."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

import msgspec

Kind = Literal[
    "refuse",  # the handshake is answered with `status`
    "drop",  # the connection is cut in place of the message
    "stall",  # nothing more is said for `seconds`, though the connection stands
    "duplicate",  # the message comes twice
    "malformed",  # half of the message comes
]


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Applies to messages of a `type` on a `path` (`*` and `?` as in a shell), from the `skip`-th match on."""

    kind: Kind
    path: str = "*"
    type: str = "*"
    probability: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    skip: Annotated[int, msgspec.Meta(ge=0)] = 0
    count: Annotated[int, msgspec.Meta(ge=1)] | None = None
    seconds: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 1.0
    status: Annotated[int, msgspec.Meta(ge=400, le=599)] = 503
    seed: int = 0


@dataclass(slots=True)
class _Armed:
    rule: Rule
    dice: random.Random
    seen: int = 0
    hits: int = 0

    def strikes(self) -> bool:
        self.seen += 1
        over = self.rule.count is not None and self.hits >= self.rule.count
        if self.seen <= self.rule.skip or over or self.dice.random() >= self.rule.probability:
            return False
        self.hits += 1
        return True


class StreamSwitches:
    """Equal rules strike equal sequences of messages; they end with the process."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []

    def arm(self, rules: Sequence[Rule]) -> None:
        """In place of the rules before."""
        self._armed = [_Armed(rule, random.Random(f"{n}-{rule.seed}")) for n, rule in enumerate(rules)]

    def report(self) -> list[dict[str, Any]]:
        return [{**msgspec.to_builtins(a.rule), "seen": a.seen, "hits": a.hits} for a in self._armed]

    def refusal(self, path: str) -> int | None:
        """The status that a handshake is answered with."""
        struck = self._struck(lambda rule: rule.kind == "refuse" and fnmatchcase(path, rule.path))
        return None if struck is None else struck.status

    def striking(self, path: str, kind: str) -> Rule | None:
        return self._struck(
            lambda rule: (
                rule.kind != "refuse" and fnmatchcase(path, rule.path) and fnmatchcase(kind, rule.type)
            )
        )

    def _struck(self, concerns: Any) -> Rule | None:
        return next((a.rule for a in self._armed if concerns(a.rule) and a.strikes()), None)
