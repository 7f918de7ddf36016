"""Commands after a disaster, and before one: `outrider adopt`, `outrider backup-verified`."""

import asyncio
from datetime import UTC, datetime

import click

from server import db
from server.cli.database import connected, open_database, prepare_all
from server.config import Config
from server.sync.horizon import note_durable
from server.tenants.recovery import Adopted, adopt
from server.tenants.schema import owner_urls
from server.tenants.service import list_tenants


@click.command("adopt")
@click.option("--yes", is_flag=True, help="Do not ask.")
def adopt_databases(yes: bool) -> None:
    """Serve databases that were restored from a backup, or copied.

    Begins a new epoch: devices pull everything anew, and hand in again what they had handed in since the backup.
    Devices that were revoked since then are revoked again, orders to wipe one stand again, people who were erased are
    erased again, and so are tenants that were deleted.
    Stop every server that still works with the original first.
    """
    if not yes:
        click.confirm("Does no other server work with the original of these databases any more?", abort=True)
    with open_database(Config.from_env()) as config:
        for each in asyncio.run(_adopt(config)):
            click.echo(
                f"{each.database}: {each.tenants} tenants begin a new epoch; {each.revoked} devices revoked again,"
                f" {each.to_wipe} to be wiped again"
            )


async def _adopt(config: Config) -> list[Adopted]:
    await prepare_all(config)
    await _delete_again(config)
    adopted = await adopt(owner_urls(config), config.state_dir)
    await _erase_again(config)
    return adopted


async def _delete_again(config: Config) -> None:
    """Whose tenant was deleted since the backup has no data in it either."""
    from server import storage  # loads slowly, and so does the next
    from server.billing.deletion.commands import repeat_deletions

    storage.use(config.state_dir, config.storage_url)
    async with connected(config):
        for tenant in await repeat_deletions(owner_urls(config), config.state_dir):
            click.echo(f"{tenant.slug}: deleted again")


async def _erase_again(config: Config) -> None:
    """Who was erased since the backup is erased in it, before anybody works; and daily, while devices hand in again."""
    from server.crm.erasure.commands import repeat_erasures  # loads slowly

    async with connected(config):
        async with db.platform_transaction():
            tenants = await list_tenants()
        for tenant in tenants:
            await repeat_erasures(tenant, config.state_dir)


@click.command("backup-verified")
@click.argument("begun_at", type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"]))
def backup_verified(begun_at: datetime) -> None:
    """Say that a backup was restored somewhere for a test, and was sound.

    BEGUN_AT is when that backup was begun (UTC, unless it says otherwise). Devices then forget what they keep to hand
    in again. Without this command they keep it for 30 days.
    """
    moment = begun_at if begun_at.tzinfo else begun_at.replace(tzinfo=UTC)

    async def note(config: Config) -> int:
        devices = 0
        async with connected(config):
            async with db.platform_transaction():
                tenants = await list_tenants()
            for tenant in tenants:
                async with db.tenant_transaction(tenant):
                    devices += await note_durable(moment)
        return devices

    if moment > datetime.now(UTC):
        raise click.BadParameter("That is in the future.")
    with open_database(Config.from_env()) as config:
        click.echo(
            f"{asyncio.run(note(config))} devices need not keep what they handed in before {moment.isoformat()}."
        )
