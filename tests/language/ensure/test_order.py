"""Promises about order: what holds on every run, and the shortest run that breaks a promise."""

from __future__ import annotations

import pytest

from opord.language import check_text
from opord.language.ensure import decide
from tests.language.ensure.kit import ENDS, HEAD, story, verdict

PAID = "initial state A -> B { commit pay(id) else -> goto B\n goto B }\nstate B -> Done { goto Done }"

AGAIN = """
initial state A -> B { commit doubtful(id) else { InDoubt -> goto B, Declined | Busy -> goto B }
  goto B }
state B -> A | Done { on go -> goto A
  on stop -> goto Done
  after 1d -> goto Done }
"""

ONCE_MORE_AFTER_FAILURE = """
initial state A -> B | Done { match commit pay(id) { ok -> goto Done
  else -> goto B } }
state B -> A | Failed { on go -> goto A
  after 1d -> goto Failed }
"""

BRANCHES = """
initial state A -> B | C { let yes = perform peek(id) else -> goto C
  if yes { goto B }
  goto C }
state B -> D { commit pay(id) else -> goto D
  goto D }
state C -> D { commit mail(id)
  goto D }
state D -> Done | Failed { on go -> goto Done
  after 2d -> goto Failed }
"""

CANCELLED = """
phase Early {
  on cancel(reason) -> goto Gone
  initial state A -> B | Gone { let yes = perform look(id) else -> goto B
    let no = perform peek(id) else -> goto B
    goto B }
  state B -> C | Gone { on go -> goto C
    after 1d -> goto C }
}
state C -> Done { commit mail(id)
  goto Done }
"""

PHASE_COMMITS = """
phase All {
  on cancel(reason) { commit refund(id)
    goto Gone }
  initial state A -> B | Gone { commit pay(id) else -> goto B
    goto B }
  state B -> Done | Gone { after 1d -> goto Done }
}
"""

REPORTED = """
initial state A -> B | C | Failed { match commit doubtful(id) { ok -> goto B
  InDoubt -> goto C
  Declined | Busy -> goto Failed } }
state B -> Done { goto Done }
state C -> Failed { commit mail(id)
  goto Failed }
"""

CASES: list[tuple[str, str, str, str]] = [
    # a commit that may have taken effect, and comes again
    ("once", PAID, "pay at most once", ""),
    ("after an answer", AGAIN, "doubtful at most once", "1 A: commit doubtful stayed in doubt → 2 B: on go → 3 A: commit doubtful"),
    ("only after a failure", ONCE_MORE_AFTER_FAILURE, "pay at most once", ""),
    ("one of two, each once", BRANCHES, "pay or mail at most once", ""),
    ("in a shared handler, and before", PHASE_COMMITS, "pay or refund at most once",
     "1 A: commit pay ok → 2 B: on cancel, commit refund"),
    # before another has come
    ("entered at the start", PAID, "A only after pay", "1 A"),
    ("failed is not come", PAID, "B only after pay", "1 A: commit pay failed → 2 B"),
    ("one way leads past", BRANCHES, "Done only after pay",
     "1 A: perform peek failed → 2 C: commit mail ok or skipped → 3 D: on go → 4 Done"),
    ("skipped is not come", BRANCHES, "Done only after mail or pay",
     "1 A: perform peek failed → 2 C: commit mail ok or skipped → 3 D: on go → 4 Done"),
    ("a state as what comes before", BRANCHES, "Done only after B or C", ""),
    ("a call within the step", REPORTED, "B only after doubtful", ""),
    ("in doubt is not come", REPORTED, "mail only after doubtful",
     "1 A: commit doubtful stayed in doubt → 2 C: commit mail"),
    ("cancelled before the first call", CANCELLED, "Gone only after look", "1 A: on cancel → 2 Gone"),
    ("not after the phase", CANCELLED, "mail only after B", ""),
    # after another may have come
    ("not before", CANCELLED, "never Gone after C", ""),
    ("taken while the step is under way", CANCELLED, "never Gone after look",
     "1 A: perform look ok, on cancel → 2 Gone"),
    ("not during a commit", "phase P { on cancel(reason) -> goto Gone\n"
     "initial state A -> B | Gone { commit mail(id)\n goto B } }\nstate B -> Done { goto Done }",
     "never Gone after mail", ""),
    ("in doubt is enough", REPORTED, "never Failed after doubtful",
     "1 A: commit doubtful stayed in doubt → 2 C: commit mail ok or skipped → 3 Failed"),
    ("skipped is enough", BRANCHES, "never Failed after mail",
     "1 A: perform peek failed → 2 C: commit mail ok or skipped → 3 D: after 48h → 4 Failed"),
    ("failed is not", REPORTED, "never Done after mail", ""),
    ("a state after itself", AGAIN, "never B after B",
     "1 A: commit doubtful stayed in doubt → 2 B: on go → 3 A: commit doubtful stayed in doubt → 4 B"),
    ("the call in the same step", BRANCHES, "never pay after peek",
     "1 A: perform peek ok → 2 B: commit pay"),
    # in the end
    ("at once", PAID, "after pay eventually B", ""),
    ("the same moment counts", REPORTED, "after B eventually B", ""),
    ("what came before does not", PAID, "after B eventually pay", "1 A: commit pay failed → 2 B → 3 Done"),
    ("one of two ends", BRANCHES, "after pay eventually Done",
     "1 A: perform peek ok → 2 B: commit pay ok → 3 D: after 48h → 4 Failed"),
    ("both ends", BRANCHES, "after pay or mail eventually Done or Failed", ""),
    ("a skipped call is not enough", CANCELLED, "after look eventually mail",
     "1 A: perform look ok, on cancel → 2 Gone"),
    ("a cycle is left some time", AGAIN, "after doubtful eventually Done", ""),
    ("in doubt has to be paid for", REPORTED, "after doubtful eventually Done or mail",
     "1 A: commit doubtful stayed in doubt → 2 C: commit mail ok or skipped → 3 Failed"),
    ("cancel commits what is owed", PHASE_COMMITS, "after pay eventually Done or refund", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "promise", "expected"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_a_promise_and_the_run_that_breaks_it(body: str, promise: str, expected: str) -> None:
    assert story(body, promise) == expected


def test_a_shared_handler_that_makes_calls_can_be_interrupted_by_another() -> None:
    body = """
phase P {
  on cancel(reason) { let yes = perform look(id) else -> goto Gone
    let no = perform peek(id) else -> goto Gone
    goto Gone }
  on stop -> goto Failed
  initial state A -> Done | Gone | Failed { on go -> goto Done
    after 1d -> goto Done }
}"""
    assert story(body, "never Failed after look") == "1 A: on cancel, perform look ok, on stop → 2 Failed"
    assert story(body, "never look after look") == "1 A: on cancel, perform look ok, on cancel, perform look"


def test_the_timer_of_a_phase_fires_once_in_a_stay() -> None:
    body = """
phase P {
  after 1d -> goto B
  initial state A -> B | Done { on go -> goto Done }
  state B -> B | Done { on go -> goto Done }
}"""
    assert story(body, "never B after B") == ""
    again = body.replace(
        "state B -> B | Done { on go -> goto Done }",
        "state B -> B | Done { on go -> goto Done\n on stop -> goto B }",
    )
    assert story(again, "never B after B") == "1 A: after 24h → 2 B: on stop → 3 B"


def test_a_timer_whose_step_is_interrupted_does_not_fire_again_in_that_state() -> None:
    body = """
phase P {
  after 1d { let yes = perform look(id) else -> goto Failed
    goto Failed }
  initial state A -> Done | Failed { on go -> goto Done }
}"""
    assert story(body, "never look after look") == ""


def test_a_run_that_cannot_leave_what_it_owes_is_a_trap() -> None:
    body = """
initial state A -> B | Done { commit pay(id) else -> goto Done
  goto B }
state B -> C { on go -> goto C }
state C -> B { on stop -> goto B }"""
    found = check_text(
        f"{HEAD}{body}\n{ENDS}ensure after pay eventually Done\nensure after pay eventually C\n"
    )
    assert "OP307" in {each.code.id for each in found.errors}
    (owing, paid) = decide(found.model)
    assert not owing.holds
    assert owing.problem == "after `pay` a run can go on for ever without `Done`"
    assert [step.text for step in owing.story] == ["A: commit pay ok", "B"]
    assert paid.holds


@pytest.mark.parametrize("stays", ["on go -> goto A", "on go ignore"], ids=["in a cycle", "in a wait"])
def test_what_only_a_fired_timer_could_lead_to_is_owed_for_ever(stays: str) -> None:
    body = f"""
phase P {{
  after 1d {{ commit pay(id) else -> goto Done
    goto A }}
  initial state A -> A | Done {{ {stays} }}
}}"""
    assert story(body, "after pay eventually Done") == "1 A: after 24h, commit pay ok → 2 A"
    assert (
        verdict(body, "after pay eventually Done").problem
        == "after `pay` a run can go on for ever without `Done`"
    )
    assert story(body, "after pay eventually A") == ""


def test_a_phase_with_too_many_timers_counts_on_none_after_one_has_fired() -> None:
    more = "".join(f"  after {days}d -> goto A\n" for days in range(2, 8))
    body = f"""
phase P {{
  after 1d {{ commit pay(id) else -> goto Done
    goto A }}
{more}  initial state A -> A | Done {{ on go -> goto A }}
}}"""
    assert story(body, "after pay eventually Done") == "1 A: after 24h, commit pay ok → 2 A"
    out = body.replace("  initial", "  after 30d -> goto Done\n  initial")
    assert verdict(out, "after pay eventually Done").holds


def test_a_promise_with_an_unknown_name_is_not_decided() -> None:
    found = check_text(f"{HEAD}{PAID}\n{ENDS}ensure never Done after Nowhere or B\nensure pay at most once\n")
    assert [each.message for each in found.errors if each.rule == "name"] == ["there is no state `Nowhere`"]
    assert [each.text for each in decide(found.model)] == ["pay at most once"]


def test_a_refuted_promise_says_what_happens_instead() -> None:
    found = verdict(BRANCHES, "Done only after pay")
    assert (found.problem, found.label) == ("`Done` can come before `pay` has", "here")
    assert found.place is not None
    assert found.place.line == found.story[-1].place.line
