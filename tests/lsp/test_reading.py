"""Hover, definition, references, signatures, hints, lenses, outline, folding, colours are right."""

from __future__ import annotations

import itertools
import sys

import pytest

from opord.codegen.diagram import graphviz
from opord.lsp.features import colours, folding, hints, lenses, navigate, outline, sheet
from opord.lsp.features.hover import hover
from opord.lsp.features.problems import problems
from opord.lsp.features.signature_help import signature_help
from tests.lsp.kit import CURSOR, DESK, ENDS, EXAMPLE, acting, analyse, at_cursor, waiting

HOVERS = {
    "an action says what it guarantees": (acting("commit le‸nd(book, 3)"), ["action lend(book: Book, days: int) -> str", "Lends it.", "happens at most once per book.id", "Attempts: one attempt"]),
    "an action says why it stands": (acting("commit le‸nd(book, 3)").replace("fails Refusal { key", 'fails Refusal stands because "it was lent" { key'), ['fails Refusal stands because "it was lent"']),
    "an action in transaction says so": (f"{DESK}\naction bo‸ok_in(id: str) in transaction", ["action book_in(id: str) in transaction", "exactly once each time", "never in doubt"]),
    "`in transaction` is not the operator": (f"{DESK}\naction x() i‸n transaction", ["in the transaction that records its outcome"]),
    "an effect says that it may be repeated": (acting("let b = perform lo‸ok(book.id)"), ["effect look(id: str) -> Book? fails Refusal", "harmless to repeat"]),
    "a state says what leads in and out": (acting("goto Le‸nt(\"\", 1)"), ["state Lent(slip: str, days: int) -> Back", "Ways in: `Start`", "- `Back`: after remind"]),
    "a final state says how the run ended": (acting("goto Lo‸st(reader)"), ["final state Lost(why: str) failure", "A run ends here: failure"]),
    "an event says who may send it": (waiting("on dec‸ide(note, score) -> goto Back"), ["event decide(note: str, score: int) by clerk | boss", "taken in `Waiting`"]),
    "an event says who may not send it": (f"{DESK}\nevent ex‸tend(days: int) by clerk except reader, book.title keep", ["event extend(days: int) by clerk except reader, book.title keep"]),
    "`except` says what it takes": (f"{DESK}\nevent x() exc‸ept reader", ["who may not send an event", "except path, path"]),
    "a path after `except` is a field": (f"{DESK}\nevent x() except book.ti‸tle", ["title: str", "field of `Book`"]),
    "a transient variant says so": (acting("match commit lend(book, 3) { Bu‸sy -> goto Back, else -> goto Back, ok -> goto Back }"), ["Refusal.Busy transient", "another may help"]),
    "a final variant says so": (acting("match commit lend(book, 3) { N‸o -> goto Back, else -> goto Back, ok -> goto Back }"), ["Refusal.No(reason: str)", "final"]),
    "a variant that settles says so": (acting("match commit lend(book, 3) { Nev‸er -> goto Back, else -> goto Back, ok -> goto Back }"), ["Refusal.Never settles", "ends a doubt"]),
    "a variant that asks to wait says so": (f"{DESK}\nfailure Pace {{ Too‸Many(pause: duration) transient wait at most 5m }}", ["TooMany(pause: duration) transient wait at most 5m", "no sooner than `pause` after the failure, 5m at most"]),
    "`wait` is a mark of a failure": (f"{DESK}\nfailure Pace {{ TooMany(pause: duration) transient wa‸it }}", ["transient wait [at most D]", "no sooner than"]),
    "`at most` is not the promise": (f"{DESK}\nfailure Pace {{ TooMany(pause: duration) transient wait at mo‸st 5m }}", ["wait at most D"]),
    "a record has its fields": (DESK.replace("book: Book, reader", "book: Bo‸ok, reader"), ["record Book {", "pages: int = …", "What is lent."]),
    "a field has its type": (acting("let x = book.sh‸elf"), ["shelf: Shelf", "field of `Book`"]),
    "a variable has the type that was found": (acting("let x = book.pages * 2\n  goto Lent(\"\", x‸)"), ["let x: int"]),
    "a parameter belongs to its call": (acting("commit lend(book, da‸ys: 3)"), ["days: int", "parameter of `lend`"]),
    "an input belongs to the contract": (acting("goto Lost(rea‸der)"), ["reader: str", "input of `Desk`"]),
    "a keyword has an example": (acting("go‸to Back"), ["Ends the step", "goto Charged(receipt)"]),
    "a built-in shows how it is written": (acting("let n = le‸n(book.tags)"), ["len(list, map or text) -> int"]),
    "a built-in type is not the function": (DESK.replace("pages: int", "pages: in‸t"), ["A whole number of 64 bits"]),
    "an outcome is not the declaration": (f"{DESK}\nfinal state X fail‸ure", ["not as it was meant to"]),
    "a failure is not the outcome": (f"{DESK}\nfail‸ure X {{ Y }}", ["The ways in which a call can fail"]),
    "a delay is not a timer": (f"{DESK}\naction x() {{ in doubt check look(\"\") aft‸er 3s }}", ["after D", "`in doubt check` is asked"]),
    "a timer is not a delay": (waiting("aft‸er 3s -> goto Back"), ["since the state was entered"]),
    "a promise of two words": (f"{DESK}\nensure Back only aft‸er lend", ["X only after Y"]),
    "a promise begins with `after`": (f"{DESK}\nensure aft‸er lend eventually Back", ["after Y eventually X"]),
    "`in doubt` is not the operator": (f"{DESK}\naction x() {{ i‸n doubt skip }}", ["in doubt choice"]),
    "the operator is not `in doubt`": (acting("if reader i‸n book.tags { goto Back }"), ["an item of a list"]),
    "a key of an action": (f"{DESK}\naction x(a: str) {{ ke‸y a }}", ["key x [for D]"]),
    "a key of the contract": (DESK.replace(" key book.id\n", " k‸ey book.id\n"), ["two starts of a contract"]),
    "a condition of a handler": (waiting("on decide(note, score) i‸f score > 1 -> goto Back"), ["The handler takes the event"]),
    "a choice of values": (acting("let x = i‸f true then 1 else 2"), ["if condition then a else b"]),
    "a choice of statements": (acting("i‸f true { goto Back } else { goto Back }"), ["which statements come next"]),
    "a function says what it takes": (acting("let n = mi‸n(1, 2)"), ["min(a, b) or min(list)", "It takes numbers"]),
    "a variable of the step": (acting("let n = no‸w"), ["The instant of the step"]),
    "the contract": (DESK.replace("Desk(", "De‸sk("), ["contract Desk", "Lends books."]),
}  # fmt: skip


@pytest.mark.parametrize("what", HOVERS)
def test_hover(what: str) -> None:
    text, wanted = HOVERS[what]
    found = hover(*at_cursor(text))
    assert found is not None
    assert [each for each in wanted if each not in found.markdown] == []


@pytest.mark.parametrize("text", [f"{DESK}\n‸\n{ENDS}", acting('goto Lost("a ‸b")'), f"{DESK}# com‸ment\n"])
def test_hover_shows_nothing_where_nothing_has_a_meaning(text: str) -> None:
    assert hover(*at_cursor(text)) is None


def test_definition_leads_to_the_declaration() -> None:
    analysis, offset = at_cursor(acting("goto Lo‸st(reader)"))
    (link,) = navigate.definition(analysis, offset)
    assert analysis.source.line(link.target.line) == "final state Lost(why: str) failure"


def test_the_path_of_a_use_leads_to_the_file() -> None:
    text = 'use "ty‸pes.opord" { A }\ncontract C(a: A)\n'
    analysis = analyse(text.replace(CURSOR, ""), **{"types.opord": "record A { id: str }\n"})
    (link,) = navigate.definition(analysis, text.index(CURSOR))
    assert link.target.file == "types.opord"
    (link,) = navigate.definition(analysis, text.index("A }"))
    assert (link.target.file, link.target.line) == ("types.opord", 1)


def test_references_include_every_use_and_no_namesakes() -> None:
    text = acting('let note = ""\n  goto Lost(no‸te)').replace("decide(note", "decide(note")
    analysis, offset = at_cursor(text)
    found = navigate.references(analysis, offset)
    assert [analysis.source.line(each.line).strip() for each in found] == ['let note = ""', "goto Lost(note)"]
    alone = navigate.references(analysis, offset, declaration=False)
    assert [each.line for each in alone] == [found[1].line]
    assert [each.declares for each in navigate.highlights(analysis, offset)] == [True, False]


SIGNATURES = {
    "a goto": (acting("goto Lent(\"\", ‸)"), "Lent(slip: str, days: int)", 1),
    "an open goto": (acting("goto Lent(‸"), "Lent(slip: str, days: int)", 0),
    "a named argument": (acting("goto Lent(days: ‸)"), "Lent(slip: str, days: int)", 1),
    "an action": (acting("commit lend(book, ‸)"), "action lend(book: Book, days: int) -> str fails Refusal", 1),
    "an event": (waiting("on decide(note, ‸) -> goto Back"), "event decide(note: str, score: int) by clerk | boss", 1),
    "a pure within a call": (acting("goto Lost(fee(‸))"), "pure fee(book: Book) -> decimal", 0),
    "a built-in": (acting("let n = len(‸)"), "len(list, map or text) -> int", 0),
    "a variant": (acting("let s = Shelf.Lower(‸)"), "Shelf.Lower(row: int)", 0),
    "a record": (acting('let b = Book { id: "a", ‸ }'), "Book { id: str, title: str, pages: int = …, shelf: Shelf, tags: map[str, int], note: str? }", 1),
}  # fmt: skip


@pytest.mark.parametrize("what", SIGNATURES)
def test_signature_help(what: str) -> None:
    text, label, active = SIGNATURES[what]
    found = signature_help(*at_cursor(text))
    assert found is not None
    assert (found.label, found.active) == (label, active)
    assert all(each.label in label for each in found.parameters)


@pytest.mark.parametrize("text", [acting("‸goto Back"), f"{DESK}event x(‸)", acting("let x = 1 + ‸")])
def test_no_signature_where_nothing_is_called(text: str) -> None:
    assert signature_help(*at_cursor(text)) is None


def test_hints_show_what_is_not_written() -> None:
    analysis = analyse(acting('let n = book.pages\n  let slip = ""\n  goto Lent(slip, n)'))
    found = hints.hints(analysis, (0, len(analysis.text)))
    assert [(each.text, analysis.text[each.offset - 1]) for each in found] == [
        (": int", "n"), (": str", "p"), ("days:", " "),
    ]  # fmt: skip
    assert hints.hints(analysis, (0, 10)) == []


def test_lenses_count_the_ways_into_each_state() -> None:
    analysis = analyse(EXAMPLE)
    found = {analysis.text[each.span[0] : each.span[1]]: each for each in lenses.lenses(analysis)}
    assert found["Received"].title == "start of a run"
    assert found["Charging"].title == "2 ways in"
    assert found["Refunded"].title == "1 way in"
    assert [analysis.source.line(each.line).strip() for each in found["Charging"].places] == [
        "goto Charging", "on approve(note) -> goto Charging",
    ]  # fmt: skip


def test_the_outline_nests_as_the_file_does() -> None:
    found = {each.name: each for each in outline.outline(analyse(EXAMPLE))}
    assert [each.name for each in found["Checking"].inside] == ["Received", "Review"]
    assert [(each.name, each.detail) for each in found["PaymentError"].inside] == [
        ("Declined", "settles"), ("RateLimited", "transient"), ("Unavailable", "transient"),
    ]  # fmt: skip
    assert [each.name for each in found["Order"].inside][:2] == ["id", "customer"]
    assert found["Delivered"].detail == "success"
    for entry in found.values():
        assert entry.span[0] <= entry.name_span[0] <= entry.name_span[1] <= entry.span[1]


def test_names_of_the_workspace_are_found_by_their_letters() -> None:
    found = outline.find([analyse(EXAMPLE)], "chgcrd")
    assert [(each.name, each.kind) for each in found] == [("charge_card", "action")]


def test_braces_and_comments_fold() -> None:
    text = "# one\n# two\nrecord A {\n  id: str\n}\nrecord B { id: str }\n"
    assert [(each.first, each.last, each.kind) for each in folding.folds(analyse(text))] == [
        (0, 1, "comment"), (2, 3, "region"),
    ]  # fmt: skip


def test_colours_follow_the_meaning_of_names() -> None:
    analysis = analyse(acting('let x = len(book.tags)\n  goto Lent("{x}", x)'))
    found = {}
    for each in colours.coloured(analysis):
        found.setdefault(analysis.text[each.start : each.end], colours.TYPES[each.type])
    kinds = (
        "Desk",
        "book",
        "Book",
        "Shelf",
        "upper",
        "clerk",
        "decide",
        "fee",
        "lend",
        "Lent",
        "x",
        "tags",
        "len",
        "goto",
        "str",
        "->",
    )
    assert [found[name] for name in kinds] == [
        "namespace", "parameter", "struct", "enum", "enumMember", "interface", "event", "function", "method",
        "class", "variable", "property", "function", "keyword", "type", "operator",
    ]  # fmt: skip


def test_colours_never_overlap_or_leave_their_line() -> None:
    for text in (
        EXAMPLE,
        EXAMPLE.replace("\n", "\r\n"),
        EXAMPLE[:900],
        acting('goto Lost("a {book.id} b\n c")'),
    ):
        analysis = analyse(text)
        found = colours.coloured(analysis)
        for before, after in itertools.pairwise(found):
            assert before.end <= after.start
        assert not any(set("\r\n") & set(analysis.text[each.start : each.end]) for each in found)


def test_problems_have_help_and_related_places() -> None:
    found = {
        each.code: each
        for each in problems(
            analyse(acting('goto Lent("")').replace("event decide", "event other(a: str)\nevent decide"))
        )
    }
    missing = found["OP204"]
    assert missing.message.startswith("nothing is given for the field `days` of `Lent`\nhelp: ")
    assert [text for _, text in missing.related] == ["declared here"]
    assert missing.page.endswith("/OP204.md")
    assert found["OP801"].unnecessary
    assert not missing.unnecessary


def test_a_story_is_shown_step_by_step() -> None:
    import dataclasses

    from opord.contract import Place
    from opord.language.diagnostics.model import StoryStep

    analysis = analyse(acting("goto Backk"))
    finding = analysis.diagnostics[0]
    step = StoryStep("Start", Place("desk.opord", 1, 1, 1, 2))
    analysis.result.diagnostics[0] = dataclasses.replace(
        finding, story=(step, StoryStep("Back", finding.place))
    )
    assert [text for _, text in problems(analysis)[0].related] == ["1. Start", "2. Back"]


def test_the_sheet_is_markdown() -> None:
    said = sheet.explained(analyse(EXAMPLE))
    assert said.startswith("# OrderFulfilment, version 1\n")
    assert "### Action `charge_card`\n\n`charge_card(order: Order) -> Receipt`\n\n" in said
    with pytest.raises(sheet.SheetUnavailable, match="it has 1 error"):
        sheet.explained(analyse(EXAMPLE.replace("-> Delivered |", "-> Delivred |")))
    with pytest.raises(sheet.SheetUnavailable, match="types alone"):
        sheet.explained(analyse("record A { id: str }\n"))


# --- The diagram ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format", "start"), [("svg", "<svg "), ("dot", 'digraph "OrderFulfilment"'), ("mermaid", "---\ntitle:")]
)
def test_a_contract_is_drawn_in_each_format(format: str, start: str) -> None:
    assert sheet.diagram(analyse(EXAMPLE), format).startswith(start)


def test_a_broken_contract_is_drawn_as_well_as_possible() -> None:
    broken = analyse(EXAMPLE.replace("goto Refunded(receipt)", "goto Elsewhere(receipt)"))
    assert 'id="edge-Refunding-Elsewhere"' in sheet.diagram(broken)


def test_a_diagram_that_cannot_be_drawn_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(sheet.SheetUnavailable, match="expected the format svg, dot or mermaid, got: png"):
        sheet.diagram(analyse(EXAMPLE), "png")
    graphviz._machine.cache_clear()
    monkeypatch.setitem(sys.modules, "wasmtime", None)
    with pytest.raises(sheet.SheetUnavailable, match=r"pip install 'opord\[diagram\]'"):
        sheet.diagram(analyse(EXAMPLE))


def test_a_contract_with_errors_has_a_diagram_too() -> None:
    broken = analyse(EXAMPLE.replace("-> Delivered |", "-> Delivred |"))
    assert "<svg" in sheet.diagram(broken)
    assert "Charging" in sheet.diagram(broken, "dot")
    assert sheet.diagram(broken, "mermaid").startswith(("flowchart", "---", "%%"))
    with pytest.raises(sheet.SheetUnavailable, match="expected the format svg, dot or mermaid, got: png"):
        sheet.diagram(broken, "png")
    with pytest.raises(sheet.SheetUnavailable, match="no states"):
        sheet.diagram(analyse("record A { id: str }\n"))
