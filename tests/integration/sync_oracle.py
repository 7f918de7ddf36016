"""What a member may see, said once more from the plain tables, without scopes, entries or grants."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from outrider_sdk.protocol.entities import ENTITIES

from server.db import tenant_transaction
from tests.integration.sync_world import WireDevice, World

_CATALOGUE = (
    "office", "team", "territory", "member", "legal_entity", "custom_field", "field_master", "category",
    "tax_category", "tax_rate", "promotion",
)  # fmt: skip


_REACH = {"none": 0, "own": 1, "team": 2, "territory": 3, "all": 4}


_REACH_OF_BASE = {"rep": 1, "manager": 3, "admin": 4, "owner": 4, "billing": 0}


TENANT, OFFICE, WHOLE = "everybody's", "the office's", "the whole catalogue"


Scope = str | tuple[str, str]
"""What is visible together; of a pair, what whoever holds both sees."""


_PARENTS = {
    "contact_channel": "contact",
    "consent": "contact",
    "payment_allocation": "payment",
    "order_line": "order",
    "return_line": "return_order",
    "route_stop": "route",
}


class Oracle:
    """All tables of a tenant as they are now."""

    def __init__(self, tables: dict[str, dict[str, dict[str, Any]]], today: date) -> None:
        self.tables, self.today = tables, today

    @classmethod
    async def look(cls, world: World) -> "Oracle":
        """Read everything, deleted rows too, in one moment."""
        tables = {}
        async with tenant_transaction(world.tenant, snapshot=True) as conn:
            for entity in ENTITIES:
                records = await conn.fetch(f'SELECT * FROM "{entity}"')
                tables[entity] = {str(r["id"]): dict(r) for r in records}
            today = await conn.fetchval("SELECT current_date")
        return cls(tables, today)

    def rows_of(self, member_id: str) -> dict[str, dict[str, dict[str, Any]]]:
        """Entity → id → wire row, for every row that the member may see, without the fields hidden from them."""
        found: dict[str, dict[str, dict[str, Any]]] = {}
        for entity in ENTITIES:
            for row_id in self.ids_of(member_id, entity):
                row = _wire(entity, self.tables[entity][row_id])
                shown = {name: v for name, v in row.items() if name not in self.hidden_from(member_id, entity)}
                found.setdefault(entity, {})[row_id] = shown
        return found

    def ids_of(self, member_id: str, entity: str, action: str = "read") -> set[str]:
        """Ids of the live rows of an entity to which the member may do this."""
        reach = min(self._reach(member_id, entity, "read"), self._reach(member_id, entity, action))
        levels = self._levels_of(member_id)
        return {
            row_id
            for row_id, row in self.live(entity).items()
            if self._level_of(levels, entity, row) <= reach and self._sees_record(member_id, levels, entity, row)
        }

    def _sees_record(self, member_id: str, levels: dict[str, int], entity: str, row: dict[str, Any]) -> bool:
        """What is said of a record is seen by whoever may see such a record there, and the field that it is about."""
        if "row_id" not in row:
            return True
        reach = self._reach(member_id, row["entity"], "read")
        return self._level_of(levels, entity, row) <= reach and row.get("field") not in self.hidden_from(
            member_id, row["entity"]
        )

    def may(self, member_id: str, entity: str, action: str) -> bool:
        """Whether the member may do this to any row of the entity."""
        return min(self._reach(member_id, entity, "read"), self._reach(member_id, entity, action)) > 0

    def _level_of(self, levels: dict[str, int], entity: str, row: dict[str, Any]) -> int:
        """How near a row is: in the nearest of its scopes, and in a pair, as far as the farther of the two."""
        parts = [(scope,) if isinstance(scope, str) else scope for scope in self._scopes_of(entity, row)]
        return min((max(levels.get(part, 9) for part in scope) for scope in parts), default=9)

    def hidden_from(self, member_id: str, entity: str) -> set[str]:
        """The fields of an entity that do not exist for the member."""
        role = self._role_of(member_id)
        return {f for f, rule in _parsed(role["fields"]).get(entity, {}).items() if rule == "hidden"} if role else set()

    def locked_for(self, member_id: str, entity: str) -> set[str]:
        """The fields of an entity that the member's role may not set: hidden ones, and those only to be read."""
        role = self._role_of(member_id)
        return set(_parsed(role["fields"]).get(entity, {})) if role else set()

    def live(self, entity: str) -> dict[str, dict[str, Any]]:
        """Rows that are not deleted, by id."""
        return {row_id: row for row_id, row in self.tables[entity].items() if row["deleted_at"] is None}

    def _role_of(self, member_id: str) -> dict[str, Any] | None:
        key = self.tables["member"][member_id]["role"]
        return next((r for r in self.live("role").values() if r["key"] == key), None)

    def _reach(self, member_id: str, entity: str, action: str) -> int:
        member, role = self.live("member").get(member_id), self._role_of(member_id)
        if member is None or not member["active"] or role is None:
            return 0
        said = _parsed(role["permissions"]).get(entity, {}).get(action)
        if said is not None and role["key"] not in ("admin", "owner"):
            return _REACH[said]
        whole = _REACH_OF_BASE[role["base"]]
        return whole if entity != "role" or whole == 4 else 0  # of what devices may write at all

    def _levels_of(self, member_id: str) -> dict[str, int]:
        """How near each scope is to the member."""
        member = self.live("member").get(member_id)
        if member is None or not member["active"]:
            return {}
        levels = {TENANT: 1, OFFICE: 4} | dict.fromkeys((*self.tables["outlet"], *self.tables["member"]), 4)
        branch = self._branch_of(member_id)
        levels |= {i: 3 for i, o in self.tables["outlet"].items() if str(o["territory_id"]) in branch}
        mates = {i for i, m in self.tables["member"].items() if m["team_id"] and m["team_id"] == member["team_id"]}
        levels |= {scope: 2 for mate in mates - {member_id} for scope in {mate, *self._worked_by(mate)}}
        stood_in_for = {
            str(d["member_id"]) for d in self.live("delegation").values()
            if str(d["substitute_id"]) == member_id and self._holds(d)
        }  # fmt: skip
        levels |= {scope: 1 for own in {member_id, *stood_in_for} for scope in {own, *self._worked_by(own)}}
        levels |= {WHOLE: 3 if any(str(t["manager_id"]) == member_id for t in self.live("territory").values()) else 4}
        for level, people in ((2, mates - {member_id}), (1, {member_id, *stood_in_for})):
            levels |= {part: level for person in people for part in self._parts_of(person)}
        return levels | {i: self._level_of_list(levels, i) for i in self.tables["price_list"]}

    def _parts_of(self, member_id: str) -> set[str]:
        """The part of the catalogue that a member works with: all, or what every assignment of theirs names."""
        named = {str(a["assortment_id"] or WHOLE) for a in self._assignments_of(member_id)} or {WHOLE}
        return {WHOLE} if WHOLE in named else named

    def _level_of_list(self, levels: dict[str, int], list_id: str) -> int:
        """As near as the nearest account whose agreement names it; one that none names is everybody's."""
        naming = [a for a in self.live("agreement").values() if str(a["price_list_id"]) == list_id]
        return min((self._level_of(levels, "agreement", a) for a in naming), default=1)

    def _holds(self, row: dict[str, Any]) -> bool:
        return bool((row["starts_on"] or self.today) <= self.today <= (row["ends_on"] or self.today))

    def _worked_by(self, member_id: str) -> set[str]:
        return {str(a["outlet_id"]) for a in self._assignments_of(member_id)}

    def _assignments_of(self, member_id: str) -> list[dict[str, Any]]:
        team = self.tables["member"][member_id]["team_id"]
        return [
            a
            for a in self.live("assignment").values()
            if (str(a["member_id"]) == member_id or (team and a["team_id"] == team)) and self._holds(a)
        ]

    def _branch_of(self, member_id: str) -> set[str]:
        territories = self.live("territory")
        branch = {row_id for row_id, t in territories.items() if str(t["manager_id"]) == member_id}
        while more := {i for i, t in territories.items() if str(t["parent_id"]) in branch} - branch:
            branch |= more
        return branch

    def _scopes_of(self, entity: str, row: dict[str, Any]) -> set[Scope]:
        match entity:
            case "role":
                return {OFFICE}
            case "delegation":
                return {str(row["member_id"]), str(row["substitute_id"])}
            case "outlet":
                return {str(row["id"])}
            case "assortment_item" if row["outlet_id"]:
                return {str(row["outlet_id"])}
            case "assortment_item":
                return {WHOLE, str(row["assortment_id"])}
            case "assortment":
                return {WHOLE, str(row["id"])}
            case "product":
                return {WHOLE, *self._assortments_of(row)}
            case "product_unit":
                return set(self._parts_of_product(row))
            case "price_list":
                return {str(row["id"])}
            case "price_item":
                return {(str(row["price_list_id"]), part) for part in self._parts_of_product(row)}
            case "warehouse":
                return {str(row["member_id"] or TENANT)}
            case "stock":
                keeper = self.tables["warehouse"][str(row["warehouse_id"])]["member_id"]
                return {(str(keeper or TENANT), part) for part in self._parts_of_product(row)}
            case "account":
                return self._scopes_of_account(str(row["id"]))
            case "agreement" | "invoice" | "receivable":
                return self._scopes_of_account(str(row["account_id"]))
            case "contact" | "payment":
                return self._scopes_of_contact(row)
            case "contact_channel" | "consent" | "payment_allocation" | "order_line" | "return_line" | "route_stop":
                name = _PARENTS[entity]
                parent = self.live(name).get(str(row[f"{name}_id"]))
                return self._scopes_of(name, parent) if parent else set()
            case "assignment":
                return {str(row["outlet_id"]), str(row["member_id"])}
            case "route" | "visit":
                return {str(row["member_id"])}
            case "order" | "return_order":
                return {str(row["outlet_id"])}
            case "stock_movement":
                return {str(self.live("warehouse")[str(row["warehouse_id"])]["member_id"] or OFFICE)}
            case "comment" | "attachment":
                record = self.live(row["entity"]).get(str(row["row_id"]))
                return self._scopes_of(row["entity"], record) if record else set()
            case "conflict":
                return {str(row["lost_by"] or OFFICE), str(row["kept_by"] or OFFICE)}
            case "merge" if row["entity"] == "account":
                return self._scopes_of_account(str(row["winner_id"]))
            case "merge":
                return self._scopes_of_contact(self.tables["contact"][str(row["winner_id"])])
            case _:
                return {TENANT} if entity in _CATALOGUE else set()

    def _parts_of_product(self, row: dict[str, Any]) -> set[str]:
        product = self.live("product").get(str(row["product_id"]))
        return {WHOLE, *(self._assortments_of(product) if product else ())}

    def _assortments_of(self, product: dict[str, Any]) -> set[str]:
        """Those that allow the product today, and ban it nowhere but at some outlet or in some channel."""
        above = {str(product["category_id"])}
        while (
            more := {str(self.tables["category"][c]["parent_id"]) for c in above if c in self.tables["category"]}
            - above
        ):
            above |= more
        items = [
            i for i in self.live("assortment_item").values() if self._holds(i)
            and (i["product_id"] == product["id"] or str(i["category_id"] or "none") in above - {"None"})
        ]  # fmt: skip
        allowed = {str(i["assortment_id"]) for i in items if i["effect"] == "allow"}
        banned = {
            str(i["assortment_id"]) for i in items if i["effect"] == "ban" and not (i["outlet_id"] or i["channel"])
        }
        return {a for a in allowed - banned if a in self.live("assortment") and self._holds(self.live("assortment")[a])}

    def _scopes_of_account(self, account_id: str) -> set[Scope]:
        outlets = {row_id for row_id, o in self.live("outlet").items() if str(o["account_id"]) == account_id}
        return outlets or {str(self.tables["account"][account_id]["created_by"]), OFFICE}

    def _scopes_of_contact(self, contact: dict[str, Any]) -> set[Scope]:
        if contact["outlet_id"] is not None:
            return {str(contact["outlet_id"])}
        return self._scopes_of_account(str(contact["account_id"]))


def _parsed(document: Any) -> dict[str, Any]:
    return dict(json.loads(document) if isinstance(document, str) else document)


def _wire(entity: str, row: dict[str, Any]) -> dict[str, Any]:
    return {name: _wire_value(row[name]) for name in ENTITIES[entity].columns}


def _wire_value(value: Any) -> Any:
    match value:
        case datetime():
            since = value - datetime(1970, 1, 1, tzinfo=UTC)
            return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
        case date():
            return value.isoformat()
        case Decimal():
            return f"{value:f}"
        case UUID():
            return str(value)
        case _:
            return value


async def assert_converged(world: World, *devices: WireDevice) -> None:
    """Each device, once drained, holds what a fresh look says its member may see, value for value (S3)."""
    oracle = await Oracle.look(world)
    for device in devices:
        held = {entity: rows for entity, rows in device.rows.items() if rows}
        assert held == oracle.rows_of(device.member_id)
