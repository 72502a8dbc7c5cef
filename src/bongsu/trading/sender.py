"""Sends what the ledger has to tell: in order, at least once, at most one message a second, by one process at a time."""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from bongsu.core.backoff import doubled
from bongsu.core.outgoing import Outgoing
from bongsu.errors import LeaseLost, LedgerUnavailable, NotDelivered
from bongsu.trading.ports import Lease, Messenger

POLL = 1.0  # seconds, behind NOTIFY
PACE = 1.0  # seconds between two messages to the chat
RENEWAL = 2.0
LONGEST_BACKOFF = 15.0  # so that a channel that is back is noticed soon
PERMANENT_BACKOFF = 300.0  # a wrong token does not heal by hammering
PATIENCE = 15.0  # in which an attempt has an outcome: longer than the channel's own time-out

_log = logging.getLogger(__name__)


class Outbox(Protocol):
    """Everything raises LedgerUnavailable; all but `sent` raise LeaseLost when another process sends."""

    async def listen(self, wake: Callable[[], None]) -> None: ...

    async def next(self, *, pace: float, patience: float) -> Outgoing | None:
        """Puts the attempt on record, unless there is still a time to wait.

        `pace` is the time since the message before, `patience` how long the attempt of another sender is waited for.
        """
        ...

    async def sent(self, message: Outgoing, channel_id: str) -> None: ...

    async def failed(
        self, message: Outgoing, error: str, *, permanent: bool, refused: bool, retry_after: float | None
    ) -> None: ...

    async def dead(self, message: Outgoing, error: str) -> None: ...


class Sender:
    """The scheduler's `preempts`: it takes the lease once at its start, and from then on only when nobody holds it."""

    def __init__(
        self,
        outbox: Outbox,
        messenger: Messenger,
        lease: Lease,
        *,
        name: str = "Telegram",
        preempts: bool,
        pace: float = PACE,
        longest_backoff: float = LONGEST_BACKOFF,
        permanent_backoff: float = PERMANENT_BACKOFF,
        patience: float = PATIENCE,
    ) -> None:
        self._outbox = outbox
        self._messenger = messenger
        self._lease = lease
        self._name = name
        self._preempts = preempts
        self._pace = pace
        self._longest_backoff = longest_backoff
        self._permanent_backoff = permanent_backoff
        self._patience = patience
        self._failures = 0  # in a row
        self._wake = asyncio.Event()
        self._leads = asyncio.Event()
        self._drained: list[asyncio.Future[None]] = []

    async def run(self) -> None:
        """For ever. Cancelled, it gives the lease up, so that the other process need not wait."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._outbox.listen(self._wake.set))
                tasks.create_task(self._keep_lease())
                tasks.create_task(self._send_all())
        finally:
            await self._release()

    async def leads_within(self, patience: float) -> bool:
        """Waits until this process sends; false when it does not after `patience` seconds."""
        try:
            async with asyncio.timeout(patience):
                return await self._leads.wait()
        except TimeoutError:
            return False

    async def drain(self, patience: float) -> bool:
        """Waits until nothing is left to send. For a process about to end.

        False after `patience` seconds, or when another process sends.
        """
        if not self._leads.is_set():
            return False
        empty = asyncio.get_running_loop().create_future()
        self._drained.append(empty)
        self._wake.set()
        done, _ = await asyncio.wait([empty], timeout=patience)
        return bool(done)

    # -- the lease

    async def _keep_lease(self) -> None:
        while True:
            try:
                await self._take_or_renew()
            except LeaseLost:
                self._stand_by()
            except LedgerUnavailable as away:
                _log.debug("the sender's lease cannot be renewed: %s", away)
            await asyncio.sleep(RENEWAL)

    async def _take_or_renew(self) -> None:
        if self._lease.epoch is not None:
            await self._lease.renew()
        elif await self._lease.take(by_force=self._preempts):
            self._preempts = False
            _log.info("this process sends the messages", extra={"epoch": self._lease.epoch})
        if self._lease.epoch is not None:
            self._leads.set()

    def _stand_by(self) -> None:
        self._leads.clear()
        _log.info("another process sends the messages")

    async def _release(self) -> None:
        try:
            await self._lease.release()
        except LedgerUnavailable as away:
            _log.debug("the sender's lease runs out by itself: %s", away)

    # -- sending

    async def _send_all(self) -> None:
        while True:
            await self._leads.wait()
            try:
                await self._send_next()
            except LeaseLost:
                self._stand_by()
            except LedgerUnavailable as away:
                _log.debug("the outbox cannot be read: %s", away)
                await asyncio.sleep(POLL)

    async def _send_next(self) -> None:
        self._wake.clear()
        asked, self._drained = self._drained, []
        try:
            message = await self._outbox.next(pace=self._pace, patience=self._patience)
            if message is None:
                _fulfil(asked)
                asked = []
        finally:
            self._drained += asked
        if message is None:
            await self._until_woken()
        elif message.wait > 0:
            await asyncio.sleep(min(message.wait, POLL))
        else:
            await asyncio.sleep(await self._deliver(message))

    async def _until_woken(self) -> None:
        try:
            async with asyncio.timeout(POLL):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _deliver(self, message: Outgoing) -> float:
        """Answers how long to pause after it, in seconds."""
        try:
            channel_id = await self._messenger.send(
                message.text,
                f"notification-{message.id}",
                picture=message.picture,
                urgency=message.urgency,
            )
        except NotDelivered as failure:
            return await self._not_delivered(message, failure)
        except Exception as defect:  # noqa: BLE001
            # Without this a fault in the channel would end the process that watches the stops.
            _log.exception("the channel broke")
            return await self._not_delivered(message, NotDelivered(repr(defect), permanent=False))
        self._failures = 0
        await self._mark_sent(message, channel_id)
        return self._pace

    async def _mark_sent(self, message: Outgoing, channel_id: str) -> None:
        """Does not give up: what is not marked is sent again."""
        while True:
            try:
                await self._outbox.sent(message, channel_id)
                break
            except LedgerUnavailable as away:
                _log.debug("a sent message cannot be marked yet: %s", away)
                await asyncio.sleep(POLL)
        facts = {"notification": message.id, "kind": message.kind, "repeated": message.repeated}
        _log.info(message.log_line or f"{self._name} 알림 전송 완료", extra=facts)

    async def _not_delivered(self, message: Outgoing, failure: NotDelivered) -> float:
        _log.warning(
            f"{self._name} 알림 전송 실패",
            extra={"notification": message.id, "kind": message.kind, "error": str(failure)},
        )
        if failure.content:
            await self._outbox.dead(message, str(failure))
            return self._pace
        self._failures += 1
        await self._outbox.failed(
            message,
            str(failure),
            permanent=failure.permanent,
            refused=failure.refused,
            retry_after=failure.retry_after,
        )
        return self._backoff(failure)

    def _backoff(self, failure: NotDelivered) -> float:
        """The channel's own time to wait stands in the ledger, where the next sender finds it, too."""
        if failure.permanent:
            return self._permanent_backoff
        if failure.retry_after is not None:
            return self._pace
        return max(self._pace, doubled(self._failures, longest=self._longest_backoff))


def _fulfil(waiting: list[asyncio.Future[None]]) -> None:
    for future in waiting:
        if not future.done():
            future.set_result(None)
