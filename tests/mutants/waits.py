"""Planted bugs of waits that the other side asks for."""

from __future__ import annotations

from tests.mutants.model import Mutant

ASKED, PLAN, TRIES = "kernel/asked_waits.py", "kernel/plan.py", "kernel/effect_attempts.py"
RECORDING, INBOX, EFFECTS, COMMIT = (
    "kernel/recording.py",
    "kernel/inbox.py",
    "drive/effects.py",
    "drive/commitment.py",
)
LEGAL, LEGAL_STEPS = "kernel/legality/asked_waits.py", "kernel/legality/steps.py"
TIMES = "language/ensure/call_time.py"
SPECIFIED = "tests/engine/test_asked_waits.py"
FORGED = ("tests/kernel/test_legality_of_asked_waits.py::test_a_forged_journal_is_found_at_its_record",)
TIMED = ("tests/language/ensure/test_ends.py::test_the_longest_time_of_a_run",)

MUTANTS = (
    Mutant(
        "asked wait not kept by the run", ASKED,
        "        run.body.not_before = {**run.body.not_before, call: until}\n", "        run.body.not_before = {}\n",
        "a person's word, or a dropped event, lets the call be made before the wait is over", "F8",
        tests=(f"{SPECIFIED}::TestAnAction", f"{SPECIFIED}::TestTheWaitHolds"),
    ),
    Mutant(
        "asked wait in place of the backoff", TRIES,
        "EffectPlan(row.sequel, max(pause, asked_us), Tries(failures, surprises))",
        "EffectPlan(row.sequel, asked_us or pause, Tries(failures, surprises))",
        "an other side that asks for a moment switches the backoff off", "F8",
        tests=(f"{SPECIFIED}::TestAnEffect::test_the_longer_of_wait_and_backoff_counts",),
    ),
    Mutant(
        "limit of an asked wait ignored", ASKED,
        "    counted = asked if most is None else min(asked, most)",
        "    counted = asked",
        "the other side can let a run rest for longer than its contract says", "F8",
        tests=(f"{SPECIFIED}::TestAnEffect::test_a_longer_wait_counts_as_the_limit",),
    ),
    Mutant(
        "asked wait of an action unheard", PLAN,
        "            return capped(now + max(pause, asked_us))", "            return capped(now + pause)",
        "the record of an action's failure tells an attempt before the wait is over", "F8",
        tests=(f"{SPECIFIED}::TestAnAction",),
    ),
    Mutant(
        "asked wait of an action forgotten by its next attempt", PLAN,
        "    return max(intent.next_at, not_before(run, intent.call))", "    return intent.next_at",
        "a person who says that nothing happened lets the call be made at once", "F8",
        tests=(f"{SPECIFIED}::TestAnAction",),
    ),
    Mutant(
        "asked wait of a check unheard", PLAN,
        "            return capped(now + max(backoff_us(None, intent.checks + 1, spread()), asked_us))",
        "            return capped(now + backoff_us(None, intent.checks + 1, spread()))",
        "an effect that checks is asked before its other side wants it", "F8",
        tests=(f"{SPECIFIED}::TestAnAction::test_a_check_waits_for_its_own_other_side",),
    ),
    Mutant(
        "repeat past the window of its key", PLAN,
        "    return max(now, not_before(run, intent.call)) < ", "    return now < ",
        "a run rests until its key is forgotten, and asks a person only then", "1, C22",
        tests=(f"{SPECIFIED}::TestAnAction::test_one_that_waits_longer_than_its_key_is_remembered_asks_a_person_at_once",),
    ),
    Mutant(
        "late wish to wait unheard", INBOX,
        "    wait = asked_wait(failure) if answered else NO_WAIT\n", "    wait = NO_WAIT\n",
        "what a worker that lost the run heard of a wait is not kept", "F8",
        tests=(f"{SPECIFIED}::TestAnAction::test_a_late_failure_of_a_worker_that_lost_the_run_is_heard",),
    ),
    Mutant(
        "asked wait carried into the next state", RECORDING,
        "    body.not_before = {}\n", "",
        "a call of another state rests for a wait that was over with the state before", "F8",
        tests=(f"{SPECIFIED}::TestTheWaitHolds::test_until_the_run_leaves_the_state",),
    ),
    Mutant(
        "asked wait forgotten by a step that begins again", EFFECTS,
        "        due = not_before(self.run, call.declaration.name)\n", "        due = Instant(0)\n",
        "a dropped event lets the call be made before the wait is over", "F8",
        tests=(f"{SPECIFIED}::TestTheWaitHolds",),
    ),
    Mutant(
        "first attempt of a commit before the wait is over", COMMIT,
        "            await self._rest_if_asked(draft, request.name)\n", "            pass\n",
        "another commit of the same action in a state does not rest", "F8",
        tests=(f"{SPECIFIED}::TestTheWaitHolds::test_for_a_commit_that_begins_again",),
    ),
    Mutant(
        "verifier blind to a call that is made too soon", LEGAL_STEPS,
        "    if began < due:\n", "    if False:\n",
        "the verifier passes over a call that was made before the wait was over", "F8", tests=FORGED,
    ),
    Mutant(
        "verifier believes what a record says of a wait", LEGAL,
        "    if said != expected:\n", "    if False:\n",
        "the verifier passes over a record that tells another wait than its failure", "F8", tests=FORGED,
    ),
    Mutant(
        "asked wait left out of the longest time", TIMES,
        "    return plus(total, _repeated(max(pause, wait), repeats))\n", "    return plus(total, _repeated(pause, repeats))\n",
        "a promise of a time is accepted that a run can break", "every run ends within", tests=TIMED,
    ),
    Mutant(
        "late wish to wait left out of the longest time", TIMES,
        "    return plus(_attempts(action.retry, each), _late_waits(calls, action))\n",
        "    return _attempts(action.retry, each)\n",
        "a promise of a time is accepted that a run with a late answer can break", "every run ends within",
        tests=TIMED,
    ),
)  # fmt: skip
