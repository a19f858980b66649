"""Read from `opord.toml` who is told of runs, and of what:

    [webhooks_out.billing]
    url = "https://billing.example/opord"
    secrets = ["env:BILLING_SECRET"]
    contracts = ["Order"]
    on = ["transition", "ended", "needs"]

Secrets are named here, and read by the process that sends.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple, TypeAlias, get_args
from urllib.parse import urlsplit

from opord.backends.near import near_name
from opord.drive.errors import Refused
from opord.kernel.outgoing import Subscription

Format: TypeAlias = Literal["standard", "cloudevents"]
"""How the body is written: as Standard Webhooks or as CloudEvents. Both are signed alike."""

FORMATS: Final[dict[str, Format]] = {one: one for one in get_args(Format)}

ON: Final = ("transition", "ended", "needs")

SETTINGS: Final = ("url", "secrets", "contracts", "on", "format", "allow_private")

ENDPOINTS_MOST: Final = 50
"""How many endpoints a settings file may have."""

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,60}")
_CONTRACT: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_URL_MOST: Final = 2000


class EndpointInvalid(ValueError):
    """A table of `webhooks_out` that cannot be used; the message says which and why."""


class EndpointUnknown(Refused):
    """The store has no endpoint of this name. `known` are the names that there are."""

    code = "endpoint_unknown"

    name: str
    known: tuple[str, ...]

    def __init__(self, name: str, known: Iterable[str]) -> None:
        self.name, self.known = name, tuple(known)
        near = near_name(name, self.known)
        there = f"there are {', '.join(self.known)}" if self.known else "this store has none"
        super().__init__(f"there is no endpoint {name!r}; {f'did you mean {near!r}?' if near else there}")


class EndpointSettings(NamedTuple):
    """An endpoint as the settings have it. `secrets` says where each secret is."""

    subscription: Subscription
    url: str
    secrets: tuple[str, ...]
    format: Format
    allow_private: bool

    @property
    def name(self) -> str:
        """The name of the endpoint."""
        return self.subscription.endpoint

    @property
    def place(self) -> str:
        """The address without what may be secret in it: its path and query."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


def read_endpoints(table: Any) -> list[EndpointSettings]:
    """Return the endpoints of a table, by name.

    Raises:
        EndpointInvalid: one has an unknown setting or a wrong value.
    """
    if not isinstance(table, Mapping):
        raise EndpointInvalid("expected a table for each endpoint, as in [webhooks_out.billing]")
    if len(table) > ENDPOINTS_MOST:
        raise EndpointInvalid(f"there are {len(table)} endpoints; at most {ENDPOINTS_MOST} can be told")
    return [_endpoint(name, table[name]) for name in sorted(table)]


def unknown_contracts(endpoints: Iterable[EndpointSettings], known: Collection[str]) -> Iterator[str]:
    """Say of each contract that an endpoint names and nobody knows that its runs are not told."""
    for endpoint in endpoints:
        for name in endpoint.subscription.contracts:
            if name not in known:
                near = near_name(name, sorted(known))
                yield f"webhooks to {endpoint.name}: there is no contract {name} yet; " + (
                    f"did you mean {near}? Its runs are not told"
                    if near
                    else "its runs are told once there is"
                )


def _endpoint(name: str, settings: Any) -> EndpointSettings:
    where = f"webhooks_out.{name}"
    if not _NAME.fullmatch(name):
        raise EndpointInvalid(f"`{where}`: a name has letters, digits, - and _, and at most 60 of them")
    if not isinstance(settings, Mapping):
        raise EndpointInvalid(f"expected a table, as in [{where}], got: {settings!r}")
    for key in settings:
        if key not in SETTINGS:
            near = near_name(key, SETTINGS)
            hint = f"did you mean `{near}`?" if near else f"an endpoint has {', '.join(SETTINGS)}"
            raise EndpointInvalid(f"`{where}` sets `{key}`, which is not known; {hint}")
    contracts = _texts(where, settings, "contracts", ())
    for one in contracts:
        if not _CONTRACT.fullmatch(one):
            raise EndpointInvalid(f"`{where}`: {one!r} in `contracts` is no name of a contract")
    on = _texts(where, settings, "on", ON)
    for one in on:
        if one not in ON:
            raise EndpointInvalid(f"`{where}`: {one!r} in `on` is not known; there are {', '.join(ON)}")
    if not on:
        raise EndpointInvalid(f"`{where}`: `on` is empty, so nothing would be told; leave it out for all")
    allow_private = settings.get("allow_private", False)
    if not isinstance(allow_private, bool):
        raise EndpointInvalid(
            f"`{where}`: expected true or false for `allow_private`, got: {allow_private!r}"
        )
    return EndpointSettings(
        Subscription(name, tuple(sorted(set(contracts))), *(one in on for one in ON)),
        _url(where, settings.get("url"), allow_private=allow_private),
        _secrets(where, settings),
        _format(where, settings.get("format", "standard")),
        allow_private,
    )


def _texts(where: str, settings: Mapping[str, Any], key: str, default: tuple[str, ...]) -> tuple[str, ...]:
    found = settings.get(key, default)
    if not isinstance(found, list | tuple) or not all(isinstance(one, str) for one in found):
        raise EndpointInvalid(f"`{where}`: expected a list of texts for `{key}`, got: {found!r}")
    return tuple(found)


def _format(where: str, word: Any) -> Format:
    found = FORMATS.get(word) if isinstance(word, str) else None
    if found is None:
        raise EndpointInvalid(f"`{where}`: expected {' or '.join(FORMATS)} for `format`, got: {word!r}")
    return found


def _url(where: str, url: Any, *, allow_private: bool) -> str:
    # Its path and query may be secret, so it is not shown.
    if not isinstance(url, str) or not url:
        raise EndpointInvalid(f"`{where}` has no `url`; give the address that takes its messages")
    if len(url) > _URL_MOST or not url.isascii() or not url.isprintable() or " " in url:
        raise EndpointInvalid(
            f"`{where}`: `url` has more than {_URL_MOST} signs, or others than ASCII without spaces; "
            "write names in Punycode and percent-encode the rest"
        )
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise EndpointInvalid(f"`{where}`: `url` cannot be read; expected https://host/path") from None
    if parts.scheme not in ("http", "https") or not host:
        raise EndpointInvalid(f"`{where}`: `url` cannot be used; expected https://host/path")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise EndpointInvalid(
            f"`{where}`: `url` has a user or a fragment; a receiver checks the signature instead"
        )
    if parts.scheme == "http" and not allow_private:
        raise EndpointInvalid(
            f"`{where}`: `url` is without TLS, so others could read what is told; use https, or for your own network "
            "allow_private = true"
        )
    return url


def _secrets(where: str, settings: Mapping[str, Any]) -> tuple[str, ...]:
    found = settings.get("secrets")
    # What stands here may be the secret itself, so it is not shown.
    if (
        not isinstance(found, list)
        or not found
        or not all(isinstance(one, str) and one.partition(":")[0] in ("env", "file") for one in found)
    ):
        raise EndpointInvalid(
            f'`{where}`: expected where the secrets are for `secrets`, as in ["env:BILLING_SECRET"] or '
            '["file:/run/secrets/billing"]'
        )
    return tuple(found)
