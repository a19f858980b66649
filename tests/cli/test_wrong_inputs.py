"""A wrong input is answered with all that is wrong, and with the shape of one that fits."""

from __future__ import annotations

import json

import pytest

from tests.cli.kit import DESK, Shop, order

SHAPE = 'INPUT is {"order": {"id": str, "cents": int, "card": str}}\n'


def test_all_wrong_members_are_told_at_once(shop: Shop) -> None:
    wrong = json.dumps({"order": {"id": 7, "cents": "1", "crad": "4242"}, "note": "x"})
    said = shop.opord("runs", "start", "desk.opord", "--input", wrong)
    assert (said.status, said.out) == (1, "")
    assert said.err == (
        "error[input_invalid]: the input of Desk does not fit:\n"
        "  - order.id: expected str, got the number 7\n"
        "  - order.cents: expected int, got a text\n"
        "  - order.card is missing; expected secret str\n"
        "  - order: `crad` is not a member of Order; did you mean `card`?\n"
        "  - `note` is not a member of the input; it has `order`\n" + SHAPE
    )


def test_one_wrong_member_is_told_in_one_line(shop: Shop) -> None:
    said = shop.opord("runs", "start", "desk.opord")
    assert said.err == (
        f"error[input_invalid]: the input of Desk does not fit: order is missing; expected Order\n{SHAPE}"
    )


@pytest.mark.parametrize("text", ["{order: x}", "order=x", "x" * 5000, "{'order': 1}", '{"order": }'])
def test_what_is_not_json_is_told_with_the_shape(shop: Shop, text: str) -> None:
    said = shop.opord("runs", "start", "desk.opord", "--input", text)
    assert (said.status, said.out) == (1, "")
    assert said.err.startswith("error[input_invalid]: the input is refused: not JSON")
    assert said.err.endswith(SHAPE)
    assert not (shop.folder / "opord.db").exists()


def test_what_is_sent_and_not_json_is_told_with_the_shape(shop: Shop) -> None:
    shop.start("big-1", cents=5000)
    shop.work()
    said = shop.opord("runs", "send", "Desk/big-1", "approve", "--role", "manager", "--input", "{note: ok}")
    assert said.status == 1
    assert said.err.startswith("error[input_invalid]: the input is refused: not JSON")
    assert said.err.endswith('\nINPUT is {"note": str}\n')
    said = shop.opord("runs", "send", "Desk/big-2", "approve", "--role", "manager", "--input", "{note: ok}")
    assert "there is no run 'Desk/big-2'" in said.err


def test_a_file_without_its_sign_is_told(shop: Shop) -> None:
    (shop.folder / "one.json").write_text(order("o1"))
    said = shop.opord("runs", "start", "desk.opord", "--input", "one.json")
    assert "; to read the file, write `@one.json`\n" in said.err


def test_many_wrong_members_are_bounded(shop: Shop) -> None:
    wrong = json.dumps({f"m{number}": 1 for number in range(3000)})
    said = shop.opord("runs", "start", "desk.opord", "--input", wrong)
    assert said.err.count("\n  - ") == 10
    assert "\n  and 990 more\n" in said.err


def test_an_event_shows_its_shape(shop: Shop) -> None:
    shop.start("big-1", cents=5000)
    shop.work()
    send = ("runs", "send", "Desk/big-1", "approve", "--role", "manager")
    said = shop.opord(*send, "--input", '{"nite": 1}')
    assert said.err == (
        "error[input_invalid]: the input of Desk's event approve does not fit:\n"
        "  - note is missing; expected str\n"
        "  - `nite` is not a member of the event approve; did you mean `note`?\n"
        'INPUT is {"note": str}\n'
    )


def test_a_line_of_many_tells_its_first_problem_in_one_line(shop: Shop) -> None:
    (shop.folder / "some.jsonl").write_text('{"order": {"id": 1, "cents": 1}}\n' + order("o1") + "\n")
    said = shop.opord("runs", "start", "desk.opord", "--input", "@some.jsonl")
    assert said.err == (
        "error[input_invalid]: some.jsonl:1: the input of Desk does not fit: "
        "order.id: expected str, got the number 1 (and 1 more)\n"
    )


def test_a_long_shape_takes_a_line_for_each_record(shop: Shop) -> None:
    fields = ", ".join(f"a_rather_long_name_{number}: str" for number in range(6))
    (shop.folder / "desk.opord").write_text(
        DESK.replace("Order { id: str,", f"Order {{ id: str, more: More?, {fields},")
        + "\nrecord More { kind: Kind?, all: list[int] }\nenum Kind { A, B }\n"
    )
    said = shop.opord("runs", "start", "desk.opord")
    first, shape, inner, more = said.err.splitlines()
    assert first.endswith("order is missing; expected Order")
    assert shape == 'INPUT is {"order": Order}'
    assert inner.startswith('  Order is {"id": str, "more"?: More, "a_rather_long_name_0": str, ')
    assert len(inner) < 130
    assert more == '  More is {"kind"?: "A" | "B", "all": [int, …]}'
