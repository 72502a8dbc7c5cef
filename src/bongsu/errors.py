"""Every error the program raises on purpose, named by what its caller must do next.

BongsuError
├── SettingsInvalid          tell the owner all faults at once, exit 78, start nothing
├── LiveRefused              tell the owner all refusals at once, exit 78 where one needs a repair, else 69
├── CannotStart              tell the owner what to do, exit 69
│   ├── PortTaken
│   ├── WorldMismatch        another world's ledger or directory
│   ├── CandleFileInvalid    names file, line and reason
│   └── ScenarioInvalid      names file, line and key
├── ExchangeError
│   ├── ExchangeUnavailable  a read got no answer: try later, assume nothing
│   ├── ExchangeRefused      a read was refused by name: do not repeat it as it is
│   │   └── NotAuthorized    key, permission or IP: stop trading, tell the owner
│   ├── RateLimited          wait, then go on
│   ├── Banned               total silence until `until`
│   ├── OrderRejected        the exchange said no, by a name we know: final
│   ├── IdentifierTaken      this identifier was used before: look the order up
│   └── OrderOutcomeUnknown  maybe placed, maybe not: settle it, never repeat it blindly
├── AdvisorFailed            skip this cycle; it is not a "hold"
│   └── BudgetSpent          fall back to the rules, exits only
├── ModelFailed              ask the next model, or say that the advisor failed
├── LedgerError
│   ├── LedgerUnavailable    nothing was written: no database, no order
│   └── LeaseLost            another process leads: write nothing more
├── NotDelivered             `permanent` means do not try again as it is
│   └── ChatTaken            another program reads this bot's chat: tell the owner, ask later
└── NotSetUp                 tell the owner what to do and try again: nothing was changed
"""

from datetime import datetime


class BongsuError(Exception):
    """Root of the tree drawn above."""


class SettingsInvalid(BongsuError):
    """`faults` holds one line per bad setting, each with its repair."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class LiveRefused(BongsuError):
    """`refusals` holds one line for each reason, with its repair. `passing`: each may be over by itself."""

    def __init__(self, refusals: list[str], *, passing: bool) -> None:
        super().__init__("\n".join(refusals))
        self.refusals = refusals
        self.passing = passing


class CannotStart(BongsuError):
    """The message says what to do about it."""


class PortTaken(CannotStart):
    pass


class WorldMismatch(CannotStart):
    pass


class CandleFileInvalid(CannotStart):
    pass


class ScenarioInvalid(CannotStart):
    pass


class ExchangeError(BongsuError):
    pass


class ExchangeUnavailable(ExchangeError):
    pass


class ExchangeRefused(ExchangeError):
    """`name` is the exchange's own error name."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name
        self.message = message


class NotAuthorized(ExchangeRefused):
    pass


class RateLimited(ExchangeError):
    pass


class Banned(ExchangeError):
    def __init__(self, message: str, until: datetime) -> None:
        super().__init__(message)
        self.until = until


class OrderRejected(ExchangeError):
    """`name` is the exchange's own error name."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name


class IdentifierTaken(ExchangeError):
    pass


class OrderOutcomeUnknown(ExchangeError):
    """`answered`: the exchange refused it, by a name that we do not know."""

    def __init__(self, message: str, *, answered: bool = False) -> None:
        super().__init__(message)
        self.answered = answered


class ModelFailed(BongsuError):
    """`outcome` is one of core.llm.CallOutcome; `unbilled`: it is known that nothing was charged."""

    def __init__(self, outcome: str, message: str, *, unbilled: bool = False) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.unbilled = unbilled


class AdvisorFailed(BongsuError):
    pass


class BudgetSpent(AdvisorFailed):
    pass


class LedgerError(BongsuError):
    pass


class LedgerUnavailable(LedgerError):
    pass


class LeaseLost(LedgerError):
    pass


class NotDelivered(BongsuError):
    """`retry_after` is in seconds, where the channel named a time.

    `content`: the channel refuses this one message for what it says; others may pass.
    `unsent`: nobody was reached. `begun`: a part of the message has arrived.
    """

    def __init__(
        self,
        message: str,
        *,
        permanent: bool,
        retry_after: float | None = None,
        content: bool = False,
        unsent: bool = False,
    ) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.retry_after = retry_after
        self.content = content
        self.unsent = unsent
        self.begun = False

    @property
    def refused(self) -> bool:
        """Nothing of it has arrived, for sure."""
        surely_not = self.permanent or self.retry_after is not None or self.unsent
        return surely_not and not self.begun


class ChatTaken(NotDelivered):
    pass


class NotSetUp(BongsuError):
    """The message says what to do about it."""
