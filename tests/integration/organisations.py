"""Organisations made at random: people in teams, offices and territories, roles that depart, and the rows they work."""

import json
import random
from typing import Any

from outrider_sdk.protocol.entities import ENTITIES, Kind

from server.auth.access import ALWAYS_SHOWN, problems_of
from server.db import SYSTEM, TenantRef, connection, tenant_write
from tests.integration.sync_world import World, new_id

REACHES = ("none", "own", "team", "territory", "all")
PLAIN_ROLES = ("rep", "rep", "rep", "manager", "admin", "owner", "billing")
_HIDEABLE = {
    name: [f.name for f in entity.fields if not f.required and f.kind is not Kind.ID]
    for name, entity in ENTITIES.items()
}


class Organisation:
    """One random organisation, and what may happen to it next."""

    def __init__(self, tenant: TenantRef, seed: int) -> None:
        self.random = random.Random(seed)
        self.world = World(tenant, {})
        self.members: list[str] = []
        self.log: list[str] = []

    async def found(self) -> None:
        """Fill the tenant."""
        pick, ids = self.random, {}
        roles = [await self._role(n) for n in range(pick.randrange(1, 4))]
        for table in ("office", "team", "legal_entity", "price_list", "territory"):
            ids[table] = [new_id() for _ in range(pick.randrange(1, 4))]
        self.members = [new_id() for _ in range(pick.randrange(3, 7))]
        for office in ids["office"]:
            await self.run("INSERT INTO office (id, name) VALUES ($1, 'Office')", office)
        for team in ids["team"]:
            await self.run(
                "INSERT INTO team (id, name, office_id) VALUES ($1, 'Team', $2)", team, pick.choice(ids["office"])
            )
        for number, member in enumerate(self.members):
            role = "owner" if number == 0 else pick.choice((*PLAIN_ROLES, *roles, *roles))
            team = pick.choice((None, *ids["team"]))
            active = number == 0 or pick.random() < 0.9
            await self.run(
                "INSERT INTO member (id, name, role, team_id, active) VALUES ($1, $2, $3, $4, $5)",
                member, f"M{number}", role, team, active,
            )  # fmt: skip
        for number, territory in enumerate(ids["territory"]):
            parent = pick.choice((None, *ids["territory"][:number]))
            manager = pick.choice((None, *self.members))
            await self.run(
                "INSERT INTO territory (id, name, parent_id, manager_id) VALUES ($1, 'T', $2, $3)",
                territory, parent, manager,
            )  # fmt: skip
        for table in ("legal_entity", "price_list"):
            for row_id in ids[table]:
                await self.run(f"INSERT INTO {table} (id, name, currency) VALUES ($1, 'Name', 'EUR')", row_id)
        ids["assortment"] = await self._catalogue(ids["price_list"])
        for _ in range(pick.randrange(2, 6)):
            await self._account(ids)
        for _ in range(pick.randrange(1, 5)):
            await self.happen()

    async def run(self, sql: str, *parameters: Any) -> None:
        """One statement, as an operator would type it."""
        self.log.append(f"{sql} -- {parameters}")
        await self.world.execute(sql, *parameters)

    async def _role(self, number: int) -> str:
        """A role that departs from a built-in one at a few points."""
        key, base = f"role{number}", self.random.choice(("rep", "manager", "billing"))
        permissions: dict[str, dict[str, str]] = {}
        fields: dict[str, dict[str, str]] = {}
        for entity in self.random.sample(sorted(ENTITIES), 6):
            actions = self.random.sample(("read", "create", "edit", "delete"), self.random.randrange(1, 4))
            permissions[entity] = {action: self.random.choice(REACHES) for action in actions}
        for entity in self.random.sample(sorted(ENTITIES), 4):
            names = [f for f in _HIDEABLE[entity] if f not in ALWAYS_SHOWN]
            hidden = self.random.sample(names, min(len(names), 2))
            fields[entity] = {name: self.random.choice(("hidden", "hidden", "readonly")) for name in hidden}
        assert not list(problems_of(base, permissions, fields))
        await self.run(
            'INSERT INTO role (id, "key", name, base, permissions, fields) VALUES ($1, $2, $2, $3, $4, $5)',
            new_id(), key, base, json.dumps(permissions), json.dumps(fields),
        )  # fmt: skip
        return key

    async def _account(self, ids: dict[str, list[str]]) -> None:
        """A customer, perhaps with outlets, and what hangs on it."""
        pick, account = self.random, new_id()
        maker = pick.choice((None, *self.members))
        await self.run(
            "INSERT INTO account (id, name, created_by, legal_name) VALUES ($1, 'A', $2, 'A Ltd')", account, maker
        )
        agreement = new_id()
        await self.run(
            "INSERT INTO agreement (id, account_id, legal_entity_id, price_list_id, currency, credit_limit_minor)"
            " VALUES ($1, $2, $3, $4, 'EUR', 100)",
            agreement, account, pick.choice(ids["legal_entity"]), pick.choice(ids["price_list"]),
        )  # fmt: skip
        outlets = [new_id() for _ in range(pick.randrange(0, 3))]
        for outlet in outlets:
            await self.run(
                "INSERT INTO outlet (id, account_id, name, territory_id) VALUES ($1, $2, 'O', $3)",
                outlet, account, pick.choice((None, *ids["territory"])),
            )  # fmt: skip
            await self._assign(outlet, ids)
        contact = new_id()
        await self.run(
            "INSERT INTO contact (id, account_id, outlet_id, name, job_title) VALUES ($1, $2, $3, 'C', 'Boss')",
            contact, account, pick.choice((None, *outlets)),
        )  # fmt: skip
        await self.run(
            "INSERT INTO contact_channel (id, contact_id, channel_kind, value) VALUES ($1, $2, 'email', 'c@c.example')",
            new_id(), contact,
        )  # fmt: skip
        for row_id, field in ((account, "legal_name"), (contact, "job_title")):
            await self.run(
                "INSERT INTO conflict (id, entity, row_id, field, rule, lost_by, kept_by, status, explanation)"
                " VALUES ($1, $2, $3, $4, 'latest', $5, $6, 'recorded', 'Somebody was later.')",
                new_id(), "account" if row_id == account else "contact", row_id, field,
                pick.choice((None, *self.members)), pick.choice((None, *self.members)),
            )  # fmt: skip

    async def _assign(self, outlet: str, ids: dict[str, list[str]]) -> None:
        pick = self.random
        for _ in range(pick.randrange(0, 3)):
            to_team = pick.random() < 0.3
            member, team = (None, pick.choice(ids["team"])) if to_team else (pick.choice(self.members), None)
            starts, ends = pick.choice(_DATES)
            await self.run(
                "INSERT INTO assignment (id, member_id, team_id, outlet_id, assortment_id, starts_on, ends_on)"
                " VALUES ($1, $2, $3, $4, $5, current_date + $6::int, current_date + $7::int)",
                new_id(), member, team, outlet, pick.choice((None, *ids["assortment"] * 2)), starts, ends,
            )  # fmt: skip

    async def _catalogue(self, lists: list[str]) -> list[str]:
        """Products in categories, in assortments, priced and in stock; the ids of the assortments, perhaps none."""
        pick = self.random
        categories, products, warehouses = ([new_id() for _ in range(n)] for n in (2, 3, 2))
        assortments = [new_id() for _ in range(pick.choice((0, 1, 2)))]
        for number, category in enumerate(categories):
            parent = pick.choice((None, *categories[:number]))
            await self.run("INSERT INTO category (id, name, parent_id) VALUES ($1, 'C', $2)", category, parent)
        for warehouse in warehouses:
            keeper = pick.choice((None, *self.members))
            await self.run("INSERT INTO warehouse (id, name, member_id) VALUES ($1, 'W', $2)", warehouse, keeper)
        for product in products:
            await self.run(
                "INSERT INTO product (id, sku, name, base_unit, category_id) VALUES ($1, 'P', 'P', 'box', $2)",
                product, pick.choice((None, *categories)),
            )  # fmt: skip
            await self.run("INSERT INTO product_unit (id, product_id, unit) VALUES ($1, $2, 'box')", new_id(), product)
            await self.run(
                "INSERT INTO price_item (id, price_list_id, product_id, unit, price) VALUES ($1, $2, $3, 'box', 1)",
                new_id(), pick.choice(lists), product,
            )  # fmt: skip
            await self.run(
                "INSERT INTO stock (id, warehouse_id, product_id, quantity) VALUES ($1, $2, $3, 1)",
                new_id(), pick.choice(warehouses), product,
            )  # fmt: skip
        for assortment in assortments:
            starts, ends = pick.choice(_DATES)
            await self.run(
                "INSERT INTO assortment (id, name, starts_on, ends_on)"
                " VALUES ($1, 'A', current_date + $2::int, current_date + $3::int)",
                assortment, starts, ends,
            )  # fmt: skip
            for _ in range(pick.randrange(0, 4)):
                product, category = pick.choice(((pick.choice(products), None), (None, pick.choice(categories))))
                starts, ends = pick.choice(_DATES)
                await self.run(
                    "INSERT INTO assortment_item"
                    " (id, assortment_id, effect, product_id, category_id, channel, starts_on, ends_on)"
                    " VALUES ($1, $2, $3, $4, $5, $6, current_date + $7::int, current_date + $8::int)",
                    new_id(), assortment, pick.choice(("allow", "allow", "ban")), product, category,
                    pick.choice((None, None, "kiosk")), starts, ends,
                )  # fmt: skip
        return assortments

    async def happen(self) -> None:
        """Something that changes who sees what."""
        sql = self.random.choice(_EVENTS)
        for name in _NAMED:
            while "{" + name + "}" in sql:
                sql = sql.replace("{" + name + "}", await self._any(name), 1)
        reach = self.random.choice(REACHES)
        await self.run(sql.replace("{new}", f"'{new_id()}'").replace("{reach}", reach))

    async def _any(self, table: str) -> str:
        wanted = '"key"' if table == "role" else "id"
        condition = " AND \"key\" NOT IN ('owner', 'admin')" if table == "role" else ""
        found = await self.world.fetch(
            f"SELECT {wanted} AS v FROM {table} WHERE deleted_at IS NULL{condition} ORDER BY 1"
        )
        return f"'{self.random.choice(found)['v']}'" if found else "NULL"


_DATES = ((None, None), (None, None), (1, None), (None, -1), (-3, 3))
"""From and until, in days from today."""
_NAMED = (
    "member", "team", "territory", "outlet", "account", "role", "assignment", "contact", "delegation", "price_list",
    "agreement", "warehouse", "product", "category", "assortment", "assortment_item", "price_item", "stock",
)  # fmt: skip
_EVENTS = [
    "UPDATE agreement SET price_list_id = {price_list} WHERE id = {agreement}",
    "UPDATE agreement SET account_id = {account} WHERE id = {agreement}",
    "DELETE FROM agreement WHERE id = {agreement}",
    "INSERT INTO price_list (id, name, currency) VALUES ({new}, 'Another', 'EUR')",
    "DELETE FROM price_list WHERE id = {price_list}",
    "UPDATE price_item SET price_list_id = {price_list}, price = price + 1 WHERE id = {price_item}",
    "UPDATE warehouse SET member_id = {member} WHERE id = {warehouse}",
    "UPDATE warehouse SET member_id = NULL WHERE id = {warehouse}",
    "UPDATE stock SET warehouse_id = {warehouse}, quantity = quantity + 1 WHERE id = {stock}",
    "UPDATE assignment SET assortment_id = {assortment} WHERE id = {assignment}",
    "UPDATE assignment SET assortment_id = {assortment}",
    "UPDATE assignment SET assortment_id = NULL WHERE id = {assignment}",
    "INSERT INTO assortment_item (id, assortment_id, product_id) SELECT {new}, id, {product} FROM assortment"
    " WHERE id = {assortment}",
    "INSERT INTO assortment_item (id, assortment_id, effect, category_id) SELECT {new}, id, 'ban', {category}"
    " FROM assortment WHERE id = {assortment}",
    "UPDATE assortment_item SET ends_on = current_date - 1 WHERE id = {assortment_item}",
    "UPDATE assortment_item SET outlet_id = {outlet} WHERE id = {assortment_item}",
    "DELETE FROM assortment_item WHERE id = {assortment_item}",
    "UPDATE assortment SET starts_on = current_date + 1 WHERE id = {assortment}",
    "UPDATE product SET category_id = {category} WHERE id = {product}",
    "UPDATE category SET parent_id = {category} WHERE id = {category}",
    "DELETE FROM product WHERE id = {product}",
    "UPDATE member SET team_id = {team} WHERE id = {member}",
    "UPDATE member SET role = {role} WHERE id = {member} AND role <> 'owner'",
    "UPDATE member SET active = NOT active WHERE id = {member} AND role <> 'owner'",
    "UPDATE territory SET manager_id = {member} WHERE id = {territory}",
    "UPDATE outlet SET territory_id = {territory} WHERE id = {outlet}",
    "UPDATE outlet SET account_id = {account} WHERE id = {outlet}",
    "UPDATE contact SET outlet_id = {outlet} WHERE id = {contact}",
    "DELETE FROM outlet WHERE id = {outlet}",
    "DELETE FROM assignment WHERE id = {assignment}",
    "UPDATE assignment SET member_id = NULL, team_id = {team} WHERE id = {assignment}",
    "UPDATE assignment SET ends_on = current_date - 1 WHERE id = {assignment}",
    "INSERT INTO assignment (id, member_id, outlet_id) SELECT {new}, {member}, id FROM outlet WHERE id = {outlet}",
    "INSERT INTO delegation (id, member_id, substitute_id) VALUES ({new}, {member}, {member})",
    "UPDATE delegation SET ends_on = current_date - 1 WHERE id = {delegation}",
    """UPDATE role SET permissions = permissions || '{"order": {"read": "{reach}"}, "outlet": {"read": "{reach}"}}'
        WHERE "key" = {role}""",
    """UPDATE role SET fields = '{"contact": {"job_title": "hidden"}, "account": {"legal_name": "hidden"}}'
        WHERE "key" = {role}""",
    "UPDATE role SET fields = '{}' WHERE \"key\" = {role}",
]


async def found_organisation(tenant: TenantRef, seed: int) -> Organisation:
    """A random organisation in a fresh tenant."""
    organisation = Organisation(tenant, seed)
    async with tenant_write(tenant, by=SYSTEM):
        await connection().execute("SELECT 1")
    await organisation.found()
    return organisation
