"""The checker needs nothing but Python, and little of it: it can be loaded in a browser."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import opord
import opord.examples.orders
from tests.portable import checker_alone

SOURCES = Path(opord.__file__).parent.parent
CONTRACT = Path(opord.examples.orders.__file__).with_name("order.opord")

BYTES_MAX = 1_000_000
"""How large the source text of the checker may be. Packed, a third of it is sent to a browser."""


def check_alone(file: Path) -> dict[str, Any]:
    ran = subprocess.run(
        [sys.executable, "-S", "-I", checker_alone.__file__, str(SOURCES), str(file)],
        capture_output=True, text=True, encoding="utf-8", timeout=120, check=True,
    )  # fmt: skip
    told: dict[str, Any] = json.loads(ran.stdout)
    return told


def test_a_contract_is_checked_with_the_standard_library_alone() -> None:
    told = check_alone(CONTRACT)
    assert (told["contract"], told["findings"], told["foreign"]) == ("OrderFulfilment", [], [])
    assert told["modules"] > 100
    assert told["bytes"] < BYTES_MAX, told


def test_a_mistake_is_found_there_as_well(tmp_path: Path) -> None:
    wrong = tmp_path / "order.opord"
    wrong.write_text(
        CONTRACT.read_text(encoding="utf-8").replace("key order.id", "key ordr.id"), encoding="utf-8"
    )
    found, *_ = check_alone(wrong)["findings"]
    assert (found["line"], found["severity"]) == (2, "error")
    assert "`ordr`" in found["message"]
