"""Read the URL of a PostgreSQL store: where the server is, and which schema is the store's."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit

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
    parts = _split(url)
    if parts.scheme not in SCHEMES:
        raise StoreRefused(
            f"expected a store like postgresql://user@host/database, got the scheme {parts.scheme!r}"
        )
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
    libpq = _joined(parts.scheme, parts.netloc, parts.path, urlencode(rest, quote_via=quote))
    return Location(libpq, schema, _place(parts.scheme, parts.netloc, parts.path, rest, schema))


def _split(url: str) -> SplitResult:
    """Split a URL. Nothing is shown of one that cannot be read: it may hold a password."""
    parts = None
    try:
        parts = urlsplit(url)
        _ = parts.port  # a part of a password may stand where the port is expected
    except ValueError:
        parts = None
    if parts is None or "@" in parts.path or parts.fragment:
        raise StoreRefused(
            "expected a store like postgresql://user:***@host:5432/database, got a URL that cannot be read; in a name or a "
            "password, write / as %2F, ? as %3F, # as %23, @ as %40 and : as %3A"
        )
    return parts


def _place(scheme: str, netloc: str, path: str, parameters: list[tuple[str, str]], schema: str) -> str:
    who, at, host = netloc.rpartition("@")
    user = who.partition(":")[0]
    shown = [(name, value) for name, value in parameters if name in ("host", "port", "dbname")]
    if schema != "opord":
        shown.append(("schema", schema))
    return _joined(scheme, f"{user}{at}{host}", path, urlencode(shown, safe="/"))


def _joined(scheme: str, netloc: str, path: str, query: str) -> str:
    return f"{scheme}://{netloc}{path}" + (f"?{query}" if query else "")
