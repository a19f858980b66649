"""An action in transaction is not run as an ordinary action."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from opord.drive.calls import bind_handlers
from opord.drive.errors import HandlersInvalid
from opord.loading import load_sources

CONTRACT = """
contract Reservation(id: str) key id
action reserve(id: str) in transaction
initial state Reserving -> Reserved {
  commit reserve(id)
  goto Reserved
}
final state Reserved success
"""


def test_a_contract_with_one_is_refused_by_name_before_anything_runs() -> None:
    program = load_sources((("reservation.opord", CONTRACT),))
    with pytest.raises(HandlersInvalid) as refused:
        bind_handlers(program, SimpleNamespace(reserve=lambda id, *, call: None))
    (problem,) = refused.value.problems
    assert "`reserve` (reservation.opord:3) is `in transaction`" in problem
