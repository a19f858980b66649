"""`opord worker --dev`: a `pure` handler that opens something stalls its run at the exact place."""

from __future__ import annotations

import pytest

from tests.cli.kit import Shop
from tests.support.contracts import SCORED

HANDLERS_MODULE = """class Handlers:
    def score(self, a):
        with open("handlers.py") as file:
            return len(file.read())

    def look(self, a):
        with open("handlers.py") as file:
            return len(file.read())
"""


@pytest.mark.parametrize(("flags", "status"), [((), 0), (("--dev",), 1)])
def test_a_worker_watches_where_it_is_asked_to(shop: Shop, flags: tuple[str, ...], status: int) -> None:
    (shop.folder / "c.opord").write_text(SCORED)
    (shop.folder / "handlers.py").write_text(HANDLERS_MODULE)
    assert shop.opord("runs", "start", "c.opord", "--input", '{"a": 1}').status == 0
    said = shop.process(
        "worker", "--contract", "c.opord", "--handlers", "handlers:Handlers", "--until-idle", *flags
    )
    assert said.status == status, said.err
    told = "handlers.py:3 in Handlers.score"
    assert (told in said.err) == bool(flags)
    reason = shop.opord("runs", "show", "C/1", "--json").json["reason"]
    assert (reason is not None and told in reason) == bool(flags)
