"""Where a webhook may go: public addresses, over https. Pure.

A server that sends to addresses which others choose must not become their way into the network it stands in (SSRF). So
each address that a name resolves to is looked at, and the connection goes to that very address.
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

URL_LENGTH_MAX: Final = 2_000
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_TRANSLATING: Final = (
    _NAT64,
    ipaddress.IPv6Network("64:ff9b:1::/48"),
    ipaddress.IPv6Network("2002::/16"),
    ipaddress.IPv6Network("2001::/32"),
)
"""IPv6 that stands for IPv4 elsewhere: nobody's web server has such an address of its own."""
_NUMBERS: Final = re.compile(r"[0-9a-fx.]+", re.IGNORECASE)


class AddressRefused(Exception):
    """The URL, or an address that it leads to, is none that a webhook may go to; the message says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """A checked URL, in parts. `path` is with its query."""

    secure: bool
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        """Host, and port where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def read_url(url: str, allowed: Sequence[Network]) -> Target:
    """The parts of a webhook's URL.

    Args:
        allowed: private networks of the operator's choice; only to addresses in them does plain http go.

    Raises:
        AddressRefused: it is no URL for a webhook.
    """
    parts = _split(url)
    if parts.scheme not in ("https", "http") or (parts.scheme == "http" and not allowed):
        raise AddressRefused("Use an https URL.")
    host = (parts.hostname or "").rstrip(".")
    if not host or parts.username is not None or parts.password is not None or parts.fragment:
        raise AddressRefused("Use scheme, host, port, path and query only: no user, password or fragment.")
    try:
        host = host if ":" in host else host.encode("idna").decode()
    except UnicodeError:
        raise AddressRefused("The host's name is not one.") from None
    target = Target(parts.scheme == "https", host, parts.port or (443 if parts.scheme == "https" else 80), _path(parts))
    literal = _literal(host)
    if literal is not None:
        check_addresses(target, [literal], allowed)
    elif _NUMBERS.fullmatch(host.rpartition(".")[2]):
        raise AddressRefused("The host's name is not one.")  # 127.1, 0x7f000001: addresses that resolvers understand
    return target


def _split(url: str) -> SplitResult:
    try:
        if (
            len(url) > URL_LENGTH_MAX
            or (not url.isascii() and not url.isprintable())
            or re.search(r"[\s\x00-\x20\\]", url)
        ):
            raise ValueError
        parts = urlsplit(url)
        _ = parts.port  # parsed, and so checked, only when asked for
    except ValueError:
        raise AddressRefused(f"Use a URL of at most {URL_LENGTH_MAX} characters, without white space.") from None
    return parts


def _path(parts: SplitResult) -> str:
    path = parts.path or "/"
    return f"{path}?{parts.query}" if parts.query else path


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def check_addresses(target: Target, addresses: Iterable[Address], allowed: Sequence[Network]) -> None:
    """Let a connection to any of the addresses pass, or refuse all: one bad answer among good ones is an attempt.

    Raises:
        AddressRefused: one is not public and in no allowed network, or plain http would leave the allowed ones.
    """
    for address in addresses:
        if any(address.version == network.version and address in network for network in allowed):
            continue
        if not _is_public(address):
            raise AddressRefused(f"{target.host} leads to a private address. Webhooks go to public ones.")
        if not target.secure:
            raise AddressRefused("Use an https URL.")


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return _is_public(address.ipv4_mapped)
        if address.scope_id or any(address in network for network in _TRANSLATING):
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)
