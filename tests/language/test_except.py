"""The clause `except` of an event: how it is written, what it becomes, and its findings."""

from __future__ import annotations

import pytest

from opord.content import content, contract_digest, first_difference, legacy_digest
from opord.contract import Event
from opord.language import CheckResult, check_text
from opord.language.syntax.formatter import format_source

REST = """
state Second(first: str, helpers: list[str], note: str) -> Paid | Lapsed {
  on confirm -> goto Paid(note)
  after 7d -> goto Lapsed
}
final state Paid(note: str) success
final state Lapsed failure
"""


def contract(clauses: str, confirm: str = "") -> str:
    return f"""contract Claim(expense: Expense, first: str) key expense.id
record Expense {{ id: str, employee: str, witnesses: list[str], pin: secret str, pins: list[secret str] }}
role approver, boss
event approve(note: str) {clauses}
event confirm() {confirm}
initial state Asked -> Second | Lapsed {{
  on approve(note) -> goto Second(actor, [], note)
  after 7d -> goto Lapsed
}}
{REST}"""


def checked(clauses: str, confirm: str = "") -> CheckResult:
    return check_text(contract(clauses, confirm))


def event(clauses: str, confirm: str = "") -> Event:
    found = checked(clauses, confirm)
    assert [each for each in found.diagnostics if each.severity == "error"] == []
    return found.model.events[1 if confirm else 0]


def codes(clauses: str, confirm: str = "") -> list[str]:
    return [each.code.id for each in checked(clauses, confirm).errors]


# --- what it becomes ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clauses", "paths"),
    [
        ("by approver except expense.employee", ["expense.employee"]),
        (
            "by approver | boss except expense.employee, expense.witnesses",
            ["expense.employee", "expense.witnesses"],
        ),
        ("except first", ["first"]),
        ("except expense.employee,\n  first", ["expense.employee", "first"]),
        ("key note except first keep", ["first"]),
        ("by approver", []),
    ],
)
def test_the_paths_stand_in_the_order_of_the_file(clauses: str, paths: list[str]) -> None:
    assert [each.text for each in event(clauses).excepts] == paths


def test_a_field_of_the_states_hides_the_input() -> None:
    (of_input,) = event("except first").excepts
    (of_state,) = event("", "except first").excepts
    assert (of_input.of_state, of_state.of_state) == (False, True)
    assert of_input.text == of_state.text == "first"


def test_the_senders_are_told_as_the_contract_writes_them() -> None:
    assert event("by approver|boss  except expense.employee ,first").senders == (
        "by approver | boss except expense.employee, first"
    )
    assert event("except first").senders == "except first"
    assert event("keep").senders == ""


def test_the_word_is_free_to_name_other_things() -> None:
    text = contract("by except except expense.employee").replace("role approver", "role except, approver")
    assert check_text(text).errors == []


# --- identity -------------------------------------------------------------------------------------


def test_it_is_part_of_the_identity_and_its_order_is_not() -> None:
    plain, one = checked("by approver").model, checked("by approver except first").model
    two = checked("by approver except first, expense.employee").model
    turned = checked("by approver except expense.employee, first").model
    assert len({contract_digest(each) for each in (plain, one, two)}) == 3
    assert contract_digest(two) == contract_digest(turned)
    assert "except" in (first_difference(plain, one) or "")


def test_without_it_nothing_changes_in_the_content() -> None:
    plain = checked("by approver").model
    assert "excepts" not in str(content(plain))
    assert legacy_digest(plain) is not None
    assert legacy_digest(checked("by approver except first").model) is None


# --- layout ---------------------------------------------------------------------------------------


def test_the_formatter_keeps_it_on_its_line() -> None:
    text = contract("by   approver except expense . employee ,first   keep")
    assert "event approve(note: str) by approver except expense.employee, first keep\n" in format_source(text)


# --- findings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clauses", "found"),
    [
        ("except employee", ["OP102"]),  # an unknown name
        ("except expense.employe", ["OP107"]),  # an unknown field
        ("except now", ["OP117"]),  # not a person whom the run knows
        ("except actor", ["OP117"]),
        ("except note", ["OP117"]),  # the sender gives it
        ("except helpers", ["OP102"]),  # a field of a state that does not take the event
        ("except expense", ["OP219"]),  # a record
        ("except expense.witnesses[0]", ["OP219"]),  # no path
        ("except expense.employee or first", ["OP219"]),
        ('except "jon"', ["OP219"]),
        ("except expense.pin", ["OP602"]),  # a secret
        ("except expense.pins", ["OP602"]),
        ("except first, first", ["OP109"]),  # twice
        ("except first except expense.employee", ["OP025"]),  # the clause twice
        ("except first | expense.employee", ["OP010"]),  # the other separator
        ("except first,", ["OP014"]),
        ("except", ["OP010"]),
        ("\nexcept first", ["OP045"]),
    ],
)
def test_what_cannot_be_meant_is_reported(clauses: str, found: list[str]) -> None:
    assert codes(clauses) == found


def test_a_path_into_some_states_says_which_lack_it() -> None:
    text = contract("except note").replace("on confirm", "on approve -> goto Paid(note)\n  on confirm")
    (finding,) = check_text(text).errors
    assert finding.code.id == "OP117"
    assert finding.help == "only `Second` has a field `note`, and `Asked` takes `approve` too"


def test_an_input_that_some_states_hide_means_two_things() -> None:
    text = contract("except first").replace("on confirm", "on approve -> goto Paid(note)\n  on confirm")
    (finding,) = check_text(text).errors
    assert finding.code.id == "OP117"


def test_a_field_of_two_types_is_no_path() -> None:
    text = contract("except note").replace("state Asked ->", "state Asked(note: int = 1) ->")
    text = text.replace("on confirm", "on approve -> goto Paid(note)\n  on confirm")
    (finding,) = [each for each in check_text(text).errors if each.code.id == "OP117"]
    assert finding.help == "`note` has not the same type in all states that take `approve`"


def test_states_of_a_phase_that_takes_the_event_count() -> None:
    text = """contract C(id: str) key id
event stop() except who
phase P {
  on stop -> goto End
  initial state A(who: str = "ann") -> B | End { after 1d -> goto B("bob") }
  state B(who: str) -> End { after 1d -> goto End }
}
final state End success
"""
    found = check_text(text)
    assert found.diagnostics == []
    assert found.model.events[0].excepts[0].of_state
    assert [each.name for each in found.model.handling("stop")] == ["A", "B"]
    lacking = text.replace("B(who: str)", "B(other: str)")
    assert [each.code.id for each in check_text(lacking).errors] == ["OP117"]


def test_cancel_may_exclude_too() -> None:
    text = """contract C(id: str, owner: str) key id
event cancel(reason: str) except owner
initial state A -> End | Gone {
  on cancel(reason) -> goto Gone
  after 1d -> goto End
}
final state End success
final state Gone cancelled
"""
    assert check_text(text).diagnostics == []
