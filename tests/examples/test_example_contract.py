"""The example's contract and what was generated from it fit each other."""

from __future__ import annotations

import re

from opord.codegen.files import is_stale
from opord.codegen.python import portable
from opord.examples.orders.desks import contract_file
from opord.examples.orders.stage import HERE
from opord.language import check_file

DURATION = re.compile(r"\b\d+(ms|s|m|h|d)\b")


def test_the_generated_module_is_what_the_contract_gives_now() -> None:
    checked = check_file(contract_file())
    assert checked.contract is not None
    assert not is_stale(checked.contract, portable(checked.sources), HERE), (
        f"run: opord gen {contract_file().name} -o ."
    )


def test_the_contract_of_the_demonstration_differs_from_the_plain_one_in_how_long_it_waits() -> None:
    assert said("order_demo.opord") == said("order.opord")


def said(file: str) -> list[str]:
    """The lines of a contract without documentation, durations left open."""
    lines = (HERE / file).read_text(encoding="utf-8").splitlines()
    return [DURATION.sub("<duration>", line) for line in lines if not line.startswith("##")]
