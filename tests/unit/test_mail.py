"""Mail into a folder, for development and tests."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from server import mail


@pytest.fixture
def folder(tmp_path: Path):
    mail.use(mail.MailSettings(f"folder:{tmp_path / 'mail'}", "crm.example"))
    yield tmp_path / "mail"
    mail.use(None)


def a_message() -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = mail.sender(), "buyer@shop.example", "Order Ü-1"
    message.set_content("12 × Tea\n")
    return message


def read(folder: Path) -> dict[str, EmailMessage]:
    """Every file's name, and the message in it."""
    return {
        path.name: message_from_bytes(path.read_bytes(), policy=policy.default) for path in sorted(folder.iterdir())
    }


async def test_the_same_key_is_the_same_message(folder: Path):
    """Sent twice, it is one file with one Message-ID: a repeated message shows once."""
    await mail.send(a_message(), "order-confirmation:1:accepted")
    [before] = read(folder).values()

    await mail.send(a_message(), "order-confirmation:1:accepted")

    [(name, after)] = read(folder).items()
    assert before["Message-ID"] == after["Message-ID"]
    assert after["Message-ID"].endswith("@crm.example>")
    assert (after["Subject"], after.get_content().strip()) == ("Order Ü-1", "12 × Tea")
    assert name == "order-confirmation_1_accepted.eml"


async def test_another_key_is_another_message_and_stays_in_the_folder(folder: Path):
    """Keys hold ids of rows; nothing in one leads out of the folder."""
    await mail.send(a_message(), "a:1")
    await mail.send(a_message(), "../../etc/a:2")

    assert list(read(folder)) == [".._.._etc_a_2.eml", "a_1.eml"]


async def test_without_settings_nothing_is_sent():
    """A process that was not set up must say so: mail that silently goes nowhere is missed weeks later."""
    with pytest.raises(RuntimeError, match="not set up"):
        await mail.send(a_message_from("x@y.example"), "k")


def a_message_from(sender: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = sender
    return message
