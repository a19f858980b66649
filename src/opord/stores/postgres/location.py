"""Read the URL of a PostgreSQL store: where the server is, and which schema is the store's.

A URL may have a password, and a character that is not written as it should be may move a part of
the password to another place. So only what has the form of a URL for certain is read, shown or
given to libpq, whose messages quote what it cannot read.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode

from opord.stores.base import StoreMisused

_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,62}")

_TEXT = r"(?:[^\s:/?#@%\[\]]|%(?!00)[0-9A-Fa-f]{2})"
_HOST = rf"(?:\[[0-9A-Fa-f:.%]+\]|{_TEXT}*)(?::[0-9]{{0,5}})?"
_FORM = re.compile(
    rf"(?P<scheme>postgres(?:ql)?)://(?:(?P<user>{_TEXT}*)(?P<password>:(?:{_TEXT}|[:\[\]])*)?@)?"
    rf"(?P<hosts>{_HOST}(?:,{_HOST})*)(?P<path>/{_TEXT}*)?(?:\?(?P<query>(?:{_TEXT}|[:/?\[\]])*))?",
)
_PLAIN = re.compile(r"[\w./,~-]*")

PORT_MOST: Final = 65535

_UNREADABLE: Final = (
    "expected a store like postgresql://user@host:5432/database, got a URL that cannot be read; it is not shown, because "
    "it may have a password; in a name or a password, write / as %2F, @ as %40, : as %3A, ? as %3F, # as %23, % as %25"
)


class Location(NamedTuple):
    """Where a store is.

    - `url` is what libpq is given; it may have a password.
    - `schema` is the store's own, whose name needs no quotes.
    - `place` is the URL for people, without what is secret.
    """

    url: str
    schema: str
    place: str


def location_of(url: str) -> Location:
    """Read a store's URL.

    Raises:
        StoreMisused: it is no URL of a PostgreSQL store.
    """
    parts = _FORM.fullmatch(url)
    if parts is None or any(
        int(port) > PORT_MOST for port in re.findall(r":([0-9]+)(?=,|$)", parts["hosts"])
    ):
        raise StoreMisused(_UNREADABLE)
    parameters = parse_qsl(parts["query"] or "", keep_blank_values=True)
    schemas = [value for name, value in parameters if name == "schema"]
    if len(schemas) > 1:
        raise StoreMisused(f"expected one ?schema=, got {len(schemas)}: {', '.join(schemas)}")
    schema = schemas[0] if schemas else "opord"
    if not _SCHEMA.fullmatch(schema) or schema.startswith("pg_"):
        raise StoreMisused(
            f"expected a schema of small letters, digits and underscores, at most 63, as in ?schema=opord, got: {schema!r}"
        )
    rest = [(name, value) for name, value in parameters if name != "schema"]
    who = f"{parts['user']}{parts['password'] or ''}@" if parts["user"] is not None else ""
    start, path = f"{parts['scheme']}://", parts["path"] or ""
    parameters_of_libpq = f"?{urlencode(rest, quote_via=quote)}" if rest else ""
    shown = [each for each in rest if each[0] in ("host", "port", "dbname") and _PLAIN.fullmatch(each[1])]
    if schema != "opord":
        shown.append(("schema", schema))
    user = f"{parts['user']}@" if parts["user"] is not None else ""
    place = f"{start}{user}{parts['hosts']}{path}" + (f"?{urlencode(shown, safe='/')}" if shown else "")
    return Location(f"{start}{who}{parts['hosts']}{path}{parameters_of_libpq}", schema, place)
