"""Which addresses a webhook may be sent to.

An address stands for the network that it leads to: one of IPv6 that has an address of IPv4 in it is
judged by that. What is not known to be public is refused.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, Literal, TypeAlias

Reach: TypeAlias = Literal["public", "private", "never"]
"""`private` needs `allow_private`; `never` is no place of a receiver, whatever is allowed."""

_NEVER_4: Final = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.51.100.0/24",
            "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
            # What answers machines of two clouds at addresses that look like others.
            "100.100.100.200/32", "168.63.129.16/32",
        ),
    )
)  # fmt: skip

_PRIVATE_4: Final = tuple(
    map(
        IPv4Network,
        ("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15"),
    )
)

_PRIVATE_6: Final = tuple(map(IPv6Network, ("::1/128", "fc00::/7")))

_METADATA_6: Final = IPv6Network("fd00:ec2::/32")
_PUBLIC_6: Final = IPv6Network("2000::/3")
_NOT_PUBLIC_6: Final = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
_MAPPED_4: Final = tuple(map(IPv6Network, ("::ffff:0:0/96", "64:ff9b::/96")))
"""The networks of IPv6 whose addresses end in one of IPv4 that they lead to."""


def reach_of(address: str) -> Reach:
    """Say how far away an address is.

    Raises:
        ValueError: it is no address.
    """
    found = ip_address(address.partition("%")[0])
    return _of_4(found) if isinstance(found, IPv4Address) else _of_6(found)


def _of_4(address: IPv4Address) -> Reach:
    if any(address in network for network in _NEVER_4):
        return "never"
    return "private" if any(address in network for network in _PRIVATE_4) else "public"


def _of_6(address: IPv6Address) -> Reach:
    if any(address in network for network in _MAPPED_4):
        return _of_4(IPv4Address(int(address) & 0xFFFFFFFF))
    if address in _METADATA_6:
        return "never"
    if any(address in network for network in _PRIVATE_6):
        return "private"
    if address in _PUBLIC_6 and not any(address in network for network in _NOT_PUBLIC_6):
        return "public"
    return "never"


def may_reach(address: str, *, allow_private: bool) -> bool:
    """Say whether a webhook may be sent to an address."""
    reach = reach_of(address)
    return reach == "public" or (reach == "private" and allow_private)
