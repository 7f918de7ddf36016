"""What looks like the same thing twice: both are kept, and a person is asked. Pure."""

from typing import Any

from server.crm.company.rules import tax_id_problem
from server.sync.attempt import Attempt
from server.sync.merge import Kept, is_conflict
from server.sync.state import Row, Stamp


def flag_tax_id(attempt: Attempt, account: Row) -> None:
    """A tax id that another account has, or that cannot be right, is stored as it was typed."""
    tax_id = account.values["tax_id"]
    if not tax_id:
        return
    others = [i for i in attempt.state.facts.accounts_by_tax_id.get(tax_id, ()) if i != account.id]
    if others:
        seen = next((row for i in others if (row := attempt.find("account", i)) is not None), None)
        whose = f"“{seen.values['name']}”" if seen else "Another account"
        told = f"{whose} has this tax id already. Both are kept; if they are one customer, have them merged."
        flag(attempt, account, "tax_id", tax_id, told)
    elif problem := tax_id_problem(tax_id, None):
        flag(attempt, account, "tax_id", tax_id, f"{problem} It is kept as it was typed; please check it.")


def flag_channel(attempt: Attempt, channel: Row) -> None:
    """The same number or address of a person, added on two sides."""
    for other in attempt.children("contact_channel", channel.values["contact_id"]):
        if _is_twin(attempt, channel, other, "channel_kind", "value"):
            told = "Someone else added the same to this person. Both are kept; remove one of them."
            flag(attempt, channel, "value", channel.values["value"], told, by=other.stamp("*"))
            return


def flag_line(attempt: Attempt, line: Row) -> None:
    """The same product in the same unit, added to an order on two sides: perhaps meant twice, perhaps not."""
    for other in attempt.children("order_line", line.values["order_id"]):
        if _is_twin(attempt, line, other, "product_id", "unit"):
            told = "Someone else added the same product to this order. Both lines are kept; remove one if need be."
            flag(attempt, line, "product_id", line.values["product_id"], told, by=other.stamp("*"))
            return


def flag_number(attempt: Attempt, order: Row) -> None:
    """An order's number that another one bears: a phone went on from its backup, or a copy, before it had contact.

    Of the same person's orders alone: a series of numbers is a device's own, and nobody finds out others' by trying.
    """
    number = order.values["number"]
    for other in attempt.children("order", number):
        if other.id != order.id and other.values["maker_id"] == order.values["maker_id"]:
            told = (
                f"Another order bears the number {number}, which was printed before this phone was restored or copied."
            )
            told += " Both are kept; tell them apart by customer and date."
            flag(attempt, order, "number", number, told, by=other.stamp("*"))
            return


def _is_twin(attempt: Attempt, row: Row, other: Row, *names: str) -> bool:
    """Whether another one is the same, and was made by somebody else without this device's knowing."""
    base = attempt.create_base
    unknown = base is not None and is_conflict(other.stamp("*"), base=base, device=attempt.state.device)
    return unknown and other.id != row.id and all(other.values[n] == row.values[n] for n in names)


def flag(attempt: Attempt, row: Row, field: str, value: Any, told: str, *, by: Stamp | None = None) -> None:
    """Open a case about a value that is stored all the same."""
    attempt.conflict(
        row,
        field,
        "duplicate",
        Kept.UNDECIDED,
        ours=value,
        theirs=value,
        by=by or Stamp(0, 0),
        told=told,
        on_record=told,
    )
