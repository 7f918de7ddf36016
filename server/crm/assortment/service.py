"""Rules of assortments."""

from server.crm.checks import check_period, refuse
from server.crm.resource import Write


async def check_item(write: Write) -> None:
    """An item allows or bans one product or one category, for one outlet, one channel, or everybody.

    Raises:
        InvalidInput: it names both of a pair, or neither product nor category; or it ends before it starts.
    """
    await check_period(write)
    if write.deletes:
        return
    if (write.value("product_id") is None) == (write.value("category_id") is None):
        raise refuse("product_id", "Name a product or a category: one of them.")
    if write.value("outlet_id") is not None and write.value("channel") is not None:
        raise refuse("channel", "Name an outlet or a channel, or neither; not both.")
