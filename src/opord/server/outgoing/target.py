"""An endpoint that messages can be sent to: its settings, and the keys of its secrets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from opord.backends.endpoints import EndpointInvalid, EndpointSettings
from opord.server.outgoing.signing import key_of

_LONGEST: Final = 4096
"""How long a file with secrets may be, in bytes."""


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
        kind, _, name = place.partition(":")
        secrets = (_from_file(where, name) if kind == "file" else environ.get(name, "")).split()
        if not secrets:
            what = (
                f"the file {name} is empty"
                if kind == "file"
                else f"the environment variable {name} is not set"
            )
            raise EndpointInvalid(f"`{where}`: {what}; it has the secret that signs the messages")
        for one in secrets:
            try:
                keys.append(key_of(one))
            except ValueError as wrong:
                raise EndpointInvalid(f"`{where}`: the secret in `{place}` cannot be used: {wrong}") from None
    return Target(settings, tuple(keys))


def _from_file(where: str, name: str) -> str:
    try:
        with Path(name).open("rb") as file:
            return file.read(_LONGEST).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise EndpointInvalid(f"`{where}`: the file {name} cannot be read ({type(error).__name__})") from None
