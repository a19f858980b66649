"""Say how a server is reached from this machine: over which way, and how far the clocks differ."""

from __future__ import annotations

import time
from ipaddress import ip_address
from typing import Final

from opord.stores.kind import Remark
from opord.stores.postgres import sql
from opord.stores.postgres.connections import Connection, fetch

CLOCKS_DIFFER_S: Final = 2.0
"""Clocks that are set over the network differ by less, in seconds."""

_MOVE: Final = "set sslmode=verify-full and sslrootcert in the URL"


def way_to(connection: Connection) -> Remark:
    """Say over which way a connection goes, and whether TLS guards it."""
    info = connection.info
    mode = info.get_parameters().get("sslmode", "prefer")
    return way(info.host, info.hostaddr, tls=connection.pgconn.ssl_in_use, mode=mode)


def way(host: str, address: str, *, tls: bool, mode: str) -> Remark:
    """Say whether others could read or change what goes over a connection.

    `host` is a name, or the folder of a socket; `address` is its IP address, or empty.
    """
    facts = {"tls": tls, "sslmode": mode}
    if host.startswith(("/", "@")):
        return Remark("network", "fine", "connected by a socket of this machine", facts=facts)
    if address and ip_address(address.partition("%")[0]).is_loopback:
        return Remark("network", "fine", "connected within this machine", facts=facts)
    if not tls:
        message = "connected over a network without TLS: others there can read and change what is sent"
        return Remark("network", "warning", message, _MOVE, facts)
    if mode != "verify-full":
        message = f"connected with TLS, but sslmode={mode} does not check the name of the server"
        return Remark("network", "note", message, _MOVE, facts)
    return Remark("network", "fine", "connected with TLS, and the server's name is checked", facts=facts)


def clocks(connection: Connection) -> tuple[int, Remark]:
    """Return the server's clock in microseconds since 1970 UTC, and compare this machine's with it.

    The difference is off by at most half of the round trip.
    """
    began = time.time_ns()
    server = int(fetch(connection, f"SELECT {sql.CLOCK}")[0][0])
    here = (began + time.time_ns()) // 2000
    return server, difference((here - server) / 1_000_000)


def difference(ahead_s: float) -> Remark:
    """Say how far this machine's clock is ahead of the server's, in seconds; behind if negative."""
    facts = {"ahead_of_server_s": round(ahead_s, 3)}
    way_off = "ahead of" if ahead_s > 0 else "behind"
    message = f"this machine's clock is {abs(ahead_s):.3f} s {way_off} the server's"
    if abs(ahead_s) > CLOCKS_DIFFER_S:
        message += "; leases and timers go by the server's, but logs and handlers by this one"
        return Remark("clock", "warning", message, "set both clocks from a time server", facts)
    return Remark("clock", "fine", message, facts=facts)
