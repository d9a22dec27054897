"""Which addresses a message may be sent to: the public internet's, and what the operator names besides."""

import ipaddress
from collections.abc import Iterable, Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.IPv6Network("64:ff9b:1::/48")
_TRANSLATED = ipaddress.IPv6Network("::ffff:0:0:0/96")  # RFC 2765
_NOT_PUBLIC: tuple[Network, ...] = (
    ipaddress.IPv6Network("fec0::/10"),  # site-local, RFC 3879
    ipaddress.IPv4Network("192.88.99.0/24"),  # relays of 6to4, RFC 7526
)
"""What `is_global` takes for public and nobody should answer at."""


def networks(written: Iterable[str]) -> tuple[Network, ...]:
    """Networks as the operator writes them (`10.1.0.0/16`, `::1`); ValueError naming the one that is none."""
    return tuple(ipaddress.ip_network(one) for one in written)


def reachable(address: Address, allowed: Sequence[Network] = (), *, public: bool = True) -> bool:
    """Whether a message may go to an address; `public`: also to the public internet's.

    Never to private, loopback, link-local (clouds' metadata), shared, reserved or multicast ones that are not in
    `allowed`, in whatever notation of IPv6 they hide.
    """
    hidden = _hidden(address)
    return all(
        any(one in network for network in allowed) or (public and _is_public(one))
        for one in (hidden or [address])
    )


def _is_public(address: Address) -> bool:
    return (
        address.is_global
        and not address.is_multicast
        and not any(address in network for network in _NOT_PUBLIC)
    )


def _hidden(address: Address) -> list[Address]:
    """The IPv4 addresses that an IPv6 one leads to."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    if address.sixtofour is not None:
        return [address, address.sixtofour]
    if address.teredo is not None:
        return [address, *address.teredo]
    if any(address in network for network in (_NAT64, _NAT64_LOCAL, _TRANSLATED)):
        return [address, ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    if int(address) >> 32 == 0 and int(address) > 1:  # IPv4-compatible, long deprecated
        return [ipaddress.IPv4Address(int(address))]
    return []
