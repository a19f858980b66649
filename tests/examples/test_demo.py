"""The demonstration, end to end: real processes, a real SIGKILL, and what it prints is what happened."""

from __future__ import annotations

import re

import pytest

from opord.examples.orders import demo


@pytest.mark.slow
def test_the_demonstration_charges_every_order_once_and_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    status = demo.main()
    printed = capfd.readouterr().out
    assert status == 0, printed
    assert "SIGKILL to worker" in printed
    assert re.search(r"ord_1001\.json +5 times +200", printed)
    assert re.search(r"Opord: no card was charged twice", printed)
    assert re.search(r"glue\.py: ord_1001 .*charged more than once", printed)
    compared = printed[printed.index("The same day, twice") :]
    assert re.search(r"ord_1001 .*\$54\.85 +Delivered +\$54\.85 \+ \$54\.85 +delivered", compared)
    assert re.search(r"ord_1007 .*\$3,099\.95 +Delivered", compared)
    assert re.search(r"ord_1006 .*nothing +Rejected", compared)
    assert re.search(r"in all +8 for 8 orders", compared)
