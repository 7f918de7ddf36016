"""`outrider devices`: the devices of a tenant: list, enrol, revoke, wipe; and what revoked ones handed in."""

import asyncio
from typing import TYPE_CHECKING
from uuid import UUID

import click

from server.cli.database import connected, open_database
from server.config import Config

if TYPE_CHECKING:  # they load slowly
    from server.auth.tables import Device
    from server.db import TenantRef

OPERATOR = UUID(int=0)
"""Stands for whoever runs the installation, where a member would stand."""


@click.command("devices", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--tenant", "slug", required=True, help="Whose devices.")
@click.option("--enrol", type=click.UUID, help="Id of a member: show the QR code of a new device.")
@click.option("--revoke", type=click.UUID, help="Id of a device that may sync no longer.")
@click.option("--wipe", type=click.UUID, help="Id of a device that is to erase all it holds.")
@click.option("--now", is_flag=True, help="With --wipe: at once; what it has not handed in is lost.")
@click.option("--quarantines", is_flag=True, help="List what revoked devices have handed in.")
@click.option("--release", type=click.UUID, help="Id of a quarantine whose work is to be taken.")
@click.option("--discard", type=click.UUID, help="Id of a quarantine whose work is to be refused.")
def manage_devices(slug: str, now: bool, **asked: UUID | bool | None) -> None:
    """List the devices of a tenant, or do one thing about them."""
    wanted = {name: value for name, value in asked.items() if value}
    if len(wanted) > 1:
        raise click.UsageError("Give one of --enrol, --revoke, --wipe, --quarantines, --release and --discard.")
    if now and "wipe" not in wanted:
        raise click.UsageError("--now belongs to --wipe.")
    name, value = next(iter(wanted.items()), ("list", None))
    with open_database(Config.from_env()) as config:
        asyncio.run(_run(config, slug, name, value, now=now))


async def _run(config: Config, slug: str, name: str, value: UUID | bool | None, *, now: bool) -> None:
    from server.db import platform_transaction  # loads slowly
    from server.tenants.service import get_tenant_by_slug

    async with connected(config):
        async with platform_transaction():
            tenant = await get_tenant_by_slug(slug)
        if name in ("release", "discard") and isinstance(value, UUID):
            await _decide(tenant, name, value)
        else:
            await _manage(config, tenant, name, value, now=now)


async def _decide(tenant: "TenantRef", name: str, value: UUID) -> None:
    from server.sync import quarantine_commands

    decision: quarantine_commands.Decision = "released" if name == "release" else "discarded"
    counts = await quarantine_commands.decide(tenant, value, decision, by=OPERATOR, role="owner")
    click.echo(", ".join(f"{count} {status}" for status, count in counts.items()) or "nothing was in it")


async def _manage(config: Config, tenant: "TenantRef", name: str, value: object, *, now: bool) -> None:
    from server.auth import devices, qr, wipes
    from server.db import tenant_transaction
    from server.sync import quarantine

    async with tenant_transaction(tenant):
        match name, value:
            case "enrol", UUID() as member_id:
                drawn = await devices.draw_code(member_id, by=OPERATOR, role="owner")
                url = qr.enrolment_url(config.base_url, tenant.slug, drawn.code)
                click.echo(f"{qr.as_text(url)}\n{url}\nCode {drawn.code}, until {drawn.expires_at:%H:%M} UTC.")
            case "revoke", UUID() as device_id:
                await devices.revoke_device(device_id, by=OPERATOR, role="owner")
                click.echo("Revoked. It can hand in once what it has not sent: see --quarantines.")
            case "wipe", UUID() as device_id:
                ordered = await wipes.order_wipe(device_id, now=now, by=OPERATOR, role="owner")
                click.echo(
                    "It erases everything at its next contact" + (", at once." if now else ", after handing in.")
                )
                for parked in (await wipes.count_waiting([ordered])).values():
                    click.echo(wipes.advise(parked, f"--revoke {device_id}"))
            case "quarantines", _:
                waiting = await quarantine.list_quarantines(by=OPERATOR, role="owner")
                for found in waiting:
                    click.echo(f"{found.id}  {found.device_name}  {found.mutations} mutations  {found.state}")
                if not waiting:
                    click.echo("No revoked device has handed anything in.")
            case _:
                enrolled = await devices.list_devices(by=OPERATOR, role="owner")
                for device in enrolled:
                    click.echo(f"{device.id}  {device.number_prefix}  {device.name}  {_state(device)}")
                if not enrolled:
                    click.echo("No devices yet. Enrol one: outrider devices --tenant … --enrol MEMBER-ID")


def _state(device: "Device") -> str:
    for name, word in (("wiped_at", "wiped"), ("revoked_at", "revoked"), ("wipe_ordered_at", "to be wiped")):
        if getattr(device, name) is not None:
            return word
    return "in use"
