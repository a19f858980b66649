"""A run goes on under the contract that it was started under, and under no other text that stands in its place."""

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


def test_the_text_kept_with_a_run_is_compiled_to_what_it_was_started_under() -> None:
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
def test_another_text_in_its_place_is_refused(kept: StoredContract | None, why: str) -> None:
    with pytest.raises(ContractUnreadable, match=why):
        load(kept)
