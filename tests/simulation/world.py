"""The tenant as it is when a run begins: few rows of each kind, so that people meet over them."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.simulation.run import Run

DEVICES = 4
"""Three reps, and one whose role changes."""
OUTLETS = 4


def settle_in(run: "Run") -> None:
    """Write everything in one transaction."""
    transaction = run.server.begin()
    ids = run.ids

    def write(entity: str, key: str, /, **values: Any) -> None:
        run.server.write(transaction, entity, ids.setdefault(key, run.new_id()), **values)

    write("role", "role", key="lead", name="Lead", base="rep", permissions="{}", fields="{}")
    for team in ("team0", "team1"):
        write("team", team, name=team)
    for i in range(DEVICES):
        role = "lead" if i == DEVICES - 1 else "rep"
        write("member", f"member{i}", name=f"Rep {i}", role=role, active=True, team_id=ids[f"team{i % 2}"])
    write("territory", "north", name="North")
    write("territory", "city", name="City", parent_id=ids["north"])
    write("custom_field", "colour", entity="contact", key="colour", label="Colour", field_type="text", active=True)
    _write_catalogue(run, write)
    for i in range(2):
        write("account", f"account{i}", name=f"A{i}", roles="[]", tags="[]")
        write("agreement", f"terms{i}", account_id=ids[f"account{i}"], legal_entity_id=ids["company"],
              price_list_id=ids["list"], currency="USD", discount_max="0.1")  # fmt: skip
    for i in range(OUTLETS):
        write("outlet", f"outlet{i}", account_id=ids[f"account{i % 2}"], name=f"O{i}", tags="[]",
              territory_id=ids["city"] if i % 2 else ids["north"])  # fmt: skip
        write("contact", f"contact{i}", account_id=ids[f"account{i % 2}"], name=f"C{i}",
              outlet_id=ids[f"outlet{i}"] if i > 1 else None)  # fmt: skip
        for m in range(DEVICES):
            if (i + m) % 3:
                write("assignment", f"assignment{i}{m}", member_id=ids[f"member{m}"], outlet_id=ids[f"outlet{i}"])
    run.server.commit(transaction)


def _write_catalogue(run: "Run", write: Any) -> None:
    ids = run.ids
    write("legal_entity", "company", name="Co", currency="USD")
    write("price_list", "list", name="List", currency="USD", version=1)
    write("product", "tea", sku="TEA", name="Tea", names="{}", base_unit="box", active=True)
    write("price_item", "price", price_list_id=ids["list"], product_id=ids["tea"], unit="box", price="18.00",
          minimum_quantity="0")  # fmt: skip
    write("warehouse", "depot", name="Depot", legal_entity_id=ids["company"], warehouse_kind="depot")
    write("stock", "stock", warehouse_id=ids["depot"], product_id=ids["tea"], quantity="120", reserved="0",
          as_of=run.now)  # fmt: skip
