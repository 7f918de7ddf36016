"""Rules of accounts."""

from server.crm.checks import check_tree
from server.crm.company.service import check_tax_id
from server.crm.resource import Write


async def check_account(write: Write) -> None:
    """Check the tax id where it bears its country, and keep the tree of accounts a tree.

    Raises:
        InvalidInput: the tax id cannot be right, or the parent would make a circle.
    """
    await check_tree(write, "account")
    if write.values.get("tax_id"):
        check_tax_id(write.values["tax_id"], None)
