"""The account's key as its owner made it: what it may do, until when, and whether from this address."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final


class Right(StrEnum):
    VIEW_ACCOUNT = "view_account"
    VIEW_ORDERS = "view_orders"
    MAKE_ORDERS = "make_orders"
    VIEW_WITHDRAWALS = "view_withdrawals"
    WITHDRAW = "withdraw"
    VIEW_DEPOSITS = "view_deposits"
    DEPOSIT = "deposit"
    TRANSFER = "transfer"
    MANAGE_POCKETS = "manage_pockets"


TRADING: Final = frozenset({Right.VIEW_ACCOUNT, Right.VIEW_ORDERS, Right.MAKE_ORDERS})
_LIFE = timedelta(days=365)


@dataclass(slots=True)
class ApiKey:
    access_key: str
    secret_key: str
    rights: frozenset[Right] = TRADING
    expires_at: datetime | None = None  # None: it never does, and is always said to last another year
    address_allowed: bool = True

    def lasts_until(self, now: datetime) -> datetime:
        return self.expires_at or now + _LIFE

    def expired(self, now: datetime) -> bool:
        return self.expires_at is not None and now >= self.expires_at
