"""Which IP addresses belong to the public internet, and which to this machine alone."""

import ipaddress
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")

# Special addresses that `is_global` lets through in some release of Python 3.11.
_SPECIAL: Final = tuple(
    map(
        ipaddress.ip_network,
        (
            "168.63.129.16/32",  # Azure's own services, seen from a virtual machine
            "192.0.0.0/24",  # protocol assignments, Oracle's metadata service among them
            "192.88.99.0/24",  # 6to4 relays
            "224.0.0.0/4",  # multicast
            "2001::/23",  # protocol assignments, Teredo among them
            "2002::/16",  # 6to4, which carries any IPv4 address
            "3fff::/20",  # documentation
        ),
    )
)


def is_public(address: Address) -> bool:
    """Whether ``address`` is one that anybody can reach: global, unicast, and no tunnel to another address.

    An IPv4-mapped address and one of the well-known NAT64 prefix (RFC 6052) stand for the IPv4 address in them.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not _is_special(address)
    if address.scope_id is not None:
        return False
    if address.ipv4_mapped is not None:
        return is_public(address.ipv4_mapped)
    if address in _NAT64:
        return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return address in _GLOBAL_UNICAST and address.is_global and not _is_special(address)


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine can reach what listens on ``host``, an address or ``localhost``."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_special(address: Address) -> bool:
    return any(address in network for network in _SPECIAL)
