"""The part of a schema's step that SQL cannot do: read each stored text, and compute the digest of its content.

A store knows nothing of what contracts mean. This asks `loading`, once, for what a text is, and keeps the answer.
"""

from __future__ import annotations

import json
import logging

import apsw

log = logging.getLogger("opord.store")


def record_current_digests(connection: apsw.Connection) -> None:
    """Record of each stored contract its digest in the newest form, in the transaction that is open.

    A text that cannot be read keeps its row as it is, and the log names it: its runs are still listed, shown, told,
    terminated and pruned.
    """
    stored = list(
        connection.execute(
            "SELECT id, digest, form, name, version, sources FROM contracts WHERE current IS NULL"
        )
    )
    if not stored:
        return
    from opord.content import FORM, contract_digest
    from opord.loading import read_accepted

    for number, digest, form, name, version, sources in stored:
        if form == FORM:
            continue
        try:
            contract = read_accepted([(file, text) for file, text in json.loads(sources)], digest, form)
            if (contract.name, contract.version) != (name, version):
                raise ValueError(f"it is the text of {contract.name} version {contract.version}")
            current = contract_digest(contract)
        except Exception as error:
            # Whatever is wrong with one text, the others are brought up to date.
            log.warning(
                "contract %s version %s (digest %s): its stored text cannot be read, so it keeps its old digest; its runs "
                "wait until a worker is given the contract: %s",
                *(name, version, digest[:12], error),
            )
            continue
        connection.execute("UPDATE contracts SET current = ? WHERE id = ?", (current, number))
