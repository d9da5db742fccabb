"""Where a webhook may go: public addresses over HTTPS, and networks the operator names. Against forged requests (SSRF).

A name is resolved by us, every address it has is looked at, and the connection goes to one of exactly these: looking again at
connect time would let a name answer differently (DNS rebinding).
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from schemas.errors import Misconfigured, Rejected

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
#: Ports of public receivers; others only within networks the operator names, so that nobody reaches a database through us.
_PORTS = {"https": (443, 8443), "http": ()}
_USUAL = {"https": 443, "http": 80}
#: Addresses that carry an IPv4 address inside: NAT64, its local-use range, 6to4, Teredo. None of them is a receiver.
_CARRIERS = tuple(ipaddress.ip_network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))


@dataclass(frozen=True, slots=True)
class Target:
    """A receiver's address taken apart: where to connect, what to ask for, and which host the certificate must name."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == _USUAL[self.scheme] else f"{name}:{self.port}"


def read_networks(text: str) -> tuple[Network, ...]:
    """The networks of a setting, comma separated. Raises Misconfigured."""
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError:
        advice = "Write ARRIVALS_WEBHOOK_NETWORKS as 10.20.0.0/16,fd12::/48."
        raise Misconfigured("webhook_networks", "A network for webhooks is no network.", advice) from None


def read_target(url: str) -> Target:
    """The parts of a receiver's URL. Raises Rejected (`webhook_url`) for anything but a plain http or https URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _refused() from None
    if (
        parts.scheme not in _USUAL
        or not parts.hostname
        or parts.username
        or parts.password
        or "@" in parts.netloc
        or parts.fragment
    ):
        raise _refused()
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, parts.hostname, port or _USUAL[parts.scheme], path)


def may_reach(target: Target, address: Address, allowed: tuple[Network, ...]) -> bool:
    """Whether a receiver at this address may be spoken to."""
    plain = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped else address
    if any(plain in network for network in allowed if network.version == plain.version):
        return True
    if plain is not address or target.port not in _PORTS[target.scheme]:
        return False
    carries = any(plain in network for network in _CARRIERS if network.version == plain.version)
    return plain.is_global and not (plain.is_multicast or plain.is_reserved or carries)


async def resolve(target: Target, allowed: tuple[Network, ...]) -> tuple[Address, ...]:
    """The addresses of a receiver, all of which may be reached. Raises Rejected: `webhook_unresolved`, `webhook_address`.

    The messages do not say what the name resolved to.
    """
    try:
        # Not the loop's own resolver: uvloop's has four threads, and one slow name would hold up every receiver.
        ask = partial(socket.getaddrinfo, target.host, target.port, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(None, ask)
    except (OSError, UnicodeError):
        raise Rejected("webhook_unresolved", "The name of the receiver cannot be resolved.") from None
    addresses = tuple(dict.fromkeys(ipaddress.ip_address(str(where[0]).partition("%")[0]) for *_, where in found))
    if not addresses or not all(may_reach(target, address, allowed) for address in addresses):
        raise Rejected("webhook_address", "Receivers must be public, over HTTPS on port 443 or 8443, or in an allowed network.")
    return addresses


def _refused() -> Rejected:
    return Rejected("webhook_url", "A receiver is written as https://host/path, without user, password or fragment.")
