"""The story: two reps offline on the same customer, an office that does not wait, and what becomes of it all.

Nothing here is staged: the outcomes and reasons shown are those that the server gave the devices.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final, Self

import psycopg
from outrider_sdk import Offline
from psycopg import sql

from server.demo.cast import Cast, choose_cast
from server.demo.company import Customer, Person, Product
from server.demo.devices import Device
from server.demo.stage import OFFICE, Console, DemoError, Say, Stage

DEVICES_AT_ONCE: Final = 3
PAUSE_S: Final = 0.5
"""Between two people's changes of the same value: more than two devices' clocks can be apart by measuring."""
PRICE_RISE: Final = Decimal("1.10")


@dataclass(slots=True)
class Notes:
    """Numbers of the mutations, and ids of the rows, that the story comes back to."""

    numbers: dict[str, int] = field(default_factory=dict)
    orders: dict[str, str] = field(default_factory=dict)
    repeated: int = 0
    new_price: Decimal = Decimal(0)


class Story:
    """Plays on a stage; a context manager, that closes the devices."""

    def __init__(self, stage: Stage, say: Say) -> None:
        self.stage = stage
        self.cast: Cast = choose_cast(stage.company)
        self.notes = Notes()
        self.devices: dict[str, Device] = {}
        self._say = say
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def first(self) -> Device:
        """The first rep's device."""
        return self.devices[self.cast.first.key]

    @property
    def second(self) -> Device:
        """The second rep's device."""
        return self.devices[self.cast.second.key]

    def play(self) -> None:
        """From the first sync to the last."""
        office = self._open.enter_context(Console(self.stage.server_url, self.stage.members[OFFICE]))
        manager = self._open.enter_context(Console(self.stage.server_url, self.stage.members[self.cast.manager.key]))
        self._stand_in(manager)
        self._bill(office)
        self._say("Nine reps enrol their devices and sync ...")
        self._enrol_all(office)
        self._work_online()
        self._say("Two of them go offline, and the office goes on working ...")
        self._work_offline()
        self._reassign(manager)
        self._cancel_draft(manager)
        self._raise_price(office)
        self._rename_by_sql()
        self._say("All reconcile ...")
        self._reconcile()

    def row_id(self, entity: str, key: str) -> str:
        """The id of an imported row."""
        return str(self.stage.loaded.ids[entity, key])

    def _stand_in(self, manager: Console) -> None:
        """The second rep is assigned to the first one's customer, beside the first."""
        manager.send(
            "POST",
            "/assignments",
            member_id=str(self.stage.members[self.cast.second.key].id),
            outlet_id=self.row_id("outlet", self.cast.shared.key),
        )

    def _bill(self, office: Console) -> None:
        """Two bills of the second's own customer are open; the one that is due first was issued last."""
        of = {
            "account_id": self.row_id("account", self.cast.own.key),
            "legal_entity_id": self.row_id("legal_entity", "main"),
            "currency": self.stage.company.currency,
        }
        for number, due_on, amount_minor in (("F-101", "2026-03-31", 8_000), ("F-102", "2026-02-28", 12_000)):
            amounts = {"amount_minor": amount_minor, "balance_minor": amount_minor}
            office.send("POST", "/receivables", document_number=number, due_on=due_on, **amounts, **of)

    def _enrol_all(self, office: Console) -> None:
        codes = {person.key: office.draw_code(self.stage.members[person.key]) for person in self.stage.company.people}
        with ThreadPoolExecutor(DEVICES_AT_ONCE) as pool:
            devices = pool.map(lambda person: self._enrol(person, codes[person.key]), self.stage.company.people)
            for person, device in zip(self.stage.company.people, devices, strict=True):
                self.devices[person.key] = device

    def _enrol(self, person: Person, code: str) -> Device:
        device = Device(self.stage.server_url, self.stage.members[person.key], code, self.stage.folder)
        self._open.callback(device.close)
        device.sync()
        return device

    def _sync_all(self) -> None:
        with ThreadPoolExecutor(DEVICES_AT_ONCE) as pool:
            list(pool.map(Device.sync, self.devices.values()))

    @contextmanager
    def _did(self, name: str, device: Device) -> Iterator[None]:
        """A transaction of a device, whose number is noted under a name."""
        with device.crm.transaction() as transaction:
            yield
        assert transaction.number is not None
        self.notes.numbers[name] = transaction.number

    def _work_online(self) -> None:
        """What both know before they part."""
        first, second, cast = self.first, self.second, self.cast
        with self._did("kept order", second):
            self._order("kept order", second, cast.shared, (cast.plenty, Decimal(5)))
        with self._did("draft", first):
            self._order("draft", first, cast.shared, (cast.plenty, Decimal(2)), submit=False)
        with self._did("buyer", first):
            account = self.row_id("account", cast.shared.key)
            self.notes.orders["buyer"] = first.crm.contacts.create(account_id=account, name="Robin Vale").id
        first.sync()
        second.sync()
        first.sync()

    def _order(
        self, name: str, device: Device, customer: Customer, *lines: tuple[Product, Decimal], submit: bool = True
    ) -> None:
        crm = device.crm
        order = crm.orders.create(outlet_id=self.row_id("outlet", customer.key))
        for product, quantity in lines:
            crm.order_lines.create(order_id=order.id, product_id=self.row_id("product", product.key), quantity=quantity)
        if submit:
            crm.orders.submit(order.id)
        self.notes.orders[name] = order.id

    def _work_offline(self) -> None:
        """The second's title, then all of the first's, then the rest of the second's: so it is clear what is later."""
        contact = self.row_id("contact", self.cast.shared.key)
        with self._did("second title", self.second):
            self.second.crm.contacts.edit(contact, job_title="Purchasing Assistant")
        time.sleep(PAUSE_S)
        self._first_offline(contact)
        time.sleep(PAUSE_S)
        self._second_offline(contact)

    def _first_offline(self, contact: str) -> None:
        device, cast = self.first, self.cast
        crm, outlet = device.crm, self.row_id("outlet", cast.shared.key)
        with self._did("first note", device):
            tags = [*crm.outlets.get(outlet).tags, "organic"]
            crm.outlets.edit(outlet, description="Deliver before ten in the morning", tags=tags)
        with self._did("first title", device):
            crm.contacts.edit(contact, job_title="Head of Purchasing")
            crm.contact_channels.create(contact_id=contact, channel_kind="phone", value="+12065550142", label="mobile")
        with self._did("buyer edited", device):
            crm.contacts.edit(self.notes.orders["buyer"], job_title="Buyer")
        with self._did("large order", device):
            wanted = cast.available + 11
            self._order("large order", device, cast.shared, (cast.scarce, wanted), (cast.plenty, Decimal(3)))
        with self._did("moved order", device):
            self._order("moved order", device, cast.moved, (cast.plenty, Decimal(2)))
        with self._did("draft submitted", device):
            crm.orders.submit(self.notes.orders["draft"])

    def _second_offline(self, contact: str) -> None:
        device, cast = self.second, self.cast
        crm, outlet = device.crm, self.row_id("outlet", cast.shared.key)
        with self._did("second note", device):
            tags = [*crm.outlets.get(outlet).tags, "key account"]
            crm.outlets.edit(outlet, description="Deliver after two in the afternoon", tags=tags)
        with self._did("second mail", device):
            crm.contact_channels.create(contact_id=contact, channel_kind="email", value="purchasing@customer.example")
        with self._did("buyer deleted", device):
            crm.contacts.delete(self.notes.orders["buyer"])
        with self._did("priced order", device):
            self._order("priced order", device, cast.own, (cast.dearer, Decimal(4)))
        with self._did("visit", device):
            self._visit(device)
        with self._did("cancelled", device):
            crm.orders.cancel(self.notes.orders["kept order"])

    def _visit(self, device: Device) -> None:
        """At the own customer, without GPS: cash for open bills, and something damaged taken back."""
        crm, cast = device.crm, self.cast
        outlet = self.row_id("outlet", cast.own.key)
        visit = crm.visits.create(outlet_id=outlet, position_absence="refused")
        self.notes.orders["payment"] = crm.payments.create(outlet_id=outlet, amount_minor=15_000, method="cash").id
        goods = crm.return_orders.create(outlet_id=outlet)
        crm.return_lines.create(
            return_order_id=goods.id,
            product_id=self.row_id("product", cast.plenty.key),
            quantity=1,
            price=cast.plenty.price,
            reason="damaged",
        )
        crm.return_orders.submit(goods.id)
        self.notes.orders["return"] = goods.id
        crm.comments.create(entity="return_order", row_id=goods.id, body="The box was wet.")
        crm.visits.check_out(visit.id, outcome="paid")

    def _reassign(self, manager: Console) -> None:
        assignment = self.row_id("assignment", self.cast.moved.key)
        third = str(self.stage.members[self.cast.third.key].id)
        manager.send("PATCH", f"/assignments/{assignment}", member_id=third)

    def _cancel_draft(self, manager: Console) -> None:
        manager.send("POST", f"/orders/{self.notes.orders['draft']}/cancellation")

    def _raise_price(self, office: Console) -> None:
        dearer = self.cast.dearer
        self.notes.new_price = (dearer.price * PRICE_RISE).quantize(Decimal("0.01"), ROUND_HALF_UP)
        item = self.row_id("price_item", dearer.key)
        office.send("PATCH", f"/price-items/{item}", price=str(self.notes.new_price))

    @property
    def new_name(self) -> str:
        """What the renamed product is called since."""
        return f"{self.cast.renamed.name} (new recipe)"

    def _rename_by_sql(self) -> None:
        """As somebody types it in psql: one UPDATE, and nothing of ours around it."""
        with psycopg.connect(self.stage.owner_url) as owner:
            owner.execute(
                sql.SQL("UPDATE {} SET name = %s WHERE id = %s").format(
                    sql.Identifier(self.stage.tenant.schema, "product")
                ),
                (self.new_name, self.row_id("product", self.cast.renamed.key)),
            )

    def _reconcile(self) -> None:
        """The first loses the reply to its push, and sends it again; then everybody syncs."""
        self.first.transport.lose_next_reply = True
        try:
            self.first.sync()
        except Offline:
            pass
        else:
            raise DemoError("The reply was to be lost, and was not.")
        self.first.sync()
        self.notes.repeated = self.first.transport.repeated
        self.second.sync()
        self._sync_all()

    def outcome(self, name: str, device: Device) -> dict[str, Any]:
        """What the server said of a mutation of the story."""
        return device.outcome(self.notes.numbers[name])
