"""Quick fixes do what their titles say."""

from __future__ import annotations

import pytest

from opord.lsp.features.actions import CodeAction, actions, fix_all
from opord.lsp.features.formatting import FormattingRefused, formatted
from opord.lsp.features.rename import applied
from tests.lsp.kit import DESK, EXAMPLE, acting, analyse, at_cursor, waiting


def offered(text: str) -> tuple[str, list[CodeAction]]:
    analysis, offset = at_cursor(text)
    return analysis.text, actions(analysis, (offset, offset))


def mended(text: str, title: str) -> str:
    plain, found = offered(text)
    chosen = next((each for each in found if title in each.title), None)
    assert chosen is not None, [each.title for each in found]
    return applied(plain, chosen.edits)


# Each case: the text, the action, the text after it, and the code that is gone.
CASES = {
    "a near name": (acting("goto Bak‸c"), "Back", "goto Back", "OP103"),
    "a target that the header misses": (acting("if slip == \"\" { goto Back }\n  goto Lo‸st(reader)", targets="Back"), "header", "-> Back | Lost", "OP305"),
    "a target in place of another": (acting("goto Lo‸st(reader)", targets="Back"), "header", "-> Lost {", "OP305"),
    "a target that nothing goes to": (acting("goto Back", targets="Back | Lo‸st"), "", "-> Back {", "OP304"),
    "missing arms": (acting("match commit le‸nd(book, 3) {\n    ok -> goto Back\n  }"), "arm", "No(reason) ->", "OP401"),
    "an unhandled failure": (acting("let b = perform lo‸ok(book.id)\n  goto Back"), "", "else", "OP401"),
    "another case": (acting("goto Back").replace("role clerk, boss", "role cl‸erK, boss"), "", "clerk", "OP110"),
    "a state to create": (acting("goto Archi‸ved", targets="Archived"), "create the state", "final state Archived failure", "OP103"),
    "an event to create": (waiting("on retur‸ned -> goto Back"), "create the event", "event returned()", "OP105"),
    "an action to create": (acting("commit ar‸chive_it()\n  goto Back"), "create the action", "action archive_it()", "OP104"),
    "an effect to create": (acting("perform sur‸vey()\n  goto Back"), "create the effect", "effect survey()", "OP104"),
    "a pure to create": (acting("if weig‸hty() { goto Back }\n  goto Back"), "create the pure", "pure weighty() -> bool", "OP104"),
    "a record to create": (acting("goto Back").replace("note: str? }", "note: Memoran‸dum? }"), "create the record", "record Memorandum { id: str }", "OP101"),
    "a role to create": (acting("goto Back").replace("by clerk | boss", "by jani‸tor"), "create the role", "role janitor", "OP106"),
    "a failure to create": (acting("goto Back").replace("Book? fails Refusal", "Book? fails Break‸down"), "create the failure", "failure Breakdown {", "OP101"),
    "a warning to allow": (waiting("on decide(note, score) -> goto Back").replace("state Waiting(", "state Wai‸ting("), "allow `waits`", "# opord: allow waits because", "OP802"),
}  # fmt: skip


@pytest.mark.parametrize("what", CASES)
def test_the_fix_is_offered_and_its_finding_is_gone(what: str) -> None:
    text, title, expected, code = CASES[what]
    before, _ = at_cursor(text)
    assert code in {each.code.id for each in before.diagnostics}
    after = mended(text, title)
    assert expected in after
    count = [each.code.id for each in before.diagnostics].count(code)
    assert [each.code.id for each in analyse(after).diagnostics].count(code) < count


TWICE = """\
contract C(id: str) key id
action pay(id: str) { key id }
action book(id: str) { key id }
action back(id: str) undoes pay { key id }
action drop(id: str) undoes book { key id }
initial state A -> B { commit pay(id)
  goto B }
state B -> D | Y { commit book(id)
  if id == "x" { goto D }
  goto Y }
state D -> E { commit back(id)
  goto E }
state E -> Z { commit drop(id)
  goto Z }
final state Z failure
{allow}final state Y‸ failure
"""


@pytest.mark.parametrize(
    ("before", "title", "after"),
    [
        ("", "`pay`", "# opord: allow unanswered pay because say why\n"),
        (
            "# opord: allow unanswered pay because x\n",
            "`book`",
            "# opord: allow unanswered pay, book because x\n",
        ),
        ("# opord: allow unanswered because x\n", "`book`", "# opord: allow unanswered book because x\n"),
        ("# opord: allow waits because x\n", "`pay`", "# opord: allow unanswered pay because say why\n"),
    ],
)
def test_an_allow_gets_the_name_of_its_action(before: str, title: str, after: str) -> None:
    changed = mended(TWICE.replace("{allow}", before), f"allow `unanswered` of {title}")
    assert f"{after}final state Y" in changed
    name = title.strip("`")
    findings = [each for each in analyse(changed).diagnostics if each.code.id == "OP807"]
    assert name not in [each.about for each in findings]


def test_an_action_that_nothing_undoes_gets_a_reason_and_no_comment() -> None:
    text = (
        TWICE.replace(" undoes pay", "")
        .replace("{allow}", "")
        .replace("‸", "")
        .replace("action pay", "action pa‸y")
    )
    plain, found = offered(text)
    chosen = [each for each in found if each.problem is not None and each.problem.code == "OP811"]
    assert [each.title for each in chosen] == ["say why it stands"]
    changed = applied(plain, chosen[0].edits)
    assert 'action pay(id: str) stands because "say why" { key id }' in changed
    fixed = fix_all(analyse(plain))
    assert fixed is None or "stands because" not in applied(plain, fixed.edits)


def test_a_declaration_is_created_above_the_comments_of_the_one_that_mentions_it() -> None:
    after = mended(
        acting("goto Back")
        .replace("## Lends it.", "## Lends it.")
        .replace("key book.id, in doubt report", "key book.id, in doubt check fi‸nd_it(book.id)"),
        "",
    )
    assert analyse(after).ctx.calls.keys() >= {"lend"}


def test_all_safe_fixes_are_made_at_once() -> None:
    text = EXAMPLE.replace("goto Rejected(reason)", "goto Rejcted(reason)").replace(
        "charge_card at most", "charge_crd at most"
    )
    analysis = analyse(text)
    assert len(analysis.result.errors) >= 2
    found = fix_all(analysis)
    assert found is not None
    assert analyse(applied(text, found.edits)).result.errors == []
    assert fix_all(analyse(EXAMPLE)) is None


def test_a_formatted_text_needs_no_edit() -> None:
    assert formatted(analyse(EXAMPLE)) == []


def test_formatting_changes_the_lines_that_differ() -> None:
    text = EXAMPLE.replace("  commit post_slack", "      commit   post_slack").replace(
        "role manager, warehouse", "role  manager,warehouse"
    )
    edits = formatted(analyse(text))
    assert len(edits) == 2
    assert applied(text, edits) == EXAMPLE
    at = text.index("role  manager")
    assert [text[each.span[0] : each.span[1]] for each in formatted(analyse(text), (at, at))] == [
        "role  manager,warehouse\n"
    ]


def test_a_text_with_syntax_errors_is_not_formatted() -> None:
    with pytest.raises(FormattingRefused, match=r"not formatted: line \d+: "):
        formatted(analyse(f"{DESK}record {{"))
