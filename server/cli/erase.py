"""`outrider erase`: erases a person, lists who was erased, and erases them again after a restore."""

import asyncio
import json
from typing import TextIO
from uuid import UUID

import click

from server.cli.database import connected, open_database
from server.config import Config


@click.command("erase", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--tenant", "slug", required=True, help="Whose data.")
@click.option("--contact", type=click.UUID, help="Id of the contact to erase.")
@click.option("--member", type=click.UUID, help="Id of a member who has left.")
@click.option("--list", "lists", is_flag=True, help="Print who was erased, a JSON line each: ids and times alone.")
@click.option("--replay", type=click.File(), help="Erase again everybody of such a list, after a restore.")
def erase_people(slug: str, contact: UUID | None, member: UUID | None, lists: bool, replay: TextIO | None) -> None:
    """Erase a person for good: rows, conflicts, refused work, audit, and every device at its next sync."""
    if len([each for each in (contact, member, lists or None, replay) if each is not None]) != 1:
        raise click.UsageError("Give one of --contact, --member, --list and --replay.")
    with open_database(Config.from_env()) as config:
        asyncio.run(_erase(config, slug, contact, member, replay))


async def _erase(config: Config, slug: str, contact: UUID | None, member: UUID | None, replay: TextIO | None) -> None:
    from server.crm.erasure.commands import erase_person, list_erasures, replay_erasures  # loads slowly
    from server.db import Source, platform_transaction
    from server.tenants.service import get_tenant_by_slug

    async with connected(config):
        async with platform_transaction():
            tenant = await get_tenant_by_slug(slug)
        if replay is not None:
            async for subject, rows in replay_erasures(tenant, replay):
                _say(f"{subject}: " + ("not in this database" if rows is None else f"{rows} rows erased"))
        elif contact is not None or member is not None:
            entity, subject_id = ("contact", contact) if contact is not None else ("member", member)
            assert subject_id is not None
            count, _ = await erase_person(tenant, entity, subject_id, source=Source.CONSOLE)
            _say(f"{count} rows erased")
        else:
            for each in await list_erasures(tenant):
                _say(json.dumps(each))


def _say(text: str) -> None:
    click.echo(text)
