"""An endpoint that messages can be sent to: its settings, and the keys of its secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from opord.backends.endpoints import EndpointInvalid, EndpointSettings
from opord.server.outgoing.signing import key_of
from opord.server.secret_places import read_secret


class Target(NamedTuple):
    """An endpoint with the keys that sign its messages. Its text does not show them."""

    settings: EndpointSettings
    keys: tuple[bytes, ...]

    @property
    def name(self) -> str:
        """The name of the endpoint."""
        return self.settings.name

    def __repr__(self) -> str:
        return f"Target({self.name}, {len(self.keys)} keys)"


def target_of(settings: EndpointSettings, environ: Mapping[str, str]) -> Target:
    """Read the secrets of an endpoint. Several in one place have spaces or lines between them.

    Raises:
        EndpointInvalid: one is missing or of another form. The message does not show it.
    """
    where = f"webhooks_out.{settings.name}"
    keys: list[bytes] = []
    for place in settings.secrets:
        try:
            secrets = read_secret(place, environ).split()
        except ValueError as wrong:
            raise EndpointInvalid(f"`{where}`: {wrong}") from None
        for one in secrets:
            try:
                keys.append(key_of(one))
            except ValueError as wrong:
                raise EndpointInvalid(f"`{where}`: the secret in `{place}` cannot be used: {wrong}") from None
    return Target(settings, tuple(keys))
