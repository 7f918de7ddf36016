"""The people of the demo, and the tenant `demo` that `outrider serve` fills at its first start."""

import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from server.auth import service
from server.auth.commands import add_member
from server.auth.passwords import hash_password
from server.db import SYSTEM, TenantRef, platform_transaction, tenant_write
from server.demo.company import Company
from server.demo.generated import generate_company
from server.demo.load import Loaded, load_company
from server.tenants.service import create_tenant, list_tenants

DEMO_SLUG: Final = "demo"
DEMO_PASSWORD: Final = "outrider-demo"  # noqa: S105 - shown to whoever runs the demo
OFFICE: Final = "office"
"""Key of the owner, who keeps prices and sells nothing."""


@dataclass(frozen=True, slots=True)
class DemoMember:
    """A member of the demo, and how they log in."""

    id: UUID
    name: str
    email: str
    role: str


async def add_members(tenant: TenantRef, company: Company, *, domain: str) -> dict[str, DemoMember]:
    """Make everybody of the company a member who can log in, and an owner of the tenant: key → member.

    Needs no open transaction; doing it again finds them.
    """
    managers = company.managers()
    wanted = {OFFICE: ("Head Office", f"{OFFICE}@{domain}", "owner")}
    taken = {OFFICE}
    for person in company.people:
        local = _local_part(person.first_name, person.last_name, taken)
        wanted[person.key] = (person.name, f"{local}@{domain}", "manager" if person.key in managers else "rep")

    ids = await _join(tenant, wanted.values())
    made = (DemoMember(member_id, *each) for member_id, each in zip(ids, wanted.values(), strict=True))
    return dict(zip(wanted, made, strict=True))


async def _join(tenant: TenantRef, people: Collection[tuple[str, str, str]]) -> list[UUID]:
    """Members of (name, e-mail, role): as `add_member` would, with the one password hashed once."""
    password_hash = await hash_password(DEMO_PASSWORD)
    async with platform_transaction():
        identities = [await service.create_identity(email, password_hash) for _, email, _ in people]
    if any(identity.password_hash != password_hash for identity in identities):
        return [
            await add_member(tenant, name=name, email=email, role=role, password=DEMO_PASSWORD)
            for name, email, role in people
        ]
    async with tenant_write(tenant, by=SYSTEM) as revision:
        ids = [
            await service.create_member(identity.id, email=email, name=name, role=role, revision=revision)
            for identity, (name, email, role) in zip(identities, people, strict=True)
        ]
    async with platform_transaction():
        for identity, member_id in zip(identities, ids, strict=True):
            await service.link_member(tenant, identity.id, member_id)
    return ids


def _local_part(first_name: str, last_name: str, taken: set[str]) -> str:
    first, last = (_ascii(name) for name in (first_name, last_name))
    candidates = (first, f"{first}.{last}", *(f"{first}.{last}{number}" for number in range(2, 1_000)))
    chosen = next(candidate for candidate in candidates if candidate.strip(".") and candidate not in taken)
    taken.add(chosen)
    return chosen


def _ascii(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return "".join(c for c in plain if c.isalnum())


async def fill_tenant(tenant: TenantRef, company: Company, members: Mapping[str, DemoMember]) -> Loaded:
    """Write the company into the tenant, all of it or nothing."""
    ids = {person.key: members[person.key].id for person in company.people}
    async with tenant_write(tenant, by=SYSTEM):
        return await load_company(company, ids)


async def seed_demo(urls: Mapping[str, str]) -> list[str]:
    """Make the tenant `demo` with generated data; what to tell whoever started the server. Nothing, if it exists.

    Args:
        urls: the owner's URL of each database; the app's pools are in use (`connections.use`).
    """
    async with platform_transaction():
        if any(tenant.slug == DEMO_SLUG for tenant in await list_tenants()):
            return []
    company = generate_company()
    tenant = await create_tenant(urls, slug=DEMO_SLUG, name=company.name)
    members = await add_members(tenant, company, domain="demo.example")
    await fill_tenant(tenant, company, members)
    log_ins = [f"  {member.email:<28} {member.name} ({member.role})" for member in members.values()]
    return [f"Demo tenant “{DEMO_SLUG}”; everybody's password is {DEMO_PASSWORD}:", *log_ins]
