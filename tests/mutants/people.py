"""Planted bugs of what a person does to a run: events that are taken out."""

from __future__ import annotations

from tests.mutants.model import Mutant

DROPPING, DRIVE = "kernel/dropping.py", "drive/dropping.py"
TESTS = "tests/engine/test_dropped_events.py::"

MUTANTS = (
    Mutant(
        "timers not restored after a drop", DROPPING,
        "    body.timers = due_times(run, run.at, run.fields, run.since, body.phase_since, body.fired)\n", "",
        "a timer whose step the dropped event took over never fires", "13",
        tests=(f"{TESTS}TestAnEventOfAStalledStep::test_a_timer_whose_step_the_event_took_over_fires_again",),
    ),
    Mutant(
        "timers counted from the drop", DROPPING,
        "due_times(run, run.at, run.fields, run.since,", "due_times(run, run.at, run.fields, draft.at,",
        "a drop starts the time of a state again", "13",
        tests=(f"{TESTS}TestAnEventOfAStalledStep::test_the_run_waits_again_with_its_timers_and_takes_other_events",),
    ),
    Mutant(
        "stored event dropped and left", DROPPING,
        "    draft.take.append(row.id)\n", "",
        "a dropped event is taken all the same", "6",
        tests=(f"{TESTS}TestAStoredEvent::test_no_state_takes_it",),
    ),
    Mutant(
        "step dropped in a commit", DRIVE,
        "    if intent is not None:\n", "    if intent is not None and intent.outcome is None:\n",
        "an action took effect, and its step is forgotten", "3",
        tests=(f"{TESTS}TestRefusals::test_a_step_with_an_open_commit",),
    ),
    Mutant(
        "step dropped that has not stalled", DRIVE,
        "    if not is_held(run.status):\n", "    if is_held(run.status) and run.worker is not None:\n",
        "an event is dropped while its step is under way", "6",
        tests=(f"{TESTS}TestRefusals::test_a_step_that_waits_for_its_next_attempt",),
    ),
    Mutant(
        "dropped event answered as repeated", DROPPING,
        "    if event.key:\n", "    if False:\n",
        "a sender believes that its event was taken", "6",
        tests=(f"{TESTS}TestItsKey",),
    ),
    Mutant(
        "verifier believes any drop", "kernel/legality/transitions.py",
        "    if taken is None or not fold.stalled or fold.commit is not None:", "    if taken is None:",
        "a journal passes in which an event was dropped in the middle of its step", "7",
        tests=("tests/kernel/test_legality.py::test_a_forged_journal_is_found_at_its_record",),
    ),
)  # fmt: skip
