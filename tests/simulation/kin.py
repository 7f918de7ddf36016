"""Statements about a replica's lives: what a device was before, and what other incarnations of it have."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from uuid import UUID

from outrider_sdk.protocol import GENESIS_DIGEST

if TYPE_CHECKING:
    from tests.simulation.server import MemoryServer


class Kin:
    """A part of `database.Database`."""

    _server: "MemoryServer"

    def _devices(self) -> Iterable[Any]:
        return self._server.devices.values()

    def _past(self, record: Any) -> dict[str, Any]:
        past = asdict(record) | {"name": "", "secret_hash": b""}
        past["origin"] = record.origin_id or record.id
        return past | {"earlier": json.dumps(record.earlier)}

    async def create_device(
        self, member_id: str, _name: str, _secret: bytes, *, after: tuple[int, str], **more: Any
    ) -> Any:
        """A further incarnation."""
        return self._server.add_device(
            member_id, more.get("enrolled_at", self._server.clock()), after, origin_id=more.get("origin_id"),
            incarnation=more.get("incarnation", 1), cause=more["cause"], earlier=json.loads(more.get("earlier", "{}")),
            key=more.get("incarnation_key"), **{name: more[name] for name in more if name.startswith("wipe_")},
        )  # fmt: skip

    async def get_device(self, device_id: str) -> Any:
        """A device."""
        return self._server.devices[device_id]

    def _ancestor(self, member: str, numbers: list[int], digests: list[str], _: str) -> dict[str, Any] | None:
        for number, digest in sorted(zip(numbers, digests, strict=True), reverse=True):
            for device in sorted(self._devices(), key=lambda d: -d.incarnation):
                known = device.outcomes.get(number, {}).get("digest") == digest
                if (
                    device.member_id == member
                    and digest != GENESIS_DIGEST
                    and (known or (device.last_number, device.last_digest) == (number, digest))
                ):
                    return self._past(device)
        return None

    def _known_digests(self, kin: list[str], numbers: list[int]) -> list[tuple[str, int, str]]:
        devices = [self._server.devices[device_id] for device_id in kin]
        found = [(d.id, n, d.outcomes[n]["digest"]) for d in devices for n in numbers if n in d.outcomes]
        return found + [(d.id, d.last_number, d.last_digest) for d in devices]

    def _outcomes_of_kin(
        self, origin: str, own: str, numbers: list[int], digests: list[str], member: str | None
    ) -> list[dict[str, Any]]:
        found = []
        for device in self._devices():
            if (origin in (device.id, device.origin_id) or device.member_id == member) and device.id != own:
                for number, digest in zip(numbers, digests, strict=True):
                    outcome = device.outcomes.get(number)
                    if outcome is not None and outcome["digest"] == digest:
                        found.append((number, outcome["status"] == "parked", device.id, digest, outcome))
        first = {number: rest for number, *rest in sorted(found, key=lambda f: f[:3], reverse=True)}
        by_number = {n: sorted(id_ for number, _, id_, *_ in found if number == n) for n in first}
        return [
            {
                "number": n,
                "digest": digest,
                "revision": self._server.devices[device_id].decided[n],
                "refused": outcome["status"] == "refused",
                "outcome": json.dumps(outcome),
                "device_ids": by_number[n],
            }
            for n, (_, device_id, digest, outcome) in sorted(first.items())
        ]

    def _decided_since(self, ids: list[UUID], through: list[int], since: int, own: str) -> list[Any]:
        told: dict[int, Any] = {}
        for device_id, last in sorted(zip(map(str, ids), through, strict=True), key=lambda k: k[0] == own):
            device = self._server.devices.get(device_id)
            for number, outcome in device.outcomes.items() if device else ():
                waits = outcome["status"] == "parked"
                is_told = device_id == own if waits else device.decided[number] >= since
                if number <= last and is_told:
                    told[number] = outcome
        return [{"outcome": json.dumps(told[number])} for number in sorted(told)]
