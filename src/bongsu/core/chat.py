"""What somebody said to the bot, and what it may say."""

from collections.abc import Sequence
from dataclasses import dataclass

Buttons = Sequence[Sequence[tuple[str, str]]]  # rows of (what is read, what a tap says)


@dataclass(frozen=True, slots=True)
class Said:
    """`at` is in seconds since 1970, None for a tap: it has no time of its own. `message` is what was tapped below.

    `name` is how its sender calls themselves: anybody may call themselves anything.
    """

    update: int
    user: int
    is_bot: bool
    chat: int
    private: bool
    text: str
    at: int | None
    query: str | None
    message: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A chat. A private one has the number of its person."""

    number: int
    private: bool
    name: str


@dataclass(frozen=True, slots=True)
class AllowList:
    """Nobody, unless both the person and the chat are on it, the chat is theirs alone, and they are no program."""

    users: frozenset[int]
    chats: frozenset[int]

    def admits(self, said: Said) -> bool:
        return said.private and not said.is_bot and said.user in self.users and said.chat in self.chats
