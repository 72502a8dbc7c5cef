"""What happens to the account, told to whoever listens once it is on disk."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bongsu.sandbox.account import Holding
from bongsu.sandbox.orders import Order, Trade

Happened = Literal["wait", "trade", "done", "cancel", "prevented"]


@dataclass(frozen=True, slots=True)
class OrderNews:
    """`order` as it stood then; `trade` and `maker` where one was made."""

    order: Order
    happened: Happened
    at: datetime
    trade: Trade | None = None
    maker: bool | None = None


@dataclass(frozen=True, slots=True)
class AssetNews:
    """The currencies that changed, as they stood then."""

    holdings: tuple[Holding, ...]
    at: datetime


News = OrderNews | AssetNews
Listener = Callable[[News], None]


class Bulletin:
    """Kept back until the transaction that it is about has ended; of one that failed nobody hears."""

    def __init__(self) -> None:
        self._kept: list[News] = []
        self._listeners: list[Listener] = []

    def note(self, news: News) -> None:
        if self._listeners:
            self._kept.append(news)

    def tell(self) -> None:
        kept, self._kept = self._kept, []
        for news in kept:
            for listener in tuple(self._listeners):
                listener(news)

    def forget(self) -> None:
        self._kept.clear()

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def leave(self, listener: Listener) -> None:
        self._listeners.remove(listener)
