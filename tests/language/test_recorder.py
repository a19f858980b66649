"""The recorder keeps what every name means, and what is known at the marker."""

from __future__ import annotations

from opord.contract import STR, Named
from opord.language.compile import lower_source
from opord.language.lowering.recorder import Recorder
from opord.language.syntax.source import Source

CONTRACT = """\
contract Desk(order: Order) key order.id
record Order { id: str, size: Size }
enum Size { small, large }
failure Refusal { No(reason: str) }
role clerk
event decide(note: str) by clerk
action pay(order: Order) -> str fails Refusal { key order.id }
action give_back(id: str) undoes pay { key id }
phase Open {
  on decide(note) -> goto Over(note)
  initial state Start -> Paid | Over {
    match commit pay(order) {
      ok id -> goto Paid(..)
      No(reason) -> goto Over(note: reason)
    }
  }
  state Paid(id: str) -> Over {
    commit give_back(id)
    goto Over(if order.size == Size.small then id else "")
  }
}
final state Over(note: str) success
ensure Over only after pay
"""


def recorded(text: str, marker: str = "") -> Recorder:
    recorder = Recorder(marker)
    lower_source(Source("desk.opord", text), recorder=recorder)
    return recorder


def test_every_name_refers_to_the_line_of_its_declaration() -> None:
    found = recorded(CONTRACT).references
    said = sorted((start, CONTRACT[start:end], places[0].line) for (start, end), places in set(found))
    assert [(name, line) for _, name, line in said] == [
        ("Order", 2), ("order", 1), ("id", 2), ("Size", 3), ("clerk", 5), ("Order", 2), ("Refusal", 4),
        ("order", 7), ("id", 2), ("pay", 7), ("id", 8), ("decide", 6), ("Over", 22), ("note", 10), ("Paid", 17),
        ("Over", 22), ("pay", 7), ("order", 1), ("Paid", 17), ("No", 4), ("Over", 22), ("note", 22),
        ("reason", 14), ("Over", 22), ("give_back", 8), ("id", 17), ("Over", 22), ("order", 1), ("size", 2),
        ("Size", 3), ("small", 3), ("id", 17), ("Over", 22), ("pay", 7),
    ]  # fmt: skip


def test_a_field_filled_by_a_rest_has_both_of_its_places() -> None:
    (rest,) = recorded(CONTRACT).rests
    assert (rest.name, rest.field.line, [each.line for each in rest.variable]) == ("id", 17, [13])


def test_a_shared_field_of_a_phase_refers_to_every_state() -> None:
    text = CONTRACT.replace("Start -> Paid", 'Start(tag: str = "") -> Paid').replace(
        "Paid(id: str)", "Paid(id: str, tag: str)"
    )
    text = text.replace("goto Over(note)", "goto Over(tag)", 1).replace("Paid(..)", 'Paid(id, "x")')
    found = recorded(text).references
    assert [
        [each.line for each in places] for (start, _), places in found if text.startswith("tag)", start)
    ] == [[11, 17]]


def test_the_scope_and_the_expected_type_are_known_at_the_marker() -> None:
    facts = recorded(CONTRACT.replace("commit give_back(id)", "commit give_back(zz)"), "zz").marker_facts
    assert facts is not None
    assert sorted(facts.names) == ["id", "now", "order", "run"]
    assert facts.expected == STR
    assert facts.params is not None
    assert list(facts.params) == ["id"]


def test_the_type_before_a_dot_is_known() -> None:
    facts = recorded(CONTRACT.replace("order.size ==", "order.zz =="), "zz").marker_facts
    assert facts is not None
    assert facts.part_of == Named("Order")


def test_the_subject_is_known_in_an_arm() -> None:
    facts = recorded(CONTRACT.replace("No(reason)", "zz"), "zz").marker_facts
    assert facts is not None
    assert facts.subject is not None
    assert list(facts.subject.variants) == ["No"]
