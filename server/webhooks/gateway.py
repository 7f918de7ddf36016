"""Sends one message to one receiver: resolved once, to the address that was looked at, without following redirects."""

import asyncio
import ipaddress
import socket
import time
from dataclasses import dataclass
from typing import Any, Final

import httpx2

from server.webhooks.addresses import Address, AddressRefused, Network, Target, check_addresses, read_url
from server.webhooks.rules import Answer

TIMEOUT_S: Final = 10.0
"""For the whole attempt, from the name's resolution on."""
RESPONSE_BYTES_MAX: Final = 4_096
"""So much of a reply is read; nothing of it is kept."""
ERROR_LENGTH_MAX: Final = 300
USER_AGENT: Final = "Outrider-Webhooks/1"


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """The installation's secret, and the private networks that the operator lets webhooks into."""

    secret_key: bytes
    networks: tuple[Network, ...] = ()


_settings: WebhookSettings | None = None


def use(settings: WebhookSettings | None) -> None:
    """Make these the process's settings (at start-up; None at shutdown)."""
    global _settings
    _settings = settings


def given() -> WebhookSettings:
    """The process's settings."""
    if _settings is None:
        raise RuntimeError("Webhooks are not set up: call gateway.use() at start-up.")
    return _settings


async def send(url: str, headers: dict[str, str], body: bytes) -> Answer:
    """Make one attempt. Whatever goes wrong on the way is the answer, never an exception."""
    started = time.monotonic()
    status, error = None, None
    try:
        async with asyncio.timeout(TIMEOUT_S):
            status = await _post(url, headers, body)
    except TimeoutError:
        error = f"No answer within {TIMEOUT_S:g} s."
    except AddressRefused as refused:
        error = str(refused)
    except (OSError, httpx2.HTTPError, httpx2.InvalidURL, ValueError) as failed:
        error = f"{type(failed).__name__}: {failed}"[:ERROR_LENGTH_MAX]
    return Answer(status, error, round((time.monotonic() - started) * 1000))


async def _post(url: str, headers: dict[str, str], body: bytes) -> int:
    allowed = given().networks
    target = read_url(url, allowed)
    addresses = await _resolve(target)
    check_addresses(target, addresses, allowed)
    async with httpx2.AsyncClient(trust_env=False, follow_redirects=False, timeout=TIMEOUT_S) as client:
        request = client.build_request(
            "POST",
            _pinned_url(target, addresses[0]),
            content=body,
            headers=headers
            | {"Host": target.host_header, "Content-Type": "application/json", "User-Agent": USER_AGENT}
            | {"Accept-Encoding": "identity", "Connection": "close"},
            extensions={"sni_hostname": target.host},
        )
        reply = await client.send(request, stream=True)
        try:
            await _skim(reply)
        finally:
            await reply.aclose()
        return reply.status_code


def _pinned_url(target: Target, address: Address) -> str:
    host = f"[{address}]" if address.version == 6 else str(address)
    return f"{'https' if target.secure else 'http'}://{host}:{target.port}{target.path}"


async def _skim(reply: Any) -> None:
    """Read a little, so that a well-behaved receiver is not cut off in its answer."""
    seen = 0
    async for chunk in reply.aiter_raw():
        seen += len(chunk)
        if seen >= RESPONSE_BYTES_MAX:
            return


async def _resolve(target: Target) -> list[Address]:
    """All addresses of the host, IPv4 first.

    Raises:
        OSError: it has none.
    """
    found = await asyncio.get_running_loop().getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    addresses = dict.fromkeys(ipaddress.ip_address(str(info[4][0]).partition("%")[0]) for info in found)
    return sorted(addresses, key=lambda address: address.version)
