"""The Python part of a schema step: read each stored text, and compute the digest of its content.

A store does not know what contracts mean. This module asks `loading`, once, what a text means, and
stores the answer.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import NamedTuple

import apsw

from opord.values.types import Digest

log: logging.Logger = logging.getLogger("opord.store")


class _Text(NamedTuple):
    """A contract as stored by an older version."""

    digest: Digest
    name: str
    version: int
    sources: str


def current_digests(connection: apsw.Connection) -> Callable[[apsw.Connection], None]:
    """Read all stored texts; return a function that records their digests in the newest form.

    Reading takes tens of milliseconds for each text. So it happens before the transaction of the
    step begins, and nobody waits for it. The returned function is called in that transaction; it
    reads a text that was stored in between. A text that cannot be read keeps its row as it is, and
    the log names it. Its runs are still listed, shown, terminated and pruned.
    """
    digests = {text: _current(text) for _, text in _stored(connection)}

    def record(connection: apsw.Connection) -> None:
        for number, text in _stored(connection):
            current = digests[text] if text in digests else _current(text)
            if isinstance(current, str):
                connection.execute("UPDATE contracts SET current = ? WHERE id = ?", (current, number))
            else:
                log.warning(
                    "contract %s version %s (digest %s): its stored text cannot be read, so it keeps its old digest; its runs "
                    "wait until a worker is given the contract: %s",
                    *(text.name, text.version, text.digest[:12], current),
                )

    return record


def _stored(connection: apsw.Connection) -> list[tuple[int, _Text]]:
    cursor = connection.execute("SELECT id, digest, name, version, sources FROM contracts")
    return [(number, _Text(*text)) for number, *text in cursor]


def _current(text: _Text) -> str | Exception:
    """Return the digest of a text in the newest form, or the error if it cannot be read."""
    from opord.content import contract_digest
    from opord.loading import read_accepted

    try:
        sources = [(file, content) for file, content in json.loads(text.sources)]
        contract = read_accepted(sources, text.digest, 0)
        if (contract.name, contract.version) != (text.name, text.version):
            raise ValueError(f"it is the text of {contract.name} version {contract.version}")
        return contract_digest(contract)
    except Exception as error:
        # An error in one text must not stop the migration of the others.
        return error
