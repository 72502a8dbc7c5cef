"""Mail through the owner's SMTP server.

The standard library's client, in a thread: every step of it is bounded, and so is the whole.
"""

import asyncio
import logging
import smtplib
import socket
import ssl
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid

from bongsu.adapters.second.pieces import fit_to_leave
from bongsu.core.channels import MailAccount
from bongsu.core.outgoing import Urgency
from bongsu.core.redaction import HIDDEN, redact
from bongsu.errors import NotDelivered

STEP_TIMEOUT = 10.0  # seconds
TOTAL_TIMEOUT = 30.0
_TOO_BIG = 552

_log = logging.getLogger(__name__)


class MailMessenger:
    """The `Messenger` port. `context` is for a server whose certificate another authority signed."""

    def __init__(
        self,
        account: MailAccount,
        *,
        context: ssl.SSLContext | None = None,
        step_timeout: float = STEP_TIMEOUT,
        total_timeout: float = TOTAL_TIMEOUT,
    ) -> None:
        self._account = account
        self._context = context or ssl.create_default_context()
        self._step_timeout = step_timeout
        self._total_timeout = total_timeout

    async def close(self) -> None:
        """Each mail has a connection of its own."""

    async def send(
        self, text: str, dedupe: str, *, picture: bytes | None = None, urgency: Urgency = Urgency.INFO
    ) -> str:
        """Raises NotDelivered. The id is that of the mail, a new one each time:

        a mailbox throws away a second mail of the same id, and another ledger begins to number anew.
        """
        mail = self._compose(text, dedupe, picture, urgency)
        await self._attempt(mail)
        return str(mail["Message-ID"])

    async def probe(self) -> None:
        """Whether the server would take a mail of ours: connects, logs in, sends nothing. Raises NotDelivered."""
        await self._attempt(None)

    async def _attempt(self, mail: EmailMessage | None) -> None:
        attempt = _Attempt(self._account, self._context, self._step_timeout)
        try:
            async with asyncio.timeout(self._total_timeout):
                await asyncio.to_thread(attempt.deliver, mail)
        except (smtplib.SMTPException, OSError) as error:
            raise self._failure(error, unsent=not attempt.sending) from None
        finally:
            attempt.end()

    def _compose(self, text: str, dedupe: str, picture: bytes | None, urgency: Urgency) -> EmailMessage:
        plain = fit_to_leave(text).replace("**", "")
        mail = EmailMessage(policy=SMTP)
        mail["Subject"] = plain.partition("\n")[0]
        mail["From"] = self._account.sender
        mail["To"] = ", ".join(self._account.recipients)
        mail["Date"] = formatdate(localtime=False)
        mail["Message-ID"] = make_msgid(dedupe, self._account.sender.rpartition("@")[2].rstrip(">"))
        mail["Auto-Submitted"] = "auto-generated"
        if urgency is Urgency.CRITICAL:
            mail["Importance"] = "high"
        mail.set_content(plain + "\n", cte="base64")
        if picture is not None:
            mail.add_attachment(picture, maintype="image", subtype="png", filename="equity.png")
        return mail

    def _failure(self, error: Exception, *, unsent: bool) -> NotDelivered:
        said = f"mail: {type(error).__name__}"
        code = _code_of(error)
        if code is not None:
            said += f": {code} {_words_of(error)}"
        if self._account.password:
            said = said.replace(self._account.password, HIDDEN)
        return NotDelivered(
            redact(said),
            permanent=_is_permanent(error, code),
            content=isinstance(error, smtplib.SMTPDataError) and code == _TOO_BIG,
            unsent=unsent or code is not None,  # a server that answers with a refusal has not taken it
        )


class _Attempt:
    """One connection, in a thread; whoever waits for it may end it."""

    def __init__(self, account: MailAccount, context: ssl.SSLContext, timeout: float) -> None:
        self._account = account
        self._context = context
        self._timeout = timeout
        self._connection: smtplib.SMTP | None = None
        self._over = False
        self.sending = False  # from here on nobody knows, unless the server says so

    def deliver(self, mail: EmailMessage | None) -> None:
        """None: as far as the login."""
        account = self._account
        self._connection = connection = self._connect()
        if self._over:
            connection.close()
            raise smtplib.SMTPServerDisconnected("given up")
        if account.security == "starttls":
            connection.starttls(context=self._context)
        if account.user and account.password:
            connection.login(account.user, account.password)
        if mail is not None:
            self._send(connection, mail)
        with suppress(smtplib.SMTPException, OSError):
            connection.quit()

    def _send(self, connection: smtplib.SMTP, mail: EmailMessage) -> None:
        self.sending = True
        left_out = connection.send_message(mail, self._account.sender, self._account.recipients)
        if left_out:  # the others have it: sent again, they would have it twice
            _log.warning("the mail server refused some recipients", extra={"recipients": len(left_out)})

    def _connect(self) -> smtplib.SMTP:
        where = (self._account.host, self._account.port)
        if self._account.security == "tls":
            return smtplib.SMTP_SSL(*where, timeout=self._timeout, context=self._context)
        return smtplib.SMTP(*where, timeout=self._timeout)

    def end(self) -> None:
        """What the thread still waits for on this connection fails at once."""
        self._over = True
        open_socket = self._connection.sock if self._connection else None
        if open_socket is not None:
            with suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)  # closing alone would not wake the thread
            open_socket.close()


def _code_of(error: Exception) -> int | None:
    if isinstance(error, smtplib.SMTPResponseException):
        return int(error.smtp_code)
    if isinstance(error, smtplib.SMTPRecipientsRefused) and error.recipients:
        return max(int(code) for code, _ in error.recipients.values())
    return None


def _words_of(error: Exception) -> str:
    """Not whom it refused: an address is nobody's business in a log."""
    said = getattr(error, "smtp_error", b"recipients refused")
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)


def _is_permanent(error: Exception, code: int | None) -> bool:
    if isinstance(error, smtplib.SMTPNotSupportedError | ssl.SSLCertVerificationError):
        return True
    return code is not None and 500 <= code < 600
