"""Read the URL of a PostgreSQL store: where the server is, and which schema is the store's."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from opord.stores.base import StoreRefused

SCHEMES = ("postgresql", "postgres")

_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,62}")


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
        StoreRefused: it is no URL of a PostgreSQL store.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as wrong:
        raise StoreRefused(
            f"expected a store like postgresql://user@host:5432/database, got a URL that cannot be read: {wrong}"
        ) from None
    del port
    if parts.scheme not in SCHEMES:
        raise StoreRefused(
            f"expected a store like postgresql://user@host/database, got the scheme {parts.scheme!r}"
        )
    if parts.fragment:
        raise StoreRefused("a store's URL has no part after #; write # as %23 in a name or a password")
    parameters = parse_qsl(parts.query, keep_blank_values=True)
    schemas = [value for name, value in parameters if name == "schema"]
    if len(schemas) > 1:
        raise StoreRefused(f"expected one ?schema=, got {len(schemas)}: {', '.join(schemas)}")
    schema = schemas[0] if schemas else "opord"
    if not _SCHEMA.fullmatch(schema) or schema.startswith("pg_"):
        raise StoreRefused(
            f"expected a schema of small letters, digits and underscores, at most 63, as in ?schema=opord, got: {schema!r}"
        )
    rest = [(name, value) for name, value in parameters if name != "schema"]
    libpq = urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(rest, quote_via=quote), ""))
    return Location(libpq, schema, _place(parts.scheme, parts.netloc, parts.path, rest, schema))


def _place(scheme: str, netloc: str, path: str, parameters: list[tuple[str, str]], schema: str) -> str:
    who, at, host = netloc.rpartition("@")
    user = who.partition(":")[0]
    shown = [(name, value) for name, value in parameters if name in ("host", "port", "dbname")]
    if schema != "opord":
        shown.append(("schema", schema))
    return urlunsplit((scheme, f"{user}{at}{host}", path, urlencode(shown, safe="/"), ""))
