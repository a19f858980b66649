"""The guarantee sheet: what an operator or an auditor is told of a contract, whole and word by word."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import opord
from opord.contract import Contract
from opord.language.compile import check_file, check_text
from opord.language.sheet import Sheet, explain_sheet, render_text

HERE = Path(__file__).parent
ORDER = Path(opord.__file__).parent / "examples" / "orders" / "order.opord"
GOLDEN = {"order": ORDER, "travel_saga": HERE.parent / "good" / "travel_saga.opord"}


def sheet_of(path: Path) -> Sheet:
    contract = check_file(path).contract
    assert contract is not None
    return explain_sheet(contract)


@pytest.mark.golden
@pytest.mark.parametrize("name", GOLDEN)
def test_golden_sheet(name: str) -> None:
    golden = HERE / f"{name}.txt"
    text = render_text(sheet_of(GOLDEN[name]), 100)
    if os.environ.get("OPORD_GOLDEN"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [60, 80, 120])
def test_lines_keep_to_the_width(width: int) -> None:
    assert max(map(len, render_text(sheet_of(ORDER), width).splitlines())) <= width


def test_a_sheet_is_json_data() -> None:
    plain = sheet_of(ORDER).to_plain()
    again = json.loads(json.dumps(plain))
    assert again["contract"] == "OrderFulfilment"
    assert [state["name"] for state in again["states"]][:2] == ["Received", "Review"]
    assert [end["outcome"] for end in again["ends"]] == [
        "success",
        "failure",
        "failure",
        "failure",
        "cancelled",
    ]


def contract_with(action: str, body: str = "commit a(id)\n  goto Z") -> Contract:
    text = (
        f"contract Case(id: str) key id\nfailure F {{ No, Busy transient }}\neffect seen(key: str) -> bool\n{action}\n"
        f"initial state A -> Z {{\n  {body}\n}}\nfinal state Z success\n"
    )
    result = check_text(text)
    assert result.errors == []
    return result.model


@pytest.mark.parametrize(
    ("action", "says"),
    [
        ("action a(id: str) { key id }", "at most once per id: every attempt carries the same key"),
        ("action a(id: str) { key id for 24h }", "remembers for 24 hours after the first attempt"),
        ("action a(id: str) { key }", "the same key, made by the runtime"),
        ("action a(id: str) { key id }", "is called again with the same key, until it answers"),
        ("action a(id: str) { key id for 1h }", "for as long as the key holds (1 hour)"),
        ("action a(id: str) { key id, retry 2 times }", "within the 2 more attempts left"),
        ("action a(id: str)", "the run waits for a person, who says that it happened or that it did not"),
        ("action a(id: str)", "or when a person has said so"),
        ("action a(id: str) { in doubt skip }", "goes on as if it had happened"),
        (
            "action a(id: str) { in doubt check seen(call.key) after 1h30m }",
            "is asked 1 hour 30 minutes later",
        ),
        ("action a(id: str) { in doubt check seen(id) }", "or when seen has said so"),
    ],
)
def test_a_guarantee_says_what_the_policy_means(action: str, says: str) -> None:
    assert says in explain_sheet(contract_with(action)).actions[0].guarantee


def test_a_reported_doubt_is_the_contracts_to_decide() -> None:
    body = "commit a(id) else { InDoubt -> goto Z }\n  goto Z"
    reported = explain_sheet(contract_with("action a(id: str) { in doubt report }", body))
    asked = explain_sheet(contract_with("action a(id: str) { in doubt ask within 48h }", body))
    assert "the contract decides, under the name InDoubt" in reported.actions[0].guarantee
    assert "after 48 hours without an answer the contract decides" in asked.actions[0].guarantee
    assert reported.states[0].becomes[0].reasons == ("if nobody knows whether a happened", "after a")


@pytest.mark.parametrize(
    ("declaration", "attempts"),
    [
        ("action a(id: str) { timeout 5s }", "one attempt"),
        (
            "action a(id: str) { key id, retry 1 times backoff 2s to 2s }",
            "up to 1 more attempt after an unknown outcome, at most 2 seconds apart",
        ),
    ],
)
def test_attempts(declaration: str, attempts: str) -> None:
    assert explain_sheet(contract_with(declaration)).actions[0].attempts == attempts


def test_a_failure_says_whether_it_can_be_tried_again() -> None:
    body = "commit a(id) else -> goto Z\n  goto Z"
    sheet = explain_sheet(contract_with("action a(id: str) fails F { key id }", body))
    assert [(each.name, each.again) for each in sheet.actions[0].failures] == [("No", False), ("Busy", True)]
