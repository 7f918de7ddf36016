"""Jobs of sign-up: the mail with the link that proves an address."""

from uuid import UUID

import dramatiq

from server import mail
from server.billing.access import TRIAL
from server.billing.letters import say_date, write_letter
from server.billing.links import given, sign_up_link
from server.billing.sign_up import service
from server.broker import enqueue
from server.db import platform_transaction


async def enqueue_link(sign_up_id: UUID) -> None:
    """Mail the link once the open platform transaction has committed, if the sign-up has mails left."""
    number = await service.want_mail(sign_up_id)
    if number is not None:
        await enqueue(mail_link.message(str(sign_up_id), number))


@dramatiq.actor(queue_name="mail")
async def mail_link(sign_up_id: str, number: int) -> None:
    """Mail the link of a sign-up for the so-manieth time. Sent again after a crash, it is the same message."""
    async with platform_transaction():
        sign_up = await service.find_sign_up(UUID(sign_up_id))
    if sign_up is None or sign_up.confirmed_at is not None or sign_up.mails_sent >= number:
        return
    message = write_letter(
        "sign_up", sign_up.language, sender=mail.sender(), to=sign_up.email,
        name=sign_up.name, company=sign_up.company, slug=sign_up.slug, trial_days=str(TRIAL.days),
        link=sign_up_link(sign_up.id, given()),
        expires=say_date(sign_up.expires_at, sign_up.timezone, sign_up.language),
    )  # fmt: skip
    await mail.send(message, f"sign-up:{sign_up_id}:{number}")
    async with platform_transaction():
        await service.mark_mailed(sign_up.id, number)
