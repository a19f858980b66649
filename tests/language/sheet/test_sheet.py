"""The guarantee sheet: what an operator or auditor learns about a contract."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from opord.contract import Contract
from opord.language.compile import check_text
from opord.language.sheet import Sheet, explain_sheet, render_text
from opord.language.sheet.secrets import OPENINGS_MOST, Secrets
from tests.language.sheet.kit import GOOD, ODD, ORDER, contract_with, sheet_of


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("contract", [ORDER, *GOOD], ids=lambda path: path.stem)
def test_lines_keep_to_the_width(contract: Path, width: int) -> None:
    for line in render_text(sheet_of(contract), width).splitlines():
        # Only a word that is longer than its space may go beyond the width.
        assert len(line) <= width or " " not in line.strip(), line


def test_the_painter_gets_the_kind_of_each_line() -> None:
    painted = render_text(sheet_of(ORDER), 100, lambda part, line: f"{part}|{line}").splitlines()
    assert painted[0] == "title|OrderFulfilment, version 1"
    assert "heading|Ends" in painted
    assert "name|Charging (acts at once)" in painted


def test_a_sheet_is_json_data() -> None:
    plain = sheet_of(ORDER).to_plain()
    again = json.loads(json.dumps(plain))
    assert (again["format"], again["contract"]) == (1, "OrderFulfilment")
    assert [state["name"] for state in again["states"]][:2] == ["Received", "Review"]
    assert [end["outcome"] for end in again["ends"]] == [
        "success",
        "failure",
        "failure",
        "failure",
        "cancelled",
    ]


# --- States ---------------------------------------------------------------------------------------


def known(sheet: Sheet, name: str) -> tuple[tuple[str, ...], ...]:
    """Return the known calls in a state or end: answered, certain, possible, never (ends only)."""
    for state in sheet.states:
        if state.name == name:
            return state.answered, state.certain, state.possible
    end = next(each for each in sheet.ends if each.state == name)
    return end.answered, end.certain, end.possible, end.never


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("Received", ((), (), ())),
        ("Charging", (("find_customer",), (), ())),
        ("Charged", (("find_customer",), ("charge_card",), ())),
        ("Shipping", (("find_customer",), ("charge_card",), ("post_slack",))),
        ("Refunded", (("find_customer",), ("charge_card", "refund_card"), ("post_slack",), ())),
        # A run from `Received` may have been refused because the lookup did not answer.
        ("Rejected", ((), (), (), ("charge_card", "refund_card", "post_slack"))),
    ],
)
def test_a_state_proves_what_every_way_to_it_has_done(
    state: str, expected: tuple[tuple[str, ...], ...]
) -> None:
    assert known(sheet_of(ORDER), state) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("commit a(id)\n  goto Z", (("a",), ())),
        ("if len(id) > 1 { commit a(id) }\n  goto Z", ((), ("a",))),
        ("commit a(id) else { No -> goto Z\n else -> goto Z }\n  goto Z", ((), ("a",))),
        ("match commit a(id) {\n ok -> goto Z\n else -> goto Z\n }", ((), ("a",))),
    ],
)
def test_a_call_that_one_path_of_a_step_leaves_out_is_not_certain(
    body: str, expected: tuple[tuple[str, ...], ...]
) -> None:
    fails = " fails F" if "else" in body else ""
    end = explain_sheet(contract_with(f"action a(id: str){fails} {{ key id }}", body)).ends[0]
    assert (end.certain, end.possible) == expected


def test_a_doubt_that_the_contract_takes_over_proves_nothing() -> None:
    odd = sheet_of(ODD)
    assert known(odd, "Telling") == ((), ("pay",), ("remind",))
    assert known(odd, "TakingBack") == ((), (), ("pay", "remind"))


def test_a_way_says_its_cause_and_its_conditions() -> None:
    opened = sheet_of(ODD).states[0]
    decided = next(way for way in opened.leaves if way.target == "Paying")
    assert (decided.by, decided.event, decided.roles) == ("event", "decide", ("clerk", "head_clerk"))
    assert decided.conditions == ("if len(why) > 0 and claim.worth > 0.5", "if yes is true")
    late = [way for way in opened.leaves if way.by == "timer"]
    assert [(way.target, way.timer, way.shared) for way in late] == [
        ("Asking", "if asked == 0 then 48 hours else 12 hours after entering this state", False),
        ("Dropped", "at run.started_at + 30 days", True),
    ]


@pytest.mark.parametrize("contract", [ORDER, ODD, *GOOD], ids=lambda path: path.stem)
def test_each_way_out_of_a_state_is_a_way_into_another(contract: Path) -> None:
    sheet = sheet_of(contract)
    out = [way for state in sheet.states for way in state.leaves]
    into = [way for state in (*sheet.states, *sheet.ends) for way in state.entered]
    assert sorted(out, key=repr) == sorted(into, key=repr)
    assert out != []


# --- What is decided over all runs ----------------------------------------------------------------


def test_a_promise_has_its_verdict_and_a_refuted_one_its_story() -> None:
    broken = {each.text: each for each in sheet_of(ODD).promises}["Paid only after find_payment"]
    assert (broken.verdict, broken.problem) == ("refuted", "`Paid` can come before `find_payment` has")
    assert broken.story == (
        "Open: on decide",
        "Paying: commit pay ok",
        "Telling: commit tell ok",
        "Paid",
    )
    assert {(each.verdict, each.story) for each in sheet_of(ORDER).promises} == {("proved", ())}


def test_the_longest_time_is_named_where_timers_bound_it() -> None:
    time = sheet_of(ORDER).time
    assert (time.longest is None, time.problem) == (False, "")
    assert time.longest_s is not None
    assert time.longest_s > 32 * 86_400
    assert time.story[-1].startswith("Refunded")


def test_without_a_longest_time_the_wait_or_the_cycle_is_named() -> None:
    timer = '  at run.started_at + 30d -> goto Dropped("late")\n'
    time = explain_sheet(check_text(ODD.read_text("utf-8").replace(timer, "")).model).time
    assert (time.longest, time.longest_s) == (None, None)
    assert "how long a run goes round `Open` → `Asking` → `Open`" in time.problem


def test_a_timer_of_the_phase_bounds_the_time_of_its_cycles() -> None:
    time = sheet_of(ODD).time
    assert (time.longest, time.story[0]) == ("32 days 6 minutes 2 seconds", "Open: on decide (by 30d)")


# --- Events, failures, secrets --------------------------------------------------------------------


def test_an_event_says_where_it_is_taken_on_which_condition_and_what_then() -> None:
    decide, ping, cancel = sheet_of(ODD).events
    assert [(each.state, each.condition, each.leads_to) for each in decide.taken_in] == [
        ("Open", "len(why) > 0 and claim.worth > 0.5", ("Paying", "Asking", "Dropped"))
    ]
    assert [(each.ignored, each.leads_to) for each in ping.taken_in] == [(True, ())]
    assert [each.state for each in cancel.taken_in] == ["Open", "Asking"]
    assert (decide.once_per, cancel.kept, ping.kept) == ("why", True, False)


def test_a_trouble_says_whether_it_is_tried_again_where_it_leads_and_who_can_act() -> None:
    told = {(each.name, each.calls): each for each in sheet_of(ODD).failures}
    busy = told["Busy", ("find_payment", "pay")]
    assert (busy.again, busy.leads_to) == (True, ("Dropped",))
    assert busy.acts == "the worker tries pay again; then, and for find_payment at once, the contract decides"
    assert told["Refused", ("find_payment", "pay")].acts == "the contract decides"
    assert told["InDoubt", ("pay", "take_back")].leads_to == ("TakingBack", "Back")
    assert told["unknown outcome", ("pay",)].acts.endswith("after the time for it, InDoubt")
    assert told["unknown outcome", ("remind",)].acts.startswith("nobody: the run goes on")
    assert "the run stalls" in told["undeclared error", ("fits",)].acts


def test_secrets_are_found_in_lists_and_in_types_that_contain_themselves() -> None:
    found = [(each.kind, each.holder, each.path) for each in sheet_of(ODD).secrets]
    assert found == [
        ("input", "Odd", "claim.holders[..].account"),
        ("input", "Odd", "pin"),
        ("action", "pay", "claim.holders[..].account"),
        ("action", "pay", "pin"),
        ("pure", "fits", "claim.holders[..].account"),
    ]


def test_secrets_in_failures_are_found(tmp_path: Path) -> None:
    path = tmp_path / "pay.opord"
    path.write_text(
        "contract Pay(id: str) key id\nrecord Why { code: secret str }\n"
        "failure F { No(detail: secret str, why: Why), Busy transient }\naction pay(id: str) fails F { key id }\n"
        "initial state A -> Z {\n  commit pay(id) else { No | Busy -> goto Z }\n  goto Z\n}\nfinal state Z success\n"
    )
    found = [(each.kind, each.holder, each.path) for each in sheet_of(path).secrets]
    assert found == [("action", "pay", "No.detail"), ("action", "pay", "No.why.code")]


def doubled(depth: int, *, first: str = "", last: str = "it: str") -> Contract:
    """Return a contract whose records each name the next one twice.

    Each record doubles the number of paths.
    """
    records = [f"record R0 {{ left: R1, right: list[R1]{first} }}"]
    records += [f"record R{i} {{ left: R{i + 1}, right: R{i + 1}? }}" for i in range(1, depth)]
    result = check_text(
        "contract Deep(id: str, top: R0) key id\ninitial state A -> B { goto B }\nfinal state B success\n"
        + "\n".join([*records, f"record R{depth} {{ {last} }}\n"])
    )
    assert result.errors == []
    return result.model


@pytest.mark.parametrize(
    ("first", "last", "secret"),
    [("", "it: str", False), ("", "it: secret str", True), (", pin: secret str", "top: R0?", True)],
    ids=["none", "in the last one", "in one that the last one refers to"],
)
def test_secrets_are_looked_for_in_as_many_steps_as_there_are_records(
    first: str, last: str, secret: bool
) -> None:
    """There are 2 ** 60 paths. A search along each of them would not end."""
    sheet = explain_sheet(doubled(60, first=first, last=last))
    assert [each.secret for each in sheet.input] == [False, secret]
    assert bool(sheet.secrets) == secret
    assert len(sheet.secrets) <= 2 * 60 + OPENINGS_MOST


def test_a_type_with_secrets_that_is_not_opened_again_is_listed_with_its_place() -> None:
    every = explain_sheet(doubled(4, last="it: secret str")).secrets
    assert len({each.path for each in every}) == 2**4
    assert {each.type for each in every} == {"secret str"}
    some = explain_sheet(doubled(60, last="it: secret str")).secrets
    assert some[0].path == "top" + ".left" * 60 + ".it"
    assert (some[-1].path, some[-1].type) == ("top.right[..]", "R1")
    assert {each.type for each in some[60:]} > {"R1", "R2", "R3"}


def test_records_with_a_secret_may_be_nested_to_any_depth() -> None:
    records = [f"record R{i} {{ next: R{i + 1} }}" for i in range(3000)]
    result = check_text(
        "contract Deep(id: str, top: R0) key id\ninitial state A -> B { goto B }\nfinal state B success\n"
        + "\n".join([*records, "record R3000 { it: secret str }\n"])
    )
    assert [each.path for each in Secrets(result.model).anywhere()] == ["top" + ".next" * 3000 + ".it"]


# --- Calls ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "says"),
    [
        ("action a(id: str) { key id }", "at most once per id: every attempt has the same key"),
        ("action a(id: str) { key id for 24h }", "remembers the key for 24 hours after the first attempt"),
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


def test_a_reported_doubt_is_decided_by_the_contract() -> None:
    body = "commit a(id) else { InDoubt -> goto Z }\n  goto Z"
    reported = explain_sheet(contract_with("action a(id: str) { in doubt report }", body))
    asked = explain_sheet(contract_with("action a(id: str) { in doubt ask within 48h }", body))
    assert "the contract decides, under the name InDoubt" in reported.actions[0].guarantee
    assert "after 48 hours without an answer the contract decides" in asked.actions[0].guarantee
    assert [way.words for way in reported.states[0].leaves] == [
        "after a stayed in doubt",
        "after a",
    ]


def test_below_a_call_whose_failure_went_on_the_way_names_the_failure() -> None:
    body = "commit a(id) else { Bad -> { }, Worse -> goto Z }\n  goto Z"
    declared = "failure Trouble { Bad settles, Worse settles }\naction a(id: str) fails Trouble { key id }"
    assert [way.words for way in explain_sheet(contract_with(declared, body)).states[0].leaves] == [
        "after a failed (Worse)",
        "after a or after a failed (Bad)",
    ]


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


def test_a_failure_says_how_long_it_asks_to_wait() -> None:
    declared = (
        "failure Pace { TooMany(pause: duration) transient wait at most 5m, Full(rest: duration) transient wait }\n"
        "action a(id: str) fails Pace { key id, retry 2 times }"
    )
    (action,) = explain_sheet(contract_with(declared, "commit a(id) else -> goto Z\n  goto Z")).actions
    assert [failure.wait for failure in action.failures] == [
        "as long as pause says, 5 minutes at most",
        "as long as rest says",
    ]
    assert action.attempts.endswith(
        "; TooMany can ask for a longer pause (5 minutes at most), Full can ask for a longer pause"
    )
