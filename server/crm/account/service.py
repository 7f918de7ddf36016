"""Rules of accounts."""

from server.crm.checks import check_tree
from server.crm.company.service import check_tax_id
from server.crm.conflict.service import open_case
from server.crm.resource import Write
from server.db import connection

_DOUBLED = """
SELECT EXISTS (SELECT FROM account WHERE tax_id_key(tax_id) = tax_id_key($2) AND id <> $1 AND deleted_at IS NULL)
"""


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
