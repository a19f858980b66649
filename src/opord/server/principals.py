"""Who asks: the one place where the API learns it.

`HttpApi` calls a `Who` once for each request, before anything is read. Every verb then gets the
name of the principal as its actor, and a role that the principal has.

Without sign-in there is one principal, `local`, with all roles. It is every user of this machine:
requests from elsewhere are refused, and so are those that a web site makes in a browser here, by a
form, a script, or a name that was rebound to this machine.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from opord.server.problems import Problem
from opord.values.types import Instant

Scope: TypeAlias = Mapping[str, Any]

OPERATOR: Final = "opord:operator"
"""The built-in role that may resume, resolve, acknowledge, drop events, and cancel."""

ADMIN: Final = "opord:admin"
"""The built-in role that may terminate runs, and make tokens and links.

It may do all that an operator may.
"""

EVERY: Final = "*"
"""Stands for every role of the contracts, and for neither of the built-in ones."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who asks.

    `name` is the actor in the journal. `roles` are the roles of contracts that the principal has,
    and the built-in ones; `*` is every role of the contracts, and None is every role there is.
    `contracts` are those whose runs it sees; None means all. `token` is the id of its token, if it
    has one, and `until` when that expires.
    """

    name: str
    roles: Collection[str] | None = ()
    contracts: Collection[str] | None = None
    token: str | None = None
    until: Instant | None = None

    def has(self, role: str) -> bool:
        """Say whether the principal has a role."""
        if self.roles is None or role in self.roles:
            return True
        if role in (OPERATOR, ADMIN):
            return role == OPERATOR and ADMIN in self.roles
        return EVERY in self.roles

    def role_among(self, wanted: Collection[str]) -> str | None:
        """Return the first of the wanted roles that the principal has; None if it has none."""
        return next((role for role in wanted if self.has(role)), None)

    @property
    def only_role(self) -> str | None:
        """The role of a contract that the principal has, if it is the only one."""
        own = [role for role in self.roles or () if role not in (OPERATOR, ADMIN, EVERY)]
        return own[0] if len(own) == 1 else None

    def sees(self, contract: str) -> bool:
        """Say whether runs of a contract exist for the principal."""
        return self.contracts is None or contract in self.contracts


Who: TypeAlias = Callable[[Scope], Awaitable[Principal | None]]
"""Says who makes a request, from its ASGI scope. None refuses it with 401.

It may raise a `Problem` to refuse it otherwise.
"""

_HOSTS: Final = frozenset({b"localhost", b"127.0.0.1", b"[::1]"})
_ADDRESSES: Final = ("127.", "::1", "::ffff:127.")
_BY_PROXY: Final = (b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip", b"via")
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

LOCAL: Final = Principal("local", None)

BY_WEBHOOK: Final = "webhook:"
"""Begins the actor of what a route for webhooks does, before the name of the route."""


async def local(scope: Scope) -> Principal:
    """Take a request from this machine as one of `local`, who has every role.

    Raises:
        Problem: it comes from elsewhere, through a proxy, or from a web site.
    """
    client = scope.get("client")
    if client is None or not str(client[0]).startswith(_ADDRESSES):
        raise Problem("not_local", f"this server has no sign-in, so it answers its own machine only; {_WAY}")
    headers = scope["headers"]
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) != 1 or host_of(hosts[0]) not in _HOSTS:
        raise Problem(
            "not_local",
            "this server has no sign-in, so it answers to the names localhost, 127.0.0.1 and [::1] only, "
            f"got the host: {hosts[0].decode('latin-1') if hosts else 'none'}",
        )
    if any(name in _BY_PROXY for name, _ in headers):
        raise Problem("not_local", f"this server has no sign-in, so it takes nothing from a proxy; {_WAY}")
    return LOCAL


_WAY: Final = "give `HttpApi` a function `who` to serve others"


def host_of(address: bytes) -> bytes:
    """Return the host of `host:port`, in lower case."""
    host, colon, port = address.lower().rpartition(b":")
    return host if colon and port.isdigit() else address.lower()


def check_host(scope: Scope, hosts: Collection[str]) -> None:
    """Refuse a request for another host than these. `*` stands for all.

    Raises:
        Problem: the header names another host, or several.
    """
    if "*" in hosts:
        return
    said = [value for name, value in scope["headers"] if name == b"host"]
    if len(said) != 1 or host_of(said[0]).decode("latin-1") not in hosts:
        got = said[0].decode("latin-1") if said else "none"
        raise Problem(
            "host_unknown", f"this server answers to {', '.join(sorted(hosts))} only, got the host: {got}"
        )


def check_origin(scope: Scope, origins: Collection[str]) -> None:
    """Refuse a request that the page of another web site has made in a browser.

    `origins` are those of other sites that may, such as `https://shop.example`.

    Raises:
        Problem: it comes from another site.
    """
    host, origin, site = b"", None, b""
    for name, value in scope["headers"]:
        if name == b"origin":
            origin = value
        elif name == b"host":
            host = value
        elif name == b"sec-fetch-site":
            site = value
    if origin is None:
        # A browser says so itself of a request without an origin, such as one for an image.
        if site in (b"cross-site", b"same-site"):
            raise Problem("cross_origin", "a page of another web site has made this request")
        return
    if origin.decode("latin-1") in origins:
        return
    _, _, own = origin.lower().partition(b"://")
    if not own or _without_usual_port(own) != _without_usual_port(host.lower()):
        raise Problem(
            "cross_origin",
            f"a page of another web site has made this request: its origin is {origin.decode('latin-1')}",
        )


def _without_usual_port(host: bytes) -> bytes:
    return host.removesuffix(b":443").removesuffix(b":80")
