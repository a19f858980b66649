"""Planted bugs of limits: permits, queues, and what is on record of a run that waits."""

from __future__ import annotations

from tests.mutants.model import Mutant

DESK, LIMITING = "stores/permits.py", "kernel/limiting.py"
SUITE = "tests/stores/test_memory.py::TestMemoryStore"
ENGINE = "tests/engine/test_permits.py"

MUTANTS = (
    Mutant(
        "one permit too many", DESK,
        "        return left is None or left > 0", "        return left is None or left >= 0",
        "a provider gets one call more at once than it allows", "limits",
        tests=(f"{SUITE}::test_no_more_permits_are_held_at_once_than_the_limit_says",),
    ),
    Mutant(
        "rate counted from the beginning of a call", DESK,
        '            executes("spend", (permit.id, now + limit.window_us))', '            executes("take_back", (permit.id,))',
        "a span has more calls than the rate allows", "limits",
        tests=(f"{SUITE}::test_a_rate_holds_in_every_span",),
    ),
    Mutant(
        "newcomers overtake who waits", DESK,
        '        if not remaining.has(one.limit, one.key) or executes("any_waits", (one.limit, one.key)):',
        "        if not remaining.has(one.limit, one.key):",
        "a run waits for ever while others come and go", "limits",
        tests=(f"{SUITE}::test_who_comes_later_does_not_overtake_who_waits",),
    ),
    Mutant(
        "permits of the dead kept", DESK,
        "                        if name not in live or (old and id not in known):",
        "                        if old and id not in known:",
        "a killed worker holds its permits for ever, and the others wait", "limits",
        tests=(f"{SUITE}::test_permits_of_a_dead_worker_are_taken_back",),
    ),
    Mutant(
        "queue not woken by a permit that comes back", DESK,
        '    woken = [bool(executes("wake_queues", (limit, key, now))) for limit, key in sorted(touched)]',
        "    woken = [False for _ in touched]",
        "a run waits for a permit that is free", "limits",
        tests=(f"{SUITE}::test_the_next_look_is_when_a_permit_may_be_free",),
    ),
    Mutant(
        "answers before a wait not on record", LIMITING,
        "    if len(answers) == known:\n        return", "    return",
        "a step that waits for a permit makes its earlier calls again", "limits",
        tests=(f"{ENGINE}::test_what_a_step_learned_before_the_wait_is_on_record",),
    ),
    Mutant(
        "permits kept by a run that rests", "drive/flight.py",
        "            self.run_hold.permits.land()", "            pass",
        "the runs that rest hold back the others", "limits",
        tests=(f"{ENGINE}::test_limits_of_contract_and_call_hold_together",),
    ),
    Mutant(
        "limit of the contract forgotten", "drive/flight.py",
        "            if self.host.limits is not None:\n                await hold.permits.set_out(hold, draft)\n", "",
        "more runs of a contract are carried than its limit says", "limits",
        tests=(f"{ENGINE}::test_a_limit_of_the_contract_bounds_the_runs_that_are_carried",),
    ),
    Mutant(
        "given-up call counts no more", "engine/permits.py",
        "        if left is None:\n            self.give_back(permit, used=True)",
        "        if True:\n            self.give_back(permit, used=True)",
        "a handler that was given up still calls, and another one is let in", "limits",
        tests=(f"{ENGINE}::test_a_call_that_was_given_up_counts_until_it_has_ended",),
    ),
)  # fmt: skip
