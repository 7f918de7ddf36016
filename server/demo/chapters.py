"""The story as a sales manager reads it: who did what, what became of it, and why.

What became of a change, and why, is what the server answered, or what the devices show in the end.
"""

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from outrider_sdk.rules import minor_digits

from server.demo.devices import Device
from server.demo.story import Story

_STATUS: Final = {"applied": "Done as entered", "merged": "Merged with another's change", "refused": "Refused"}
_ORDER_STATUS: Final = {
    "accepted": "Accepted",
    "partly_accepted": "Accepted in part",
    "needs_attention": "Waits for a decision",
    "cancelled": "Cancelled",
}
_YOURS: Final = {
    "kept": "Kept; the other version is on record",
    "lost": "The other version was kept; this one is on record",
    "pending": "Nothing is lost: both wait for a person's decision",
}


@dataclass(frozen=True, slots=True)
class Chapter:
    """One line of the table."""

    who: str
    did: str
    became: str
    why: str


def tell(story: Story) -> list[Chapter]:
    """The chapters, in the order in which things happened."""
    return [*_shared_customer(story), *_orders(story), _visit(story), *_meanwhile(story), _lost_reply(story)]


def _shared_customer(story: Story) -> list[Chapter]:
    cast, first, second = story.cast, story.first, story.second
    shop, contact = cast.shared.name, cast.shared.contact
    return [
        Chapter(
            first.name,
            f"Wrote a delivery note at {shop} (“before ten”), and the tag “organic”",
            *_first_note(story),
        ),
        Chapter(
            second.name,
            f"Wrote another delivery note at {shop} later (“after two”), and the tag “key account”",
            *_merged(story, "second note", second, f"Tags now: {_tags(story, second)}."),
        ),
        Chapter(
            second.name,
            f"Made {contact} a “Purchasing Assistant”",
            *_merged(story, "second title", second),
        ),
        Chapter(
            first.name,
            f"Made {contact} “Head of Purchasing” a little later, and added a mobile number",
            _STATUS[story.outcome("first title", first)["status"]],
            f"The later entry counts: on every device {contact} is “{_title(story, second)}”.",
        ),
        Chapter(
            second.name,
            f"Added an e-mail address for {contact}",
            _STATUS[story.outcome("second mail", second)["status"]],
            f"Numbers and addresses are kept side by side: {contact} has {_channels(story, second)} now.",
        ),
        Chapter(
            second.name,
            f"Deleted the contact Robin Vale of {shop}, whose job title {first.name} was changing",
            *_merged(story, "buyer deleted", second),
        ),
    ]


def _first_note(story: Story) -> tuple[str, str]:
    """The first rep's note, as their own device shows it after the last sync."""
    outlet = story.row_id("outlet", story.cast.shared.key)
    replaced = story.first.crm.conflicts.list({"row_id": outlet, "field": "description"})
    if not replaced:
        return _STATUS[story.outcome("first note", story.first)["status"]], "Nobody else changed it."
    became = f"Tag kept. The note gave way to {story.second.name}'s, and is on record"
    return became, _later(replaced[0]["kept"], replaced[0]["lost"])


def _merged(story: Story, name: str, device: Device, addition: str = "") -> tuple[str, str]:
    """What became of a change that may have met another's."""
    outcome = story.outcome(name, device)
    conflicts = outcome.get("conflicts") or []
    if not conflicts:
        return _STATUS[outcome["status"]], f"Nobody else had changed it. {addition}".strip()
    conflict = conflicts[0]
    why = outcome["explanation"]
    if conflict["yours"] != "pending":
        why = _later(json.loads(conflict["kept"]), json.loads(conflict["lost"]))
    return _YOURS[conflict["yours"]], f"{why} {addition}".strip()


def _later(kept: Any, lost: Any) -> str:
    return f"Of two entries the later counts: “{kept}”. Kept on record: “{lost}”."


def _tags(story: Story, device: Device) -> str:
    tags: list[str] = device.crm.outlets.get(story.row_id("outlet", story.cast.shared.key)).tags
    return ", ".join(tags)


def _title(story: Story, device: Device) -> str:
    return str(device.crm.contacts.get(story.row_id("contact", story.cast.shared.key)).job_title)


def _channels(story: Story, device: Device) -> str:
    contact = story.row_id("contact", story.cast.shared.key)
    found = device.crm.contact_channels.list({"contact_id": contact}, order_by=("channel_kind", "value"))
    return ", ".join(f"{channel.channel_kind} {channel.value}" for channel in found)


def _orders(story: Story) -> list[Chapter]:
    cast, first, second = story.cast, story.first, story.second
    wanted = cast.available + 11
    return [
        Chapter(
            first.name,
            f"Took an order of {wanted} {cast.scarce.name} and 3 {cast.plenty.name}, with {cast.available} of the "
            "first in stock",
            *_order(story, "large order", first),
        ),
        Chapter(
            second.name,
            f"Took an order of 4 {cast.dearer.name} at {cast.dearer.price} {story.stage.company.currency}, while the "
            f"office raised the price to {story.notes.new_price}",
            *_order(story, "priced order", second),
        ),
        Chapter(
            second.name,
            f"Cancelled an order of 5 {cast.plenty.name} that had been accepted",
            _order(story, "kept order", second)[0],
            "It was not shipped yet; what it held in stock is free again.",
        ),
        Chapter(
            first.name,
            f"Sent off a draft that {story.stage.members[cast.manager.key].name} had cancelled meanwhile",
            *_refused(story),
        ),
    ]


def _order(story: Story, name: str, device: Device) -> tuple[str, str]:
    """How an order stands on the device, and what its lines say."""
    crm = device.crm
    order = crm.orders.get(story.notes.orders[name])
    reasons = []
    for line in crm.order_lines.list({"order_id": order.id}, order_by="position"):
        reasons.append(f"{crm.products.get(line.product_id).name}: {line.verdict_reason or line.verdict}.")
    total = _money(order.total_minor, order.currency)
    became = _ORDER_STATUS.get(order.status, order.status.replace("_", " ").capitalize())
    return f"{became}, {total}" if order.status != "cancelled" else became, " ".join(reasons)


def _money(amount_minor: int, currency: str) -> str:
    return f"{Decimal(amount_minor).scaleb(-minor_digits(currency)):,f} {currency}"


def _refused(story: Story) -> tuple[str, str]:
    outcome = story.outcome("draft submitted", story.first)
    waiting = [i for i in story.first.crm.attention() if i.number == story.notes.numbers["draft submitted"]]
    choices = " or ".join(f"“{c['label']}”" for item in waiting for c in item.choices)
    became = f"{_STATUS[outcome['status']]}; waits on the device for: {choices}" if waiting else outcome["status"]
    return became, str(outcome["explanation"])


def _visit(story: Story) -> Chapter:
    crm, currency = story.second.crm, story.stage.company.currency
    paid = crm.payment_allocations.list({"payment_id": story.notes.orders["payment"]})
    debts = {debt.id: debt for debt in crm.receivables.list()}
    shares = sorted(((debts[p.receivable_id].due_on, p) for p in paid), key=lambda share: share[0])
    told = [
        f"{_money(part.amount_minor, currency)} for {debts[part.receivable_id].document_number}" for _, part in shares
    ]
    goods = crm.return_orders.get(story.notes.orders["return"])
    return Chapter(
        story.second.name,
        f"Visited {story.cast.own.name} with GPS switched off: took 150.00 {currency} in cash, and a damaged "
        f"{story.cast.plenty.name} back",
        f"Paid: {', '.join(told)}. The return is {goods.status}, {_money(goods.total_minor, currency)}",
        "What was due first is paid first. Without GPS the reason stands in its place.",
    )


def _meanwhile(story: Story) -> list[Chapter]:
    cast, third = story.cast, story.devices[story.cast.third.key]
    members, shop = story.stage.members, cast.moved.name
    gone = story.first.crm.outlets.find(story.row_id("outlet", cast.moved.key)) is None
    came = third.crm.outlets.find(story.row_id("outlet", cast.moved.key)) is not None
    renamed = sum(_product_name(story, device) == story.new_name for device in story.devices.values())
    order = third.crm.orders.find(story.notes.orders["moved order"])
    return [
        Chapter(
            members[cast.manager.key].name,
            f"Gave {shop} from {story.first.name} to {third.name} (in the office)",
            f"It {'left' if gone else 'is still on'} {story.first.name}'s device and "
            f"{'is' if came else 'is not'} on {third.name}'s",
            "A rep's device holds the customers that the rep is assigned to, and no others.",
        ),
        Chapter(
            story.first.name,
            f"Took an order of 2 {cast.plenty.name} at {shop}, not knowing that",
            _ORDER_STATUS.get(order.status, order.status) if order else "Not there",
            f"{story.first.name} was still in charge when taking it; {third.name} has the order now.",
        ),
        Chapter(
            "IT department",
            f"Renamed {cast.renamed.name} into “{story.new_name}” by plain SQL (in the office)",
            f"The new name is on {renamed} of {len(story.devices)} devices",
            "Whoever changes the data, and by whatever means: every device hears of it.",
        ),
    ]


def _product_name(story: Story, device: Device) -> Any:
    return device.crm.products.get(story.row_id("product", story.cast.renamed.key)).name


def _lost_reply(story: Story) -> Chapter:
    repeated = story.notes.repeated
    return Chapter(
        story.first.name,
        "Sent the day's work; the connection broke before the answer came, and the device sent it again",
        f"{repeated} changes arrived twice, and count once",
        "Each change has a number. The server repeated its answer, and did nothing twice.",
    )
