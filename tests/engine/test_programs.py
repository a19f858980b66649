"""A run goes on only under the contract that it was started under."""

from __future__ import annotations

import pytest

from opord.drive.errors import ContractUnreadable
from opord.engine.programs import Programs, stored_form
from opord.engine.protection import Protection
from opord.loading import load_sources
from opord.stores.base import StoredContract

TEXT = """
contract Toll(id: str) key id version 1
action pay(id: str) { in doubt ask }
initial state New -> Done {
  commit pay(id)
  goto Done
}
final state Done success
"""
KEPT = stored_form(load_sources([("toll.opord", TEXT)]))


class Shelf:
    """The texts of contracts, one of them perhaps changed."""

    def __init__(self, kept: StoredContract | None) -> None:
        self.kept = kept

    def contract(self, digest: str) -> StoredContract | None:
        return self.kept


def load(kept: StoredContract | None) -> str:
    return Programs(Protection(insecure=True)).load(Shelf(kept), KEPT.digest).digest


def test_the_stored_text_compiles_to_the_contract_of_the_run() -> None:
    assert load(KEPT) == KEPT.digest


@pytest.mark.parametrize(
    ("kept", "why"),
    [
        (
            KEPT.replace(sources=KEPT.sources.replace("ask", "report")),
            "cannot be compiled|compiles to another",
        ),
        (KEPT.replace(sources=KEPT.sources.replace("version 1", "version 2")), "compiles to another digest"),
        (KEPT.replace(sources=KEPT.sources.replace("final", "finale")), "cannot be compiled"),
        (None, "but not its text"),
    ],
)
def test_another_text_instead_of_the_stored_one_is_refused(kept: StoredContract | None, why: str) -> None:
    with pytest.raises(ContractUnreadable, match=why):
        load(kept)
