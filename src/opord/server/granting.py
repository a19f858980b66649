"""What a new token may be: nobody gives more than they have, and no name pretends to be another."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, Final

from opord.backends.base import InputInvalid
from opord.backends.moments import span
from opord.kernel.bounds import LONGEST_NAME
from opord.kernel.instants import LAST_INSTANT, from_datetime, text
from opord.server.principals import ADMIN, BY_WEBHOOK, EVERY, LOCAL, OPERATOR, Principal
from opord.server.problems import Problem
from opord.server.state.tokens import Token, Wish
from opord.values.duration import parse_instant
from opord.values.guard import BadValue
from opord.values.types import Instant

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_NAMES_MOST: Final = 100


def check_grant(maker: Principal, wish: Wish) -> None:
    """Refuse a token that may more than its maker.

    Raises:
        Problem: a role, a contract or the time is more than the maker has.
    """
    lacks = [role for role in sorted(wish.roles) if not maker.has(role)]
    if lacks:
        raise _too_much(f"you do not have the role {lacks[0]}", lacks)
    if maker.contracts is not None:
        foreign = [EVERY] if wish.contracts is None else sorted({*wish.contracts} - {*maker.contracts})
        if foreign:
            yours = ", ".join(sorted(maker.contracts)) or "none"
            raise _too_much(f"you are limited to contracts ({yours}), so name some of them", foreign)
    check_until(maker, wish.expires_at)


def check_until(maker: Principal, expires_at: Instant | None) -> None:
    """Refuse a token or a link that would outlive the token of its maker.

    Raises:
        Problem: it would.
    """
    if maker.until is not None and (expires_at is None or expires_at > maker.until):
        raise _too_much(f"your own token expires at {text(maker.until)}, so let this expire before", [])


def is_within(maker: Principal, token: Token) -> bool:
    """Say whether a principal may see and revoke a token: it is of the contracts that it sees."""
    if maker.contracts is None:
        return True
    return token.contracts is not None and {*token.contracts} <= {*maker.contracts}


def name_of(given: Any) -> str:
    """Return the name of a new token.

    Raises:
        InputInvalid: it is no text, or one that would look like another in a list or a log.
    """
    if not isinstance(given, str) or not given.strip():
        raise InputInvalid("the token", "name", "expected a text; the journal has it as the actor")
    if len(given) > LONGEST_NAME:
        raise InputInvalid("the token", "name", f"is longer than {LONGEST_NAME} characters")
    if not given.isprintable() or given != given.strip():
        raise InputInvalid(
            "the token", "name", "has invisible characters, or spaces at its ends; leave them out"
        )
    if given == LOCAL.name or given.startswith(BY_WEBHOOK):
        raise InputInvalid(
            "the token", "name", f"{given!r} is what Opord itself calls a sender; choose another"
        )
    return given


def roles_of(given: Any) -> tuple[str, ...]:
    """Return the roles of a new token.

    Raises:
        InputInvalid: they are no list of roles.
    """
    roles = _names(given, "roles")
    for role in roles:
        if role not in (ADMIN, OPERATOR, EVERY) and not _NAME.fullmatch(role):
            raise InputInvalid(
                "the token",
                "roles",
                f"expected roles of contracts, {OPERATOR}, {ADMIN} or {EVERY}, got: {role!r}",
            )
    return roles


def contracts_of(given: Any) -> tuple[str, ...] | None:
    """Return the contracts of a new token; None for all.

    Raises:
        InputInvalid: they are no list of names.
    """
    if given is None:
        return None
    contracts = _names(given, "contracts")
    for name in contracts:
        if not _NAME.fullmatch(name):
            raise InputInvalid("the token", "contracts", f"expected names of contracts, got: {name!r}")
    return contracts


def end_of(given: Any, now: Instant, what: str = "the token") -> Instant | None:
    """Return the instant at which something expires: after a time such as `90d`, or then.

    Raises:
        InputInvalid: it is neither, or is over already.
    """
    if given is None:
        return None
    if isinstance(given, str):
        if (within := span(given)) is not None and 0 < within <= LAST_INSTANT - now:
            return Instant(now + within)
        try:
            at = from_datetime(parse_instant(given))
            if at > now:
                return at
        except BadValue:
            pass
    raise InputInvalid(
        what, "expires", f"expected a time to come, such as 90d or 2030-01-31T00:00:00Z, got: {given!r}"
    )


def _names(given: Any, member: str) -> tuple[str, ...]:
    if not isinstance(given, Collection) or isinstance(given, str | dict):
        raise InputInvalid("the token", member, "expected a list of names")
    if len(given) > _NAMES_MOST or not all(
        isinstance(one, str) and len(one) <= LONGEST_NAME for one in given
    ):
        raise InputInvalid("the token", member, f"expected at most {_NAMES_MOST} names")
    return tuple(sorted({*given}))


def _too_much(why: str, lacks: list[str]) -> Problem:
    return Problem(
        "grant_refused", f"a token or a link may not do more than who makes it: {why}", lacks=lacks
    )
