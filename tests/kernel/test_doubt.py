"""The recovery table: every situation meets exactly one row, and each row has the right plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from types import SimpleNamespace
from typing import Any, get_args

import pytest

from opord.contract import STR, Action, Ask, Check, Doubt, Key, Nothing, Repeat, Report, Retry, Skip, Var
from opord.kernel import plan as planning
from opord.kernel.doubt import ROWS, Asked, Deed, Policy, Reason, Retries, Row, Situation, Stands, Until
from opord.kernel.plan import FACTS, Plan, ask_deadline, check_from, plan_of, row_of, situation_of, stands_of
from opord.kernel.run import Intent, Outcome, Run

SECOND = 1_000_000
NOW = 1_000 * SECOND
DAY_US = 24 * 3600 * SECOND


def an_action(
    doubt: Doubt, *, retry: int | None = None, key: Key | None = None, fails: tuple[str, ...] = ()
) -> Action:
    return Action(
        "charge",
        (),
        Nothing(),
        fails,
        retry=Retry(retry) if retry is not None else None,
        key=key,
        doubt=doubt,
    )


def an_intent(**members: object) -> Intent:
    intent = Intent(seq=3, call="charge", key="k", args={}, first_at=NOW, in_flight=False)
    for name, value in members.items():
        setattr(intent, name, value)
    return intent


def a_run(
    *,
    wary: int = 0,
    wary_until: int = 0,
    timers: dict[str, int] | None = None,
    not_before: dict[str, int] | None = None,
) -> Run:
    """A run with the parts that the table reads: what a restore left, and its phase's timers."""
    body = SimpleNamespace(wary=wary, wary_until=wary_until, timers=timers or {}, not_before=not_before or {})
    shared = tuple(SimpleNamespace(id=name, shared=True) for name in body.timers)
    run: Any = SimpleNamespace(body=body, at=SimpleNamespace(timers=shared))
    return run  # type: ignore[no-any-return]


def the_plan(
    intent: Intent,
    action: Action,
    *,
    stands: Stands | None = None,
    run: Run | None = None,
    now: int = NOW,
    spread: float = 0.5,
    resting: bool = False,
    explanation: str = "",
) -> Plan:
    return plan_of(
        stands or stands_of(intent), run or a_run(), intent, action, now=now, spread=lambda: spread,
        resting=resting, explanation=explanation,
    )  # fmt: skip


# --- the table as a whole -------------------------------------------------------------------------


def every_situation() -> Iterator[Situation]:
    """Yield every combination of facts, even impossible ones."""
    flags = [(False, True)] * 3
    for stands, asked, doubt, failed, retry, *rest in product(
        get_args(Stands),
        get_args(Asked),
        (False, True),
        (False, True),
        get_args(Retries),
        *flags,
        (False, True),
        (False, True),
    ):
        for policy in get_args(Policy):
            yield Situation(stands, asked, doubt, failed, retry, *rest, policy)


def cannot_be(s: Situation) -> str:
    """Say why no run can be in a situation; return an empty text if one can."""
    if s.asked != "nobody" and s.stands not in ("between", "known", "late", "absent"):
        return "whoever asks a person has given the run back"
    if s.asked == "too long" and s.policy != "ask":
        return "only `ask within` says how long"
    if s.stands in ("yes", "no", "silence") and not (s.doubt and s.policy == "check" and s.ready):
        return "only a doubt is checked, by `check`, when it is due"
    if s.failed and s.stands in (
        "starting", "started", "result", "settles", "final", "transient", "unknown", "lost",
    ):  # fmt: skip
        return "an attempt that begins forgets the failure of the one before"
    if s.refused and not s.failed:
        return "what was set aside is on record"
    return ""


POSSIBLE = [situation for situation in every_situation() if not cannot_be(situation)]


def test_every_situation_meets_exactly_one_row() -> None:
    """Impossible situations are included: a damaged store must not find a gap in the table."""
    for situation in every_situation():
        rows = [row.letter for row in ROWS if row.meets(situation)]
        assert len(rows) == 1, (situation, rows)


def test_every_row_is_met_by_a_possible_situation() -> None:
    hits = Counter(row.letter for situation in POSSIBLE for row in ROWS if row.meets(situation))
    assert set(hits) == {row.letter for row in ROWS}


def test_letters_are_unique() -> None:
    assert len({row.letter for row in ROWS}) == len(ROWS)


def test_the_decision_tree_finds_the_row_that_is_met() -> None:
    for situation in every_situation():
        node = planning._TREE[situation.stands]
        while isinstance(node, planning._Question):
            node = node.answers[getattr(situation, node.column)]
        assert node.row.meets(situation)


def test_every_deed_instant_and_reason_is_used_in_a_row() -> None:
    assert {row.deed for row in ROWS} == set(get_args(Deed))
    assert {row.until for row in ROWS} - {None} == set(get_args(Until))
    assert {row.reason for row in ROWS} - {None} == set(get_args(Reason))


def test_every_column_is_computed_from_the_record() -> None:
    assert ("stands", *FACTS) == Situation._fields == Row._fields[1:12]


def test_a_table_with_a_gap_or_an_overlap_is_refused() -> None:
    a1, a1w = ROWS[:2]
    with pytest.raises(ValueError, match="expected one row"):
        planning._tree([a1, a1w])
    with pytest.raises(ValueError, match="expected one row"):
        planning._tree([a1, a1])


def test_an_action_is_called_only_if_no_fact_forbids_it() -> None:
    for situation in POSSIBLE:
        (row,) = (row for row in ROWS if row.meets(situation))
        if situation.policy in ("repeat blindly", "check blindly") and situation.doubt:
            assert row.deed not in ("begin", "check", "skip", "report") or situation.asked == "too long"
        if row.deed == "call":
            assert not situation.unseen
            assert situation.window or not situation.doubt
        if row.deed == "begin":
            assert situation.ready
            assert not situation.refused
            assert situation.asked == "nobody"
            assert situation.window or not situation.doubt
            assert situation.policy == "repeat" or not situation.doubt


# --- each row -------------------------------------------------------------------------------------

KEYED = Key(None, None)
DAY = Key(None, timedelta(hours=24))
COMPUTED = Key(Var("id", "param", STR), None)
COMPUTED_DAY = Key(Var("id", "param", STR), timedelta(hours=24))
BUSY = {"type": "F.Busy"}
TOKEN = {"type": "F.TokenExpired"}
MINUTE = Ask(timedelta(minutes=1))

CASES: list[tuple[str, Intent, Action, str]] = [
    # letter, what is on record, the declaration, the deed
    ("A1", an_intent(counted=0, attempt=2), an_action(Ask()), "begin"),
    ("A1", an_intent(counted=1, denied=True), an_action(Check("find", ()), retry=1), "begin"),
    ("A1w", an_intent(next_at=NOW + 1), an_action(Ask()), "pause"),
    ("A2", an_intent(failure=BUSY, counted=2), an_action(Ask(), retry=1), "give up"),
    ("A2", an_intent(failure=BUSY, counted=1), an_action(Ask()), "give up"),
    ("A2", an_intent(failure=BUSY, counted=1), an_action(Repeat(), key=KEYED), "give up"),
    ("A3", an_intent(failure=BUSY, counted=1), an_action(Ask(), retry=1), "begin"),
    ("A3w", an_intent(failure=BUSY, counted=1, next_at=NOW + 1), an_action(Ask(), retry=1), "pause"),
    ("A4", an_intent(counted=2, denied=True), an_action(Check("find", ()), retry=1), "ask"),
    ("C0", an_intent(in_flight=True), an_action(Repeat(), key=KEYED), "doubt first"),
    ("C0c", an_intent(in_flight=True), an_action(Check("find", ())), "doubt first"),
    ("C1", an_intent(doubts=[1]), an_action(Repeat(), key=KEYED), "begin"),
    ("C1", an_intent(doubts=[1], counted=40), an_action(Repeat(), key=KEYED), "begin"),
    ("C1", an_intent(doubts=[1], counted=1), an_action(Repeat(), retry=1, key=KEYED), "begin"),
    ("C1", an_intent(doubts=[1], first_at=NOW - 23 * 3600 * SECOND), an_action(Repeat(), key=DAY), "begin"),
    ("C1w", an_intent(doubts=[1], next_at=NOW + 1), an_action(Repeat(), key=KEYED), "rest"),
    ("C2", an_intent(doubts=[1], counted=2), an_action(Repeat(), retry=1, key=KEYED), "ask"),
    ("C2", an_intent(doubts=[1], failure=BUSY, counted=2), an_action(Repeat(), retry=1, key=KEYED), "ask"),
    ("C2k", an_intent(doubts=[1], first_at=NOW - 25 * 3600 * SECOND), an_action(Repeat(), key=DAY), "ask"),
    ("C2k", an_intent(doubts=[1]), an_action(Repeat()), "ask"),
    ("C3", an_intent(doubts=[1]), an_action(Check("find", ())), "check"),
    ("C3w", an_intent(doubts=[1], given_up_at=NOW), an_action(Check("find", (), timedelta(seconds=1))), "rest"),
    ("C4", an_intent(doubts=[1]), an_action(Ask()), "ask"),
    ("C5", an_intent(doubts=[1]), an_action(Skip()), "skip"),
    ("C6", an_intent(doubts=[1]), an_action(Report()), "report"),
    ("C7", an_intent(doubts=[1], asking=True), an_action(Ask()), "rest"),
    ("C7", an_intent(doubts=[1], asking=True, given_up_at=NOW - 59 * SECOND), an_action(MINUTE), "rest"),
    ("C8", an_intent(doubts=[1], asking=True, given_up_at=NOW - 61 * SECOND), an_action(MINUTE), "report"),
    ("A5", an_intent(failure=TOKEN, refused=True), an_action(Repeat(), retry=3, key=KEYED), "give up"),
    ("C'", an_intent(doubts=[1], failure=TOKEN, refused=True), an_action(Repeat(), retry=3, key=KEYED), "ask"),
    ("C'", an_intent(doubts=[1], failure=TOKEN, refused=True), an_action(Repeat(), key=DAY), "ask"),
    ("C7", an_intent(doubts=[1], failure=TOKEN, refused=True, asking=True), an_action(Repeat(), key=DAY), "rest"),
    ("D", an_intent(outcome=Outcome("ok")), an_action(Ask()), "deliver"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("letter", "intent", "action", "deed"), CASES, ids=[f"{case[0]}-{n}" for n, case in enumerate(CASES)]
)
def test_what_is_on_record_and_the_rule_decide(
    letter: str, intent: Intent, action: Action, deed: str
) -> None:
    row = row_of(stands_of(intent), a_run(), intent, action, now=NOW, resting=False)
    assert row.letter == letter
    assert row.meets(situation_of(stands_of(intent), a_run(), intent, action, now=NOW))
    assert the_plan(intent, action).deed == deed


def test_an_attempt_under_way_is_waited_for() -> None:
    intent = an_intent(in_flight=True)
    assert stands_of(intent, live=True) == "elsewhere"
    assert the_plan(intent, an_action(Ask()), stands="elsewhere").deed == "wait"


def test_late_evidence_comes_before_every_rule() -> None:
    assert the_plan(an_intent(doubts=[1], asking=True), an_action(Ask()), stands="late").deed == "adopt"


def test_an_outcome_without_an_intent_is_damage() -> None:
    assert stands_of(None) == "absent"
    assert the_plan(an_intent(), an_action(Ask()), stands="absent").deed == "damaged"


def test_a_host_that_is_about_to_stop_begins_nothing() -> None:
    assert the_plan(an_intent(), an_action(Ask()), resting=True) == Plan("pause", NOW)
    repeat = an_action(Repeat(), key=KEYED)
    assert the_plan(an_intent(doubts=[1]), repeat, resting=True) == Plan("rest", NOW)
    check = an_action(Check("find", ()))
    assert the_plan(an_intent(doubts=[1]), check, resting=True) == Plan("rest", NOW)


def test_between_attempts_a_timer_of_the_phase_may_come_first() -> None:
    intent = an_intent(next_at=NOW + 30)
    assert the_plan(intent, an_action(Ask()), run=a_run(timers={"after 1": NOW + 20})) == Plan(
        "pause", NOW + 20
    )
    assert the_plan(intent, an_action(Ask()), run=a_run(timers={"after 1": NOW + 40})) == Plan(
        "pause", NOW + 30
    )


def test_in_doubt_no_timer_comes_first() -> None:
    intent = an_intent(doubts=[1], next_at=NOW + 30)
    run = a_run(timers={"after 1": NOW + 20})
    assert the_plan(intent, an_action(Repeat(), key=KEYED), run=run) == Plan("rest", NOW + 30)


# --- an attempt -----------------------------------------------------------------------------------


def test_an_attempt_is_on_record_before_it_is_made() -> None:
    intent = an_intent(in_flight=True)
    assert the_plan(intent, an_action(Ask()), stands="starting").deed == "record"
    assert the_plan(intent, an_action(Ask()), stands="started").deed == "call"


def test_no_repeat_is_made_once_its_key_may_be_forgotten() -> None:
    action = an_action(Repeat(), key=DAY)
    intent = an_intent(doubts=[1], attempt=2, in_flight=True, first_at=NOW - DAY_US)
    late = the_plan(intent, action, stands="started")
    assert late == Plan("take back")
    assert the_plan(intent, action, stands="started", now=NOW - 1).deed == "call"


def test_the_first_attempt_needs_no_window() -> None:
    intent = an_intent(in_flight=True, first_at=NOW - DAY_US)
    assert the_plan(intent, an_action(Repeat(), key=DAY), stands="started").deed == "call"


def test_after_a_restore_an_attempt_that_may_have_been_made_is_in_doubt_first() -> None:
    run = a_run(wary=NOW - SECOND, wary_until=NOW + DAY_US)
    intent = an_intent(in_flight=True)
    first = the_plan(intent, an_action(Ask()), stands="starting", run=run)
    assert (first.deed, first.counts, first.by) == ("doubt first", False, "restore")
    assert "was restored from a copy; charge may have been called since" in first.reason
    assert the_plan(intent, an_action(Ask(), key=KEYED), stands="starting", run=run).deed == "doubt first"
    assert the_plan(intent, an_action(Ask(), key=COMPUTED), stands="starting", run=run).deed == "record"
    assert the_plan(intent, an_action(Ask(), key=COMPUTED_DAY), stands="starting", run=run).deed == "record"
    later = {"run": run, "now": NOW + DAY_US}
    day = an_action(Ask(), key=COMPUTED_DAY)
    assert the_plan(intent, day, stands="starting", **later).deed == "doubt first"  # type: ignore[arg-type]
    assert the_plan(intent, day, stands="started", **later).deed == "take back"  # type: ignore[arg-type]
    assert the_plan(intent, an_action(Skip()), stands="starting", **later).deed == "record"  # type: ignore[arg-type]
    denied = an_intent(in_flight=True, denied=True)
    assert the_plan(denied, an_action(Ask()), stands="starting", run=run).deed == "record"


CALL_KEY = Check("find", (Var("call.key", "call_key", STR),))


@pytest.mark.parametrize(
    ("action", "deed"),
    [
        (an_action(Repeat(), key=KEYED), "ask"),
        (an_action(Repeat(), key=DAY), "ask"),
        (an_action(Repeat(), key=COMPUTED), "begin"),
        (an_action(CALL_KEY, key=KEYED), "ask"),
        (an_action(CALL_KEY), "ask"),
        (an_action(CALL_KEY, key=COMPUTED), "check"),
        (an_action(Check("find", (Var("id", "param", STR),)), key=KEYED), "check"),
        (an_action(Ask(), key=KEYED), "ask"),
        (an_action(Skip(), key=KEYED), "skip"),
        (an_action(Report(), key=KEYED), "report"),
    ],
)
def test_after_a_restore_no_rule_goes_by_the_own_key(action: Action, deed: str) -> None:
    run = a_run(wary=NOW - SECOND, wary_until=NOW + DAY_US)
    intent = an_intent(doubts=[1])
    assert the_plan(intent, action, run=run).deed == deed
    # What was denied since, and what no restore has touched, goes as the contract says.
    without = the_plan(intent, action).deed
    assert the_plan(an_intent(doubts=[1], denied=True), action, run=run).deed == without


def test_after_a_restore_a_person_learns_that_the_own_key_does_not_tell() -> None:
    run = a_run(wary=NOW - SECOND, wary_until=NOW + DAY_US)
    asked = the_plan(
        an_intent(doubts=[1], reason="no answer within 5 s"), an_action(Repeat(), key=KEYED), run=run
    )
    assert asked.instant is None
    assert asked.reason == (
        "nobody knows whether charge happened: no answer within 5 s, "
        "and after the restore its key does not tell; a person has to say"
    )


def test_after_a_restore_the_last_failure_under_a_key_leaves_a_doubt() -> None:
    run = a_run(wary=NOW - SECOND, wary_until=NOW + DAY_US)
    last = the_plan(an_intent(failure=BUSY, counted=2), an_action(Ask(), retry=1, key=COMPUTED), run=run)
    assert (last.deed, last.counts, last.by) == ("doubt", True, "restore")
    assert last.instant == NOW + SECOND  # half of twice the base
    for other in (None, KEYED):
        failed = the_plan(an_intent(failure=BUSY, counted=2), an_action(Ask(), retry=1, key=other), run=run)
        assert failed.deed == "give up"
    denied = an_intent(failure=BUSY, counted=2, denied=True)
    assert the_plan(denied, an_action(Ask(), retry=1, key=COMPUTED), run=run).deed == "give up"


# --- how a call ended -----------------------------------------------------------------------------


def test_a_result_and_a_final_failure_end_the_commit() -> None:
    intent = an_intent(in_flight=True)
    assert the_plan(intent, an_action(Ask()), stands="result").deed == "succeed"
    assert the_plan(intent, an_action(Ask()), stands="final").deed == "refuse"
    assert the_plan(intent, an_action(Ask()), stands="settles").deed == "refuse"


def test_in_doubt_only_a_failure_that_settles_ends_the_commit() -> None:
    intent, repeat = an_intent(in_flight=True, attempt=2, doubts=[1]), an_action(Repeat(), key=KEYED)
    assert the_plan(intent, repeat, stands="settles").deed == "refuse"
    assert the_plan(intent, repeat, stands="final") == Plan("set aside")


def test_after_a_restore_a_final_failure_does_not_settle_earlier_calls_under_the_key() -> None:
    run = a_run(wary=NOW - SECOND, wary_until=NOW + DAY_US)
    intent, keyed = an_intent(in_flight=True), an_action(Ask(), key=COMPUTED)
    assert the_plan(intent, keyed, stands="settles", run=run).deed == "refuse"
    assert the_plan(intent, keyed, stands="final", run=run).deed == "set aside"
    after = the_plan(an_intent(failure=TOKEN, refused=True), keyed, run=run)
    assert (after.deed, after.by) == ("doubt", "restore")
    assert the_plan(an_intent(in_flight=True, denied=True), keyed, stands="final", run=run).deed == "refuse"


@pytest.mark.parametrize(
    ("intent", "retry", "instant"),
    [
        (an_intent(in_flight=True, counted=1), 1, NOW + SECOND // 2),
        (an_intent(in_flight=True, counted=2), 2, NOW + SECOND),
        (an_intent(in_flight=True, counted=2), 1, None),
        (an_intent(in_flight=True, counted=1), None, None),
        (an_intent(in_flight=True, counted=2, doubts=[1]), 1, NOW + SECOND),
        (an_intent(in_flight=True, counted=2, doubts=[1]), None, NOW + SECOND),
    ],
)
def test_a_transient_failure_is_recorded_with_the_instant_of_the_next_attempt(
    intent: Intent, retry: int | None, instant: int | None
) -> None:
    action = an_action(Repeat(), retry=retry, key=KEYED)
    assert the_plan(intent, action, stands="transient") == Plan("note", instant)


def test_any_other_ending_of_a_call_leaves_a_doubt() -> None:
    intent = an_intent(in_flight=True, counted=3)
    repeat = the_plan(intent, an_action(Repeat(), key=KEYED), stands="unknown", explanation="no answer")
    assert repeat == Plan("doubt", NOW + 2 * SECOND, "no answer")
    # A check has a delay of its own.
    check = the_plan(intent, an_action(Check("find", ())), stands="unknown", explanation="no answer")
    assert check == Plan("doubt", None, "no answer")


def test_an_attempt_cut_off_with_its_worker_counts_only_where_nothing_is_checked() -> None:
    intent = an_intent(in_flight=True)
    assert the_plan(intent, an_action(Ask())) == Plan(
        "doubt first", None, "its worker died or lost its lease during the call"
    )
    assert the_plan(intent, an_action(Check("find", ()))).counts is False


# --- checks and people ----------------------------------------------------------------------------


def test_the_answer_of_a_check_is_used() -> None:
    intent, action = an_intent(doubts=[1]), an_action(Check("find", ()))
    assert the_plan(intent, action, stands="yes").deed == "confirm"
    assert the_plan(intent, action, stands="no").deed == "deny"


def test_a_check_without_an_answer_is_repeated_with_growing_pauses() -> None:
    action = an_action(Check("find", ()))
    why = "find, which says whether charge happened, does not answer (attempt {}): it is down"
    for checks, pause in ((0, SECOND // 2), (1, SECOND), (3, 4 * SECOND)):
        intent = an_intent(doubts=[1], checks=checks)
        silent = the_plan(intent, action, stands="silence", explanation="it is down")
        assert silent == Plan("ask again", NOW + pause, why.format(checks + 1))


def test_a_person_learns_why_they_are_asked() -> None:
    intent = an_intent(doubts=[1], counted=2, reason="no answer within 5 s")
    unsure = "nobody knows whether charge happened: no answer within 5 s"
    assert the_plan(intent, an_action(Ask())).reason == f"{unsure}; a person has to say"
    spent = the_plan(intent, an_action(Repeat(), retry=1, key=KEYED))
    assert spent.reason == f"{unsure}, and no attempt is left; a person has to say"
    forgotten = the_plan(intent, an_action(Repeat(), key=DAY), now=NOW + DAY_US)
    assert (
        forgotten.reason == f"{unsure}, and the other side no longer remembers its key; a person has to say"
    )
    intent.failure, intent.refused = TOKEN, True
    refused = the_plan(intent, an_action(Repeat(), retry=3, key=KEYED))
    assert refused.reason == (
        f"{unsure}; another attempt ended in F.TokenExpired, which does not settle it; a person has to say"
    )
    exhausted = the_plan(an_intent(counted=2), an_action(Check("find", ()), retry=1))
    assert exhausted.reason == (
        "charge did not happen, and no attempt is left; a person decides whether to call it again"
    )


def test_a_person_is_asked_until_the_deadline() -> None:
    intent = an_intent(doubts=[1], given_up_at=NOW)
    assert the_plan(intent, an_action(MINUTE)).instant == NOW + 60 * SECOND
    assert the_plan(intent, an_action(Ask())).instant is None
    intent.asking = True
    assert the_plan(intent, an_action(MINUTE)) == Plan("rest", NOW + 60 * SECOND)


def test_a_random_number_is_drawn_only_for_a_pause_with_jitter() -> None:
    def never() -> float:
        raise AssertionError("nothing is spread here")

    for letter, intent, action, _ in CASES:
        if letter not in ("A2r", "H3", "H5", "H6", "K3"):
            plan_of(stands_of(intent), a_run(), intent, action, now=NOW, spread=never)


def test_a_check_counts_its_delay_from_when_the_call_was_given_up() -> None:
    check = Check("find", (), timedelta(seconds=30))
    assert check_from(a_run(), an_intent(doubts=[1], given_up_at=NOW), check) == NOW + 30 * SECOND


@pytest.mark.parametrize(
    ("misfits", "retry", "expected"), [(3, None, "begin"), (4, None, "ask"), (4, 9, "begin"), (4, 0, "ask")]
)
def test_an_answer_that_never_fits_is_not_repeated_for_ever(
    misfits: int, retry: int | None, expected: str
) -> None:
    action = an_action(Repeat(), key=Key(None, None), retry=retry)
    plan = the_plan(an_intent(doubts=[1], misfits=misfits), action)
    assert (plan.deed, "answers did not fit" in plan.reason) == (
        expected,
        expected == "ask" and retry is None,
    )


def test_asking_without_a_limit_has_no_deadline() -> None:
    assert ask_deadline(an_intent(doubts=[1]), an_action(Ask())) is None


@pytest.mark.parametrize(("after", "expected"), [(59.999999, "begin"), (60, "ask")])
def test_a_key_is_forgotten_at_the_very_end_of_its_window(after: float, expected: str) -> None:
    action = an_action(Repeat(), key=Key(None, timedelta(seconds=60)))
    assert the_plan(an_intent(doubts=[1]), action, now=NOW + round(after * SECOND)).deed == expected


def test_a_check_that_did_not_answer_keeps_its_delay_from_a_later_doubt() -> None:
    check = Check("find", (), after=timedelta(seconds=30))
    assert check_from(a_run(), an_intent(given_up_at=NOW, next_at=NOW + SECOND), check) == NOW + 30 * SECOND
