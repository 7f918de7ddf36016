"""Rules of accounts."""

from server.crm.account.tables import TAX_ID_KEY
from server.crm.checks import check_tree
from server.crm.company.service import check_tax_id
from server.crm.conflict.service import open_case
from server.crm.resource import Write
from server.db import connection

_DOUBLED = f"""
SELECT EXISTS (SELECT FROM account WHERE {TAX_ID_KEY.format("tax_id")} = {TAX_ID_KEY.format("$2::text")}
AND tax_id IS NOT NULL AND id <> $1 AND deleted_at IS NULL)
"""  # noqa: S608 - no data in it


async def check_account(write: Write) -> None:
    """Check the tax id where it bears its country, and keep the tree of accounts a tree.

    Raises:
        InvalidInput: the tax id cannot be right, or the parent would make a circle.
    """
    await check_tree(write, "account")
    if write.values.get("tax_id"):
        check_tax_id(write.values["tax_id"], None)


async def flag_doubled_tax_id(write: Write) -> None:
    """Two accounts may have one tax id: both are stored, and somebody is asked whether they are one."""
    tax_id = write.values.get("tax_id")
    if tax_id and await connection().fetchval(_DOUBLED, write.row_id, tax_id):
        told = "Another account has this tax id already. Both are kept; if they are one customer, merge them."
        await open_case(write, "account", "tax_id", tax_id, told)
