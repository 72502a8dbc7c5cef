"""Mail as a real server receives it, and what each of its refusals means."""

import logging
import shutil
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bongsu.adapters.second.mail import MailMessenger
from bongsu.core.channels import MailAccount, Security
from bongsu.core.outgoing import Urgency
from bongsu.errors import NotDelivered
from ports import free_port
from second_channel import PASSWORD, USER, Certificate, Mailbox, mail_server, make_certificate

TEXT = "🔴 경보 발생\n━━━━━━━━━━━━━━━━━━━━\n**경보**: 스케줄러 중단\n" + "가" * 2000
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH")  # the server's, about itself
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as mailbox:
        yield mailbox


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


def messenger(
    port: int, security: Security = "none", *, password: str | None = None, **options: Any
) -> MailMessenger:
    account = MailAccount(
        "127.0.0.1",
        port,
        security,
        "bongsu@example.com",
        ("owner@example.com", "partner@example.com"),
        USER if password else None,
        password,
    )
    return MailMessenger(account, **options)


async def refused(sender: MailMessenger) -> NotDelivered:
    with pytest.raises(NotDelivered) as caught:
        await sender.send(TEXT, "notification-1")
    return caught.value


async def test_a_message_arrives_whole(mailbox: Mailbox) -> None:
    number = await messenger(mailbox.port).send(TEXT, "notification-7", urgency=Urgency.CRITICAL)
    (mail,) = mailbox.mails
    assert mail["Subject"] == "🔴 경보 발생"
    assert mail.get_content().replace("\r\n", "\n").rstrip("\n") == TEXT.replace("**", "")
    assert (mail["From"], mail["Importance"]) == ("bongsu@example.com", "high")
    assert mail["Message-ID"].strip() == number
    assert mailbox.recipients == [["owner@example.com", "partner@example.com"]]


async def test_the_same_message_is_another_mail(mailbox: Mailbox) -> None:
    """A mailbox would throw a second one of the same id away, be it of another ledger."""
    sender = messenger(mailbox.port)
    assert await sender.send("A", "notification-1") != await sender.send("A", "notification-1")
    assert mailbox.mails[0]["Importance"] is None


async def test_no_secret_leaves_with_a_text(mailbox: Mailbox) -> None:
    token = "123456789:" + "A" * 35
    await messenger(mailbox.port).send(f"제목 {token}\n{token} \ud800", "notification-1")
    (mail,) = mailbox.mails
    assert "A" * 35 not in mail["Subject"] + mail.get_content()


async def test_a_picture_is_attached(mailbox: Mailbox) -> None:
    await messenger(mailbox.port).send("📈\n그림", "notification-1", picture=b"\x89PNG")
    (attached,) = mailbox.mails[0].iter_attachments()
    assert (attached.get_content_type(), attached.get_content()) == ("image/png", b"\x89PNG")


@needs_openssl
@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_it_logs_in_behind_tls_and_tells_nobody(
    certificate: Certificate, security: Security, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with mail_server(**{security: certificate.of_the_server()}, login=True) as mailbox:
        sender = messenger(mailbox.port, security, password=PASSWORD, context=certificate.trusted())
        await sender.send(TEXT, "notification-1")
        assert mailbox.logins == [(USER, PASSWORD)]
        assert len(mailbox.mails) == 1
        wrong = messenger(mailbox.port, security, password="wrong-password", context=certificate.trusted())
        failure = await refused(wrong)
    assert (failure.permanent, failure.refused) == (True, True)
    assert "wrong-password" not in str(failure)
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("bongsu")]
    assert not any(secret in line for line in ours for secret in (PASSWORD, "wrong-password"))


@needs_openssl
@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_server_that_nobody_vouches_for_learns_nothing(
    certificate: Certificate, security: Security
) -> None:
    with mail_server(**{security: certificate.of_the_server()}, login=True) as mailbox:
        failure = await refused(messenger(mailbox.port, security, password=PASSWORD))
    assert (failure.permanent, failure.refused) == (True, True)
    assert (mailbox.logins, mailbox.mails) == ([], [])


async def test_a_server_without_tls_learns_nothing() -> None:
    with mail_server(login=True) as mailbox:
        failure = await refused(messenger(mailbox.port, "starttls", password=PASSWORD))
    assert failure.permanent
    assert (mailbox.logins, mailbox.mails) == ([], [])


@pytest.mark.parametrize(
    ("step", "said", "permanent", "content"),
    [
        ("rcpt", "451 try later", False, False),
        ("rcpt", "550 no such user", True, False),
        ("data", "421 busy", False, False),
        ("data", "554 not from you", True, False),
        ("data", "552 too big", True, True),
    ],
)
async def test_a_refusal_means_what_it_says(
    mailbox: Mailbox, step: str, said: str, permanent: bool, content: bool
) -> None:
    setattr(mailbox, step, [said, said])
    failure = await refused(messenger(mailbox.port))
    assert (failure.permanent, failure.content, failure.refused) == (permanent, content, True)
    assert said[:3] in str(failure)
    assert "owner@example.com" not in str(failure)


async def test_one_refused_recipient_does_not_keep_it_from_the_others(
    mailbox: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    mailbox.rcpt = ["550 no such user"]
    await messenger(mailbox.port).send("A", "notification-1")
    assert mailbox.recipients == [["partner@example.com"]]
    assert "the mail server refused some recipients" in caplog.messages


async def test_a_lost_answer_leaves_it_open_whether_it_arrived(mailbox: Mailbox) -> None:
    mailbox.data = ["hang up"]
    failure = await refused(messenger(mailbox.port))
    assert (failure.permanent, failure.refused) == (False, False)
    assert len(mailbox.mails) == 1


async def test_where_nobody_is_nothing_arrived() -> None:
    failure = await refused(messenger(free_port()))
    assert (failure.permanent, failure.refused) == (False, True)


async def test_a_silent_server_is_not_waited_for_longer_than_the_whole_may_take() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        failure = await refused(messenger(port, step_timeout=30, total_timeout=0.2))
    assert (failure.permanent, failure.refused) == (False, True)


def test_the_password_is_in_no_repr(tmp_path: Path) -> None:
    account = MailAccount("h", 1, "tls", "a@b", ("c@d",), USER, PASSWORD)
    assert PASSWORD not in repr(account)


def test_certificates_are_looked_at_by_default() -> None:
    context = messenger(1)._context
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
