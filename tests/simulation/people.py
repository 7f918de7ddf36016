"""What people do: reps on their devices, and those who write on the server."""

from typing import Any

from tests.simulation.oracle import WATCHED, Typed
from tests.simulation.run import Rep, Run
from tests.simulation.server import Locked, Transaction

Known = tuple[list[Typed], list[str]]
"""What was typed, and the ids of new rows."""

ACTS = (
    (16, "edit"), (4, "tag"), (6, "create"), (3, "delete"), (6, "order"), (2, "cancel"), (9, "settle"), (3, "discard"),
    (26, "sync"), (6, "late"),
    (7, "admin_edit"), (7, "admin_pair"), (4, "admin_reassign"), (2, "admin_price"), (1, "admin_delete"),
    (5, "admin_slow"),
)  # fmt: skip


def step(run: Run) -> None:
    """One thing that somebody does."""
    names = [name for _, name in ACTS]
    act = run.chance.choices(names, [weight for weight, _ in ACTS])[0]
    if act.startswith("admin"):
        _admin(run, act)
        return
    rep = run.chance.choice(run.reps)
    {
        "edit": edit, "tag": tag, "create": create, "delete": delete, "order": order, "cancel": cancel,
        "settle": settle, "discard": discard, "sync": run_sync, "late": late,
    }[act](run, rep)  # fmt: skip


def run_sync(run: Run, rep: Rep) -> None:
    """Come back into the network."""
    run.sync(rep)


def late(run: Run, rep: Rep) -> None:
    """The network lets go of an old copy."""
    if rep.transport.late:
        run.note(f"an old push of {rep.name} arrives")
        rep.transport.deliver_late()


def _pick(run: Run, rep: Rep, entity: str) -> dict[str, Any] | None:
    rows = rep.replica.table(entity).list()
    return run.chance.choice(rows) if rows else None


def _typed(run: Run, rep: Rep, entity: str, row: dict[str, Any], field: str, value: str) -> Typed:
    """What the oracle must know: the value, and the revision of what the person looked at."""
    applied = rep.replica.status().applied_through
    earlier = [
        t.known
        for (device, number), edits in run.oracle.typed.items()
        if device == rep.id and number > applied
        for t in edits
        if t.key == (entity, row["id"]) and t.field == field and t.settles is None
    ]
    return Typed((entity, row["id"]), field, value, earlier[-1] if earlier else row["revision"])


def edit(run: Run, rep: Rep) -> None:
    """Type into one or two fields of what the device shows."""
    entity, fields = run.chance.choice((("contact", ("name", "job_title")), ("outlet", ("description",))))
    row = _pick(run, rep, entity)
    if row is None:
        return
    chosen = run.chance.sample(fields, run.chance.randint(1, len(fields)))
    values = {field: f"{field} {run.chance.randrange(10_000)}" for field in chosen}

    def act() -> Known:
        typed = [_typed(run, rep, entity, row, field, value) for field, value in values.items()]
        rep.replica.table(entity).edit(row["id"], **values)
        return typed, []

    run.change(rep, act, f"edits {entity} {row['id'][-4:]} {values}")
    shown = rep.replica.table(entity).find(row["id"])
    run.oracle.require(
        "S4", shown is None or all(shown[f] in (v, row[f]) for f, v in values.items()), f"{rep.name} lost its own write"
    )


def tag(run: Run, rep: Rep) -> None:
    """Add a tag; others add theirs."""
    row = _pick(run, rep, "account")
    if row is not None:
        tags = [*row["tags"], f"t{run.chance.randrange(50)}"]

        def act() -> Known:
            rep.replica.table("account").edit(row["id"], tags=tags)
            return [], []

        run.change(rep, act, f"tags account {row['id'][-4:]}")


def create(run: Run, rep: Rep) -> None:
    """A contact with a phone: two rows that belong together."""
    outlet = _pick(run, rep, "outlet")
    if outlet is None:
        return

    def act() -> Known:
        contact = rep.replica.table("contact").create(
            account_id=outlet["account_id"], outlet_id=outlet["id"], name=f"new {run.chance.randrange(1000)}"
        )
        channel = rep.replica.table("contact_channel").create(
            contact_id=contact["id"], channel_kind="phone", value="+4930123456", preferred=False
        )
        return [], [contact["id"], channel["id"]]

    run.change(rep, act, "creates a contact")


def delete(run: Run, rep: Rep) -> None:
    """Remove a contact that was there from the beginning."""
    rows = [r for r in rep.replica.table("contact").list() if not str(r["name"]).startswith("new ")]
    if rows:
        row = run.chance.choice(rows)

        def act() -> Known:
            rep.replica.table("contact").delete(row["id"])
            return [], []

        run.change(rep, act, f"deletes contact {row['id'][-4:]}")


def order(run: Run, rep: Rep) -> None:
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


def cancel(run: Run, rep: Rep) -> None:
    """Cancel an order, if it still can be."""
    rows = [r for r in rep.replica.orders.list() if r["status"] in ("accepted", "partly_accepted", "submitted")]
    if rows:
        row = run.chance.choice(rows)

        def act() -> Known:
            rep.replica.orders.cancel(row["id"])
            return [], []

        run.change(rep, act, f"cancels order {row['id'][-4:]}")


def settle(run: Run, rep: Rep) -> None:
    """Decide a conflict, whether or not it asks for it; others decide it too."""
    rows = rep.replica.conflicts.list()
    if not rows:
        return
    row = run.chance.choice(rows)
    choice = run.chance.choice(("keep", "delete") if row["field"] == "*" else ("keep", "take"))

    def act() -> Known:
        rep.replica.conflicts.settle(row["id"], choice)
        taken = row["field"] if choice == "take" and (row["entity"], row["field"]) in WATCHED else ""
        return [Typed((row["entity"], row["row_id"]), taken, row["lost"], 0, settles=row["id"])], []

    run.change(rep, act, f"settles {row['field']} of {row['entity']} {row['row_id'][-4:]}: {choice}")


def discard(run: Run, rep: Rep) -> None:
    """Take back the last thing done, if it was not sent."""
    if not rep.syncing and rep.replica.status().pending:
        run.discard(rep, rep.replica.status().last_number)


def _admin(run: Run, act: str) -> None:
    if run.slow is not None:
        run.note(f"the slow transaction of revision {run.slow.revision} commits")
        run.server.commit(run.slow)
        run.slow = None
        return
    try:
        transaction = run.server.begin()
    except Locked:
        return
    _write(run, transaction, act)
    if act == "admin_slow":
        run.note(f"plain SQL, revision {transaction.revision}, stays open")
        run.fault("long transaction")
        run.slow = transaction
        return
    run.note(f"plain SQL: {act}, revision {transaction.revision}")
    run.server.commit(transaction)


def _write(run: Run, transaction: Transaction, act: str) -> None:
    chance, server, token = run.chance, run.server, f"v{run.chance.randrange(10_000)}"
    match act:
        case "admin_pair":
            account = chance.choice(list(server.live("account")))
            server.write(transaction, "account", account.id, legal_name=token)
            for outlet in list(server.live("outlet")):
                if outlet.values["account_id"] == account.id:
                    server.write(transaction, "outlet", outlet.id, time_zone=token)
        case "admin_reassign":
            assignment = chance.choice([row for (e, _), row in server.rows.items() if e == "assignment"])
            server.write(transaction, "assignment", assignment.id, deleted=not assignment.deleted)
            run.fault("rights changed")
        case "admin_price":
            server.write(transaction, "price_item", run.ids["price"], price=f"{chance.randrange(1500, 2200) / 100:.2f}")
        case "admin_delete":
            contacts = list(server.live("contact"))
            if contacts:
                server.write(transaction, "contact", chance.choice(contacts).id, deleted=True)
        case _:
            contacts = list(server.live("contact"))
            if contacts:
                server.write(transaction, "contact", chance.choice(contacts).id, job_title=token)
