"""Devices without a replica: tokens and bare HTTP, so that a crowd of them costs the bench next to nothing."""

import asyncio
import gzip
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from outrider_sdk.protocol import GENESIS_DIGEST, PROTOCOL_VERSION, chain_digest
from outrider_sdk.protocol.entities import SCHEMA_VERSION
from outrider_sdk.protocol.ids import uuid7

from server.auth.access import access_of
from server.auth.tokens import keys
from server.db import TenantRef, connection, tenant_transaction

VIEW = access_of("rep", "rep").view


@dataclass
class BareDevice:
    """An enrolled device that speaks the protocol and keeps nothing but its cursor."""

    id: UUID
    token: str
    cursor: int = 0
    number: int = 0
    digest: str = GENESIS_DIGEST
    bytes_received: int = 0
    busy: bool = False
    _streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = field(default=None, repr=False)

    async def pull(self, server: str) -> bytes:
        """The first page after its cursor, as it came."""
        body = {"protocol": PROTOCOL_VERSION, "schema": SCHEMA_VERSION, "cursor": self.cursor, "position": None}
        return await self.post(server, "/sync/pull", body | {"view": VIEW})

    async def pull_all(self, server: str) -> None:
        """Pull, and have what came. (A device of this bench never has more than a page to get.)"""
        page = json.loads(_unzipped(await self.pull(server)))
        assert page["complete"]
        self.cursor = page["cursor"]

    async def push(self, server: str, changes: list[dict[str, Any]], captured_at: int) -> bytes:
        """One mutation."""
        mutation: dict[str, Any] = {"number": self.number + 1, "captured_at": captured_at, "skew": 0}
        mutation["changes"] = changes
        mutation["digest"] = chain_digest(self.digest, mutation)
        body = {"protocol": PROTOCOL_VERSION, "incarnation": 1, "acked_through": self.number, "mutations": [mutation]}
        reply = await self.post(server, "/sync/push", body)
        self.number, self.digest = mutation["number"], mutation["digest"]
        return reply

    async def post(self, server: str, path: str, body: dict[str, Any]) -> bytes:
        """Send a request on a connection that stays open; the body of its reply, undecoded."""
        content = json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {self.token}\r\n"
            f"Content-Type: application/json\r\nAccept-Encoding: gzip\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        try:
            reply = await self._exchange(server, head.encode() + content)
        except (ConnectionError, asyncio.IncompleteReadError):  # the server closes what was idle for half a minute
            self.close()
            reply = await self._exchange(server, head.encode() + content)
        self.bytes_received += len(reply)
        return reply

    async def _exchange(self, server: str, request: bytes) -> bytes:
        if self._streams is None:
            parts = urlsplit(server)
            self._streams = await asyncio.open_connection(parts.hostname, parts.port, limit=2**22)
        reader, writer = self._streams
        writer.write(request)
        status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        reply = await reader.readexactly(int(headers["content-length"]))
        assert " 200 " in status, (status, reply)
        return reply

    def close(self) -> None:
        """Close the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def _unzipped(content: bytes) -> bytes:
    return gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content


async def enrol_bare(tenant: TenantRef, members: list[UUID]) -> list[BareDevice]:
    """A device of each of the members, as if it had everything up to now."""
    devices = []
    async with tenant_transaction(tenant) as conn:
        head = await connection().fetchval("SELECT revision FROM revision_counter")
        ids = [uuid7() for _ in members]
        await conn.executemany(
            "INSERT INTO device (id, member_id, name, secret_hash, number_prefix, last_digest)"
            " VALUES ($1, $2, 'phone', '', $3, $4)",
            [(i, member, str(i)[-8:], GENESIS_DIGEST) for i, member in zip(ids, members, strict=True)],
        )
    for i, member in zip(ids, members, strict=True):
        token = await keys.issue(tenant_id=tenant.id, member_id=member, role="rep", device_id=i)
        devices.append(BareDevice(i, token, cursor=head))
    return devices
