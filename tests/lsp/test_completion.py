"""Completion offers what fits at a place, in finished and in half-written contracts."""

from __future__ import annotations

import pytest

from opord.lsp.features.rename import applied
from tests.lsp.kit import CURSOR, DESK, ENDS, acting, analyse, at_cursor, labels, offers, waiting

TOP = f"{DESK}\n‸\n{ENDS}"


# Each case: the place, what must be offered, what must not be offered.
PLACES = {
    "a declaration": (f"{DESK}\n‸", "initial state record failure event action ensure", "goto contract let retry"),
    "the first line": ("‸", "contract record use", "goto"),
    "a requirement": ("contract C(n: int, name: str)\nrequire ‸", "n name len", "now run record goto"),
    "behind a requirement": ("contract C(n: int)\nrequire n ‸", "else and in", "record"),
    "behind a whole requirement": ("contract C(n: int)\nrequire n > 0 ‸", "else and", "record"),
    "an operand of a requirement": ("contract C(n: int)\nrequire n > ‸", "n len", "else"),
    "a value in a requirement's text": ('contract C(n: int)\nrequire n > 0 else "{‸}"', "n len", "now"),
    "behind a requirement's text": ('contract C(n: int)\nrequire n > 0 else "few" ‸', "", "else and n"),
    "the lines below the header": ("contract C(n: int)\n‸", "require record", "contract"),
    "a handler or statement": (waiting("‸"), "on after at goto let match", "record retry"),
    "a statement": (acting("let x = 1\n  ‸"), "goto let perform commit match if", "record retry"),
    "an event": (waiting("on ‸"), "decide cancel", "lend Start"),
    "the start of an event": (waiting("on de‸"), "decide", "lend"),
    "behind an event": (waiting("on decide(note, score) ‸"), "-> if ignore", "goto"),
    "behind an arrow": (waiting("after 2d -> ‸"), "goto if match", "on"),
    "a state": (acting("goto ‸"), "Lent Back Lost Start", "Shelf lend"),
    "the start of a state": (acting("goto Lo‸"), "Lost Lent", "let"),
    "an effect": (acting("let b = perform ‸"), "look", "lend remind fee"),
    "an action": (acting("commit ‸"), "lend remind", "look fee"),
    "an action in match": (acting("match commit ‸"), "lend", "look"),
    "a value": (acting("let x = ‸"), "book reader now run perform commit fee len Book", "lend goto"),
    "a field": (acting("let x = book.‸"), "id title pages shelf tags note", "book started_at"),
    "the start of a field": (acting("let x = book.ti‸"), "title", "book"),
    "a field in an open call": (acting("goto Lost(book.‸"), "title id", "book"),
    "a field in a text": (acting('goto Lost("{book.‸}")'), "title id", "book"),
    "a field in an open text": (acting('goto Lost("{book.‸'), "title id", "book"),
    "a field in a condition": (acting("if book.‸"), "pages", "reader"),
    "a field of the run": (acting("let x = run.‸"), "id started_at", "title"),
    "a variant": (acting("let x = Shelf.‸"), "upper Lower", "book"),
    "an argument": (acting("goto Lost(‸)"), "book reader why", "goto lend"),
    "an open argument": (acting("goto Lost(‸"), "book reader why", "goto lend"),
    "an argument of a call": (acting("commit lend(book, ‸)"), "days", "lend"),
    "a text's value": (acting('goto Lost("{‸}")'), "book reader", "goto"),
    "a type": (DESK.replace("id: str, title", "id: ‸, title"), "str int Book Shelf list secret", "upper lend"),
    "a type in a list": (DESK.replace("id: str, title", "id: list[‸], title"), "str Book", "lend"),
    "a parameter's type": (f"{DESK}\nevent x(a: ‸)", "str Book", "lend"),
    "a state's type": (f"{DESK}\nstate X(a: ‸", "str Book", "lend"),
    "a result": (f"{DESK}\neffect x() -> ‸", "str Book", "lend"),
    "failures": (f"{DESK}\neffect x() fails ‸", "Refusal", "Book str"),
    "what is undone": (f"{DESK}\naction x() undoes ‸", "lend remind", "look"),
    "clauses of an action": (f"{DESK}\naction x() ‸", "fails undoes stands", "key"),
    "clauses of an effect": (f"{DESK}\neffect x() ‸", "fails", "undoes stands"),
    "behind stands": (f"{DESK}\naction x() stands ‸", "because", "undoes"),
    "behind a reason": (f'{DESK}\naction x() stands because "it does" ‸', "fails undoes", "stands"),
    "roles": (f"{DESK}\nevent x() by ‸", "clerk boss", "lend"),
    "behind roles": (f"{DESK}\nevent x() by clerk ‸", "except key keep", "by reader"),
    "whom an event excludes": (f"{DESK}\nevent x() by clerk except ‸", "reader book", "clerk keep"),
    "whom else an event excludes": (f"{DESK}\nevent x() except reader, ‸", "book", "keep"),
    "a field of whom an event excludes": (f"{DESK}\nevent x() except book.‸", "title", "reader"),
    "behind whom an event excludes": (f"{DESK}\nevent x() except reader ‸", "by key keep", "except"),
    "more roles": (f"{DESK}\nevent x() by clerk | ‸", "boss", "clerk"),
    "behind an event's parameters": (f"{DESK}\nevent x() ‸", "by key keep", "goto"),
    "behind an action's parameters": (f"{DESK}\naction x() ‸", "fails undoes stands in", "by keep"),
    "behind an effect's parameters": (f"{DESK}\neffect x() ‸", "fails", "undoes stands in"),
    "policies": (f"{DESK}\naction x() {{ ‸ }}", "retry timeout key repeatable", "goto"),
    "policies of an effect": (f"{DESK}\neffect x() {{ ‸ }}", "retry timeout", "key repeatable"),
    "what to do in doubt": (f"{DESK}\naction x() {{ in doubt ‸ }}", "repeat check ask skip report", "retry"),
    "what to check with": (f"{DESK}\naction x() {{ in doubt check ‸ }}", "look", "lend"),
    "a key": (f"{DESK}\naction x(a: str) {{ key ‸ }}", "a book", "now"),
    "behind a key": (f"{DESK}\naction x(a: str) {{ key a ‸ }}", "for shared", "a book"),
    "behind a window": (f"{DESK}\naction x(a: str) {{ key a for 1d ‸ }}", "shared", "for a"),
    "behind shared": (f"{DESK}\naction x(a: str) {{ key a shared ‸ }}", "because", "for a"),
    "header targets": (f"{DESK}\nstate X -> ‸\n{ENDS}", "Lent Back Lost", "lend"),
    "more header targets": (f"{DESK}\nstate X -> Back | ‸\n{ENDS}", "Lent Lost", "Back"),
    "outcomes": (f"{DESK}\nfinal state X ‸", "success failure cancelled", "goto"),
    "a promise": (f"{DESK}\nensure ‸", "lend look every", "fee Book") ,
    "behind an action's promise": (f"{DESK}\nensure lend ‸", "only at", "goto"),
    "after `only after`": (TOP.replace(CURSOR, "ensure Back only after ‸"), "lend Lent", "fee"),
    "record fields": (acting("let x = Book { ‸ }"), "id title pages", "book"),
    "record fields left": (acting('let x = Book { id: "a", ‸ }'), "title", "id"),
    "fields after with": (acting("let x = book with { ‸ }"), "title id", "book"),
    "a record field's value": (acting("let x = Book { id: ‸ }"), "book reader", "title"),
    "arms of a call": (acting("match commit lend(book, 3) {\n    ‸\n  }"), "ok No Busy InDoubt else", "goto upper"),
    "arms of an enum": (acting("match book.shelf {\n    ‸\n  }"), "upper Lower else", "No ok"),
    "arms of an optional": (acting("match book.note {\n    ‸\n  }"), "some none else", "No ok"),
    "alternatives": (acting("match commit lend(book, 3) {\n    No | ‸ -> goto Back\n  }"), "Busy", "else"),
    "arms of an else": (acting("let b = perform look(book.id) else {\n    ‸\n  }"), "No Busy TimedOut", "ok"),
    "behind an arm's arrow": (acting("match book.note {\n    some x -> ‸\n  }"), "goto match", "some"),
    "names in an event": (waiting("on decide(‸"), "note score", "book"),
    "a warning to allow": (f"{DESK}\n# opord: allow ‸", "unused waits unanswered", "goto lend"),
    "an action to name in an allow": (f"{DESK}\n# opord: allow unanswered ‸", "lend remind because", "look waits"),
    "another action to name": (f"{DESK}\n# opord: allow unanswered lend, ‸", "remind because", "lend waits"),
    "in a handler": (waiting("on decide(note, score) -> goto Lost(‸)"), "note actor since", "goto"),
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_a_place_offers_what_fits_there_and_nothing_else(place: str) -> None:
    text, wanted, unwanted = PLACES[place]
    offered = {word for label in labels(text) for word in (label, label.split()[0])}
    assert [each for each in wanted.split() if each not in offered] == []
    assert [each for each in unwanted.split() if each in offered] == []


# Each case: the place, a word with several meanings, the inserted text.
MEANINGS = {
    "an outcome": (f"{DESK}\nfinal state X ‸", "failure", ""),
    "a declaration": (f"{DESK}\n‸", "failure", "failure ${1:Name} {\n  ${2:Unavailable} transient\n}"),
    "a wait behind transient": (
        f"{DESK}\nfailure Pace {{ TooMany(pause: duration) transient ‸ }}",
        "wait",
        "",
    ),
    "a limit of a wait": (
        f"{DESK}\nfailure Pace {{ TooMany(pause: duration) transient wait ‸ }}",
        "at most",
        "at most ${1:5m}",
    ),
    "a delay": (f'{DESK}\naction x() {{ in doubt check look("") ‸ }}', "after", ""),
    "a timer": (waiting("‸"), "after", "after ${1:48h} -> goto ${2:State}"),
    "a condition of a handler": (waiting("on decide(note, score) ‸"), "if", ""),
    "a statement": (acting("‸"), "if", "if ${1:condition} { $0 }"),
    "a value": (acting("let x = ‸"), "if", "if ${1:condition} then ${2:a} else ${3:b}"),
}


@pytest.mark.parametrize("place", MEANINGS)
def test_a_word_with_several_meanings_is_offered_with_the_meaning_at_its_place(place: str) -> None:
    text, word, snippet = MEANINGS[place]
    [found] = [each for each in offers(text) if each.label == word]
    assert found.snippet == snippet


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        (f"{DESK}\naction x() {{ in ‸ }}", "doubt"),
        (f"{DESK}\naction x() in ‸", "transaction"),
        (f"{DESK}\nensure lend at ‸", "most once"),
        (f"{DESK}\nensure lend at most ‸", "once"),
        (f"{DESK}\nensure lend only ‸", "after"),
    ],
)
def test_the_rest_of_a_word_with_several_parts_is_offered(text: str, rest: str) -> None:
    assert labels(text) == [rest]


@pytest.mark.parametrize(
    "text", [acting('goto Lost("a ‸ b")'), f"{DESK}# a ‸", acting("let x = 12‸"), f"{DESK}record ‸"]
)
def test_nothing_is_offered_in_texts_comments_and_numbers_or_for_a_new_name(text: str) -> None:
    assert labels(text) == []


def test_states_of_the_header_come_first_and_others_are_added_to_it() -> None:
    found = {each.label: each for each in offers(acting("goto ‸", targets="Lost | Back"))}
    order = list(labels(acting("goto ‸", targets="Lost | Back")))
    assert order[:2] == ["Lost", "Back"]
    assert found["Lost"].more == ()
    analysis, _ = at_cursor(acting("goto ‸", targets="Lost | Back"))
    changed = applied(analysis.text, found["Lent"].more)
    assert "initial state Start -> Lost | Back | Lent {" in changed


def test_a_header_without_targets_gets_one() -> None:
    text = acting("goto ‸").replace(" -> Lent | Back | Lost {", " {", 1)
    found = next(each for each in offers(text) if each.label == "Back")
    assert "initial state Start -> Back {" in applied(text.replace(CURSOR, ""), found.more)


def test_a_goto_offers_the_fields_as_placeholders() -> None:
    found = next(each for each in offers(acting("goto ‸")) if each.label == "Lent")
    assert (found.text, found.snippet) == ("Lent", "Lent(${1:slip}, ${2:days})")


def test_values_of_the_expected_type_come_first() -> None:
    found = labels(acting('let a = ""\n  let z = 3\n  goto Lent(a, ‸)'))
    assert found.index("z") < found.index("a")
    found = labels(acting('let a = 3\n  let z = ""\n  goto Lent(‸)'))
    assert found.index("z") < found.index("a")


def test_an_unclosed_parenthesis_ends_where_a_statement_starts() -> None:
    assert "Lent" in labels(acting("let x = len(\n  goto ‸"))
    assert "lend" in labels(acting("if fee(book\n  commit ‸"))


def test_missing_arms_come_first_and_all_of_them_at_once() -> None:
    found = offers(acting("match commit lend(book, 3) {\n    No(reason) -> goto Lost(reason)\n    ‸\n  }"))
    assert found[0].label == "all missing arms"
    assert (
        found[0].text
        == "ok result -> goto Lent\n    Busy -> goto Lent\n    Never -> goto Lent\n    InDoubt -> goto Lent"
    )


def test_an_arm_that_exists_already_comes_later() -> None:
    order = labels(acting("match commit lend(book, 3) {\n    Busy -> goto Back\n    ‸\n  }"))
    assert order.index("ok") < order.index("No") < order.index("Busy")


def test_an_arm_that_exists_keeps_the_text_after_it() -> None:
    found = next(
        each
        for each in offers(acting("match book.note {\n    so‸ -> goto Back\n  }"))
        if each.label == "some"
    )
    assert found.text == "some value"


def test_a_rest_is_offered_where_a_variable_has_the_name_of_a_field() -> None:
    assert ".." in labels(acting('let slip = ""\n  goto Lent(‸)'))
    assert ".." not in labels(acting("goto Lent(‸)"))


def test_the_types_of_a_used_file_are_offered() -> None:
    from opord.lsp.features.completion import complete

    text = 'use "types.opord" { ‸ }\ncontract C(id: str) key id\n'
    analysis = analyse(
        text.replace(CURSOR, ""), **{"types.opord": "record Address { a: str }\nenum E { A }\n"}
    )
    assert [each.label for each in complete(analysis, text.index(CURSOR))[1]] == ["Address", "E"]


def test_offers_say_how_things_are_declared() -> None:
    found = next(each for each in offers(acting("commit ‸")) if each.label == "lend")
    assert found.detail == "action lend(book: Book, days: int) -> str fails Refusal"
    assert found.snippet == "lend(${1:book}, ${2:days})"
    assert found.place is not None
