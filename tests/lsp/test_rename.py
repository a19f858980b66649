"""Rename changes a name and no meaning, or says why it cannot."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from opord.lsp.analysis import Analysis
from opord.lsp.features.rename import RenameRefused, applied, prepare, rename
from tests.lsp.kit import EXAMPLE, ROOT, acting, analyse, at_cursor, waiting

CONTRACTS = [
    ROOT / "src/opord/examples/orders/order.opord",
    ROOT / "bench/four_calls.opord",
    ROOT / "tests/codegen/golden/odd.opord",
    ROOT / "tests/codegen/golden/clashes.opord",
    *sorted((ROOT / "examples").rglob("*.opord")),
]
# Every symbol of the first contract, and so many of the others.
CHOSEN = 20


def plain(analysis: Analysis) -> str:
    return repr(analysis.model)


def renamed(text: str, new: str) -> str:
    analysis, offset = at_cursor(text)
    return applied(analysis.text, rename(analysis, offset, new))


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: path.stem)
def test_any_symbol_can_get_a_new_name_and_the_contract_stays_the_same(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    analysis = analyse(text)
    declared = [
        each
        for each in analysis.index.occurrences
        if each.declares and analysis.index.symbols[each.places[0]].name != "cancel"
    ]
    assert len(declared) > 10
    if path != CONTRACTS[0]:
        declared = random.Random(7).sample(declared, min(CHOSEN, len(declared)))
    for each in declared:
        symbol = analysis.index.symbols[each.places[0]]
        fresh = "FreshNameZz" if symbol.name[:1].isupper() else "fresh_name_zz"
        after = analysis.again(applied(text, rename(analysis, each.span[0], fresh)))
        assert plain(after).replace(fresh, symbol.name) == plain(analysis), f"{symbol.kind} {symbol.name}"
        assert [e.code for e in after.diagnostics] == [e.code for e in analysis.diagnostics]


def test_an_action_is_renamed_in_the_comments_that_allow_it() -> None:
    text = """\
contract C(id: str) key id
action pa‸y(id: str) { key id }
action back(id: str) undoes pay { key id }
initial state A -> B | Y { commit pay(id)
  if id == "x" { goto B }
  goto Y }
state B -> Z { commit back(id)
  goto Z }
final state Z failure
# opord: allow unanswered pay because pay is paid back by hand
final state Y failure
"""
    after = renamed(text, "settle")
    assert "# opord: allow unanswered settle because pay is paid back by hand" in after
    assert analyse(after).diagnostics == []


@pytest.mark.parametrize(
    ("old", "new", "kinds"),
    [
        ("Received", "Arrived", "state"),
        ("Checking", "Looking", "phase"),
        ("approve", "agree", "event"),
        ("manager", "boss", "role"),
        ("charge_card", "take_money", "action"),
        ("find_customer", "look_up", "effect"),
        ("risk", "danger", "pure"),
        ("Order", "Purchase", "record"),
        ("PaymentError", "CardError", "failure"),
        ("Declined", "Refused", "variant"),
        ("total_cents", "cents", "field"),
        ("OrderFulfilment", "Fulfilment", "contract"),
    ],
)
def test_every_kind_of_name_is_renamed_everywhere(old: str, new: str, kinds: str) -> None:
    analysis = analyse(EXAMPLE)
    offset = next(
        each.span[0]
        for each in analysis.index.occurrences
        if each.declares and analysis.index.symbols[each.places[0]].name == old
    )
    after = applied(EXAMPLE, rename(analysis, offset, new))
    again = analyse(after)
    assert new in after
    assert again.result.errors == []
    assert old not in {symbol.name for symbol in again.index.symbols.values()}


def test_a_pair_that_a_rest_made_is_written_out() -> None:
    text = acting('let slip = ""\n  let days = 3\n  goto Lent(..)').replace(
        "Lent(slip: str", "Lent(sl‸ip: str"
    )
    assert "goto Lent(note: slip, ..)" in renamed(text, "note")
    text = acting('let sl‸ip = ""\n  let days = 3\n  goto Lent(..)')
    assert "goto Lent(slip: paper, ..)" in renamed(text, "paper")


def test_a_field_that_a_phase_shares_is_renamed_in_all_its_states() -> None:
    text = (
        "contract C(id: str) key id\nevent go() by r\nrole r\nphase P {\n  on go -> goto End(tag)\n"
        '  initial state A(tag: str = "") -> B | End { goto B(tag) }\n'
        "  state B(t‸ag: str) -> End { after 1h -> goto End(tag) }\n}\nfinal state End(why: str) success\n"
    )
    after = renamed(text, "label")
    assert "tag" not in after
    assert analyse(after).result.errors == []


REFUSED = {
    "another case": (acting("g‸oto Back").replace("g‸oto", "goto").replace("state Lent", "state Le‸nt"), "lent", "PascalCase, and `lent` is not; write `Lent`"),
    "a reserved word": (acting("let x‸ = 1\n  goto Back"), "and", "reserved word"),
    "a word of the step": (acting("let x‸ = 1\n  goto Back"), "now", "always means the instant of the step"),
    "a taken state": (acting("goto Ba‸ck"), "Lost", "declared already"),
    "a taken call": (acting("goto Back").replace("effect look", "effect lo‸ok"), "lend", "declared already"),
    "a hidden variable": (acting("let x‸ = 1\n  let y = book.pages\n  goto Back"), "book", "cannot be the name"),
    "a captured variable": (waiting("on decide(no‸te, score) -> goto Lost(\"{since}\")"), "since", "has a meaning already"),
    "a rest that finds it": (
        acting('let da‸y = 4\n  goto Lent("a", ..)').replace("days: int)", "days: int = 3)"),
        "days",
        "has a meaning already",
    ),
    "a built-in function": (acting("goto Back").replace("pure fee", "pure f‸ee"), "len", "built-in function"),
    "a built-in event": (acting("goto Back").replace("event decide", "event dec‸ide"), "cancel", "built-in event"),
}  # fmt: skip


@pytest.mark.parametrize("why", REFUSED)
def test_a_name_that_would_change_a_meaning_is_refused(why: str) -> None:
    text, new, message = REFUSED[why]
    with pytest.raises(RenameRefused, match=message):
        renamed(text, new)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (acting("go‸to Back"), "`goto` is a word of the language"),
        (acting("let x = le‸n(book.tags)\n  goto Back"), "`len` is a word of the language"),
        (acting("goto Back").replace("id: str", "id: s‸tr"), "`str` is a word of the language"),
        (acting("let x = no‸w\n  goto Back"), "`now` is a word of the language"),
        (acting("goto Bac‸kk"), "nothing is declared as `Backk`"),
        (acting('goto Lost("a ‸ b")'), "no name here"),
        (waiting("on can‸cel(reason) -> goto Back"), "`cancel` is a word of the language"),
    ],
)
def test_a_name_that_the_contract_does_not_declare_is_not_renamed(text: str, message: str) -> None:
    analysis, offset = at_cursor(text)
    with pytest.raises(RenameRefused, match=message):
        prepare(analysis, offset)


def test_a_type_of_a_used_file_is_renamed_in_every_file() -> None:
    types = "record Address { street: str }\nrecord House { at: Address }\n"
    text = 'use "types.opord" { Address }\ncontract C(id: str, a: Address) key a.street\ninitial state S -> D { goto D }\nfinal state D success\n'
    user = analyse(text, **{"types.opord": types})
    from opord.language.syntax.source import Source

    home = Analysis(Source("types.opord", types))
    edits = rename(user, text.index("Address)"), "Place", [home])
    assert applied(text, [each for each in edits if each.path == "desk.opord"]) == text.replace(
        "Address", "Place"
    )
    assert applied(types, [each for each in edits if each.path == "types.opord"]) == types.replace(
        "Address", "Place"
    )
    edits = rename(home, types.index("street"), "road", [user])
    assert applied(text, [each for each in edits if each.path == "desk.opord"]) == text.replace(
        "street", "road"
    )


def test_a_declaration_in_an_unavailable_file_is_not_renamed() -> None:
    text = 'use "types.opord" { A }\ncontract C(a: A) key a.id\ninitial state S -> D { goto D }\nfinal state D success\n'
    user = analyse(text, **{"types.opord": "record A { id: str }\n"})
    with pytest.raises(RenameRefused, match=r"declared in types\.opord"):
        rename(user, text.index("A }"), "B")


def test_a_name_in_a_broken_contract_can_be_renamed_too() -> None:
    text = acting("goto Back(\n  let = 3\n  goto Lo‸st").replace("final state Back success", "final Back")
    assert "final state Gone(why: str) failure" in renamed(text, "Gone")
