"""Rules of promotions: data of a checked shape, which device and server evaluate alike."""

from decimal import Decimal
from typing import Annotated, Final, TypeVar
from uuid import UUID

import msgspec
from msgspec import Meta
from outrider_sdk.protocol.entities import INTEGER_MAX

from server.crm.checks import check_period, refuse
from server.crm.models import DECIMAL_PATTERN
from server.crm.resource import Write

LISTED_MAX: Final = 500
"""Products, categories, channels or outlets that one condition names."""
EFFECTS_MAX: Final = 20

T = TypeVar("T")
_Decimal = Annotated[str, Meta(pattern=DECIMAL_PATTERN)]
_Text = Annotated[str, Meta(min_length=1, max_length=60)]
_Ids = Annotated[list[UUID], Meta(max_length=LISTED_MAX)]


class Conditions(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """When a promotion counts: all that is given must hold; a list holds where one of it does."""

    product_ids: _Ids = []
    category_ids: _Ids = []
    outlet_ids: _Ids = []
    channels: Annotated[list[_Text], Meta(max_length=LISTED_MAX)] = []
    minimum_quantity: _Decimal | None = None
    minimum_amount_minor: Annotated[int, Meta(ge=0, le=INTEGER_MAX)] | None = None


class Discount(msgspec.Struct, forbid_unknown_fields=True, tag="discount", tag_field="kind"):
    """A fraction off the price, 0 to 1."""

    fraction: _Decimal


class FixedPrice(msgspec.Struct, forbid_unknown_fields=True, tag="price", tag_field="kind"):
    """This price, in major units, in place of the list's."""

    price: _Decimal


class Gift(msgspec.Struct, forbid_unknown_fields=True, tag="gift", tag_field="kind"):
    """So much of a product beside; `per_quantity`: once for each so many bought, else once."""

    product_id: UUID
    unit: _Text
    quantity: _Decimal
    per_quantity: _Decimal | None = None


Effects = Annotated[list[Discount | FixedPrice | Gift], Meta(min_length=1, max_length=EFFECTS_MAX)]


async def check_promotion(write: Write) -> None:
    """Check the period and the shapes of conditions and effects; count a change of them as a new version.

    Raises:
        InvalidInput: one of them is not of its shape.
    """
    await check_period(write)
    if write.deletes:
        return
    if "conditions" in write.values:
        _read("conditions", write.values["conditions"], Conditions)
    if "effects" in write.values:
        for effect in _read("effects", write.values["effects"], Effects):
            if isinstance(effect, Discount) and Decimal(effect.fraction) > 1:
                raise refuse("effects", "A discount is a fraction between 0 and 1.")
    if write.before is not None and write.values:
        write.values["version"] = write.before["version"] + 1


def _read(name: str, document: str, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(document, type=shape)
    except msgspec.ValidationError as error:
        raise refuse(name, f"{error}.") from None
