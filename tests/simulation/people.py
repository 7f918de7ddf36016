"""What reps do on their devices. Each act is a function of this module, called by its name."""

from typing import TYPE_CHECKING, Any

from tests.simulation.database import UNSTORABLE
from tests.simulation.device import Rep
from tests.simulation.oracle import WATCHED, Typed
from tests.simulation.travel import shown_value

if TYPE_CHECKING:
    from tests.simulation.run import Run

MAIN_FIELD = {"contact": "job_title", "outlet": "description"}
"""Into which several people type."""
FRESH = 3
"""So many rows are the newest of their kind."""
Known = tuple[list[Typed], list[str]]
"""What was typed, and the ids of new rows."""


def sync(run: "Run", rep: Rep) -> None:
    """Come back into the network."""
    run.sync(rep)


def late(run: "Run", rep: Rep) -> None:
    """The network lets go of an old copy."""
    if rep.transport.late:
        run.note(f"an old push of {rep.name} arrives")
        rep.transport.deliver_late()


def restart(run: "Run", rep: Rep) -> None:
    """The phone kills the app in the background."""
    if not rep.calls:
        run.note(f"{rep.name} starts anew")
        run.operations += 1
        rep.restart()


def copy_file(run: "Run", rep: Rep) -> None:
    """The phone is backed up, or cloned."""
    if not rep.calls and rep.copy is None and not rep.is_to_be_wiped:  # the wiped one's copy never comes back
        run.note(f"the file of {rep.name} is copied")
        rep.copy_file()
        run.operations += 1


def swap_files(run: "Run", rep: Rep) -> None:
    """The backup is put in place; or the other of two phones with the same file is used."""
    if not rep.calls and rep.copy is not None:
        rep.swap(keep_credentials=run.chance.random() < 0.3)
        run.note(f"{rep.name} goes on with the other file: {rep.life}")
        run.fault("replica file swapped")
        run.operations += 1


def enrol_again(run: "Run", rep: Rep) -> None:
    """Whoever was revoked by mistake, or found the phone again, enrols it with a new code."""
    if rep.is_revoked and not rep.calls:
        rep.enrol_again()
        run.note(f"{rep.name} is enrolled again")
        run.operations += 1


def reset_clock(run: "Run", rep: Rep) -> None:
    """The phone's clock is set, by a person or a dead battery."""
    rep.set_clock()
    run.note(f"the clock of {rep.name} is off by {rep.offset // 1_000_000} s")


def _pick(run: "Run", rep: Rep, entity: str) -> dict[str, Any] | None:
    """A row that is shown; often one of the newest, at which others are, too."""
    rows = rep.replica.table(entity).list()
    if len(rows) > FRESH and run.chance.random() < 0.4:
        rows = sorted(rows, key=lambda row: row["revision"])[-FRESH:]
    return run.chance.choice(rows) if rows else None


def _typed(run: "Run", rep: Rep, entity: str, row: dict[str, Any], field: str, value: str) -> Typed:
    """What the oracle must know: the value, what was seen, and the revision of what the person looked at."""
    # What was refused is shown no longer: a restored server, which has to be told of it again, changes nothing in that.
    sql = (
        "SELECT number FROM sync_outbox WHERE overlaid = 1"
        " AND number > coalesce((SELECT CAST(value AS INTEGER) FROM sync_meta WHERE key = 'applied_through'), 0)"
    )
    shown = {found["number"] for found in rep.replica.query(sql)}
    earlier = [
        t
        for (device, number), edits in run.oracle.typed.items()
        if device == rep.life and number in shown
        for t in edits
        if t.key == (entity, row["id"]) and t.field == field and t.settles is None
    ]
    known = earlier[-1].known if earlier else row["revision"]
    return Typed((entity, row["id"]), field, value, known, seen=shown_value(row, field))


def edit(run: "Run", rep: Rep) -> None:
    """Type into one or two fields of what the device shows."""
    of_outlet = ("description", "channel") if rep.schema > 1 else ("description",)
    entity, fields = run.chance.choice((("contact", ("name", "job_title")), ("outlet", of_outlet)))
    row = _pick(run, rep, entity)
    if run.chance.random() < 0.3 and rep.at_work is not None:  # people come back to what they were at
        entity, row_id = rep.at_work
        fields = of_outlet if entity == "outlet" else WATCHED[entity][:2]
        row = rep.replica.table(entity).find(row_id)
    if row is None:
        return
    rep.at_work = (entity, row["id"])
    _type_into(run, rep, entity, row, fields)


def go_on(run: "Run", rep: Rep) -> None:
    """Type once more where the last edit was: during a sync one sees the row as it was, and after it as it is."""
    if rep.at_work is None or rep.calls:
        return
    entity, row_id = rep.at_work
    row = rep.replica.table(entity).find(row_id)
    if row is not None:
        _type_into(run, rep, entity, row, (MAIN_FIELD[entity],))


def _type_into(run: "Run", rep: Rep, entity: str, row: dict[str, Any], fields: tuple[str, ...]) -> None:
    chosen = run.chance.sample(fields, run.chance.randint(1, len(fields)))
    values = {field: run.word(field) for field in chosen}

    def act() -> Known:
        typed = [_typed(run, rep, entity, row, field, value) for field, value in values.items()]
        rep.replica.table(entity).edit(row["id"], **values)
        return typed, []

    run.change(rep, act, f"edits {entity} {row['id'][-4:]} {values}")
    shown = rep.replica.table(entity).find(row["id"])
    run.oracle.require(
        "S4", shown is None or all(shown[f] in (v, row[f]) for f, v in values.items()), f"{rep.name} lost its own write"
    )


def recolour(run: "Run", rep: Rep) -> None:
    """Fill in a custom field."""
    row = _pick(run, rep, "contact")
    if row is None:
        return
    value = run.word("colour")

    def act() -> Known:
        typed = [_typed(run, rep, "contact", row, "custom.colour", value)]
        rep.replica.contacts.edit(row["id"], custom=row["custom"] | {"colour": value})
        return typed, []

    run.change(rep, act, f"colours contact {row['id'][-4:]} {value}")


def tag(run: "Run", rep: Rep) -> None:
    """Add a tag; others add theirs."""
    row = _pick(run, rep, "account")
    if row is not None:
        tags = [*row["tags"], f"t{run.chance.randrange(50)}"]

        def act() -> Known:
            rep.replica.table("account").edit(row["id"], tags=tags)
            return [], []

        run.change(rep, act, f"tags account {row['id'][-4:]}")


def create(run: "Run", rep: Rep) -> None:
    """A contact with a phone: two rows that belong together."""
    outlet = _pick(run, rep, "outlet")
    if outlet is None:
        return

    def act() -> Known:
        contact = rep.replica.table("contact").create(
            account_id=outlet["account_id"], outlet_id=outlet["id"], name=run.word("new")
        )
        channel = rep.replica.table("contact_channel").create(
            contact_id=contact["id"], channel_kind="phone", value="+4930123456", preferred=False
        )
        return [], [contact["id"], channel["id"]]

    run.change(rep, act, "creates a contact")


def phone(run: "Run", rep: Rep) -> None:
    """Another phone for a contact who may have been merged, deleted or erased meanwhile."""
    contact = _pick(run, rep, "contact")
    if contact is None:
        return

    def act() -> Known:
        channel = rep.replica.contact_channels.create(
            contact_id=contact["id"], channel_kind="phone", value="+4930654321", preferred=False
        )
        return [], [channel["id"]]

    run.change(rep, act, f"adds a phone to contact {contact['id'][-4:]}")


def poison(run: "Run", rep: Rep) -> None:
    """A contact that passes all checks, and that the database cannot hold."""
    outlet = _pick(run, rep, "outlet")
    if outlet is None:
        return

    def act() -> Known:
        contact = rep.replica.contacts.create(
            account_id=outlet["account_id"], outlet_id=outlet["id"], name=run.word("bad"), language=UNSTORABLE
        )
        run.oracle.poison.add((rep.life, rep.fact("last_number") + 1))
        return [], [contact["id"]]

    if run.change(rep, act, "creates a contact that cannot be stored") is not None:
        run.fault("poison in a batch")


def delete(run: "Run", rep: Rep) -> None:
    """Remove a contact that was there from the beginning."""
    rows = [r for r in rep.replica.table("contact").list() if not str(r["name"]).startswith("new ")]
    if rows:
        row = run.chance.choice(rows)

        def act() -> Known:
            rep.replica.table("contact").delete(row["id"])
            return [Typed(("contact", row["id"]), "*", None, row["revision"])], []

        run.change(rep, act, f"deletes contact {row['id'][-4:]}")


def order(run: "Run", rep: Rep) -> None:
    """An order of tea, more or less than there is."""
    outlet = _pick(run, rep, "outlet")
    if outlet is None:
        return

    def act() -> Known:
        made = rep.replica.orders.create(
            outlet_id=outlet["id"], fulfilment=run.chance.choice(("partial", "complete", "backorder"))
        )
        rep.replica.order_lines.create(
            order_id=made["id"], product_id=run.ids["tea"], quantity=str(run.chance.randint(1, 40))
        )
        rep.replica.orders.submit(made["id"])
        return [], [made["id"]]

    run.change(rep, act, "orders tea")


def cancel(run: "Run", rep: Rep) -> None:
    """Cancel an order, if it still can be."""
    rows = [r for r in rep.replica.orders.list() if r["status"] in ("accepted", "partly_accepted", "submitted")]
    if rows:
        row = run.chance.choice(rows)

        def act() -> Known:
            rep.replica.orders.cancel(row["id"])
            return [], []

        run.change(rep, act, f"cancels order {row['id'][-4:]}")


def settle(run: "Run", rep: Rep) -> None:
    """Decide a conflict, whether or not it asks for it; others decide it too."""
    rows = rep.replica.conflicts.list()
    if not rows:
        return
    row = run.chance.choice(rows)
    choice = run.chance.choice(("keep", "delete") if row["field"] == "*" else ("keep", "take"))

    def act() -> Known:
        rep.replica.conflicts.settle(row["id"], choice)
        taken = row["field"] if choice == "take" and row["field"] in WATCHED.get(row["entity"], ()) else ""
        return [Typed((row["entity"], row["row_id"]), taken, row["lost"], 0, settles=row["id"])], []

    if run.change(rep, act, f"settles {row['field']} of {row['entity']} {row['row_id'][-4:]}: {choice}"):
        if row["id"] in run.settling:
            run.fault("conflict settled on both sides")
        run.settling.add(row["id"])


def discard(run: "Run", rep: Rep) -> None:
    """Take back the last thing done, if it was not sent."""
    if not rep.syncing and rep.fact("last_number") > rep.fact("sent_through"):
        run.discard(rep, rep.fact("last_number"))
