"""Planted bugs of what is on record of effects: attempts, pauses, late answers, checks."""

from __future__ import annotations

from tests.mutants.model import Mutant

EFFECTS, HOLD, STEPS, EVIDENCE = "drive/effects.py", "drive/hold.py", "drive/steps.py", "drive/evidence.py"
RECORDING, TRIES = "kernel/recording.py", "kernel/effects.py"
LEGAL_STEPS, LEGAL_EFFECTS = "kernel/legality/steps.py", "kernel/legality/effects.py"
SPECIFIED = "tests/engine/test_attempts_of_effects.py"
FORGED = ("tests/kernel/test_attempts_of_effects.py::test_a_forged_journal_is_found_at_its_record",)

MUTANTS = (
    Mutant(
        "attempts of an effect forgotten", EFFECTS,
        "Tries(failed.failures, failed.surprises) if failed is not None else NONE_WRONG", "NONE_WRONG",
        "a restart counts the attempts of an effect from one, and they never run out", "F8, attempts",
        seeds=100,
    ),
    Mutant(
        "step on record begun anew", STEPS,
        "        if pending is not None and pending.on_record:",
        "        if pending is not None and pending.intent is not None:",
        "what has answered in a step on record is asked again", "F8, attempts",
        seeds=100,
    ),
    Mutant(
        "answers left out of the step between attempts", TRIES,
        "    run.body.pending = Pending(cause=cause, now=now, answers=answers, tries=failed)",
        "    run.body.pending = Pending(cause=cause, now=now, tries=failed)",
        "the next attempt asks again what has answered before it", "F8, attempts",
        seeds=100,
    ),
    Mutant(
        "no pause between attempts", EFFECTS,
        "next_at=capped(draft.at + plan.pause_us),", "next_at=draft.at,",
        "an effect is tried again at once, which a sick provider cannot bear", "F8",
        tests=("tests/engine/test_retries.py::TestBackoff::test_the_bound_is_as_said",),
    ),
    Mutant(
        "run kept between attempts", EFFECTS,
        "            await self.hold.pause(draft, failed.next_at)\n        except Parked:",
        "            await self.hold.flush(draft)\n            import asyncio as waits\n            await waits.sleep(plan.pause_us / 1e6)\n"
        "            await self.hold.pause(self.hold.draft(), failed.next_at)\n        except Parked:",
        "runs between attempts take the places of others, and a drain waits for their pauses", "F8",
        tests=(f"{SPECIFIED}::TestBetweenAttempts::test_a_drain_does_not_wait",),
    ),
    Mutant(
        "events not looked at before a pause", HOLD,
        "        self._inbox = inbox.take_in(draft, await self.messages(draft))\n        await self.give_back(draft)\n        tell_moved",
        "        await self.give_back(draft)\n        tell_moved",
        "an event that came in a doubt waits for the whole pause after it", "6",
        tests=(f"{SPECIFIED}::test_an_event_that_came_in_a_doubt_is_taken_in_the_first_pause_after_it",),
    ),
    Mutant(
        "pause past a timer of the phase", HOLD,
        "        run.wake_at = min([next_at, *shared_timers(run).values()])", "        run.wake_at = next_at",
        "a timer of the phase does not fire while an effect waits for its next attempt", "13",
        tests=(f"{SPECIFIED}::TestPromisesInTime",),
    ),
    Mutant(
        "resume goes on with old answers", RECORDING,
        "    if pending is not None and pending.on_record and pending.intent is None:", "    if pending is None:",
        "a resumed step does not begin anew", "F8",
        tests=(f"{SPECIFIED}::TestOverRestarts::test_resume_alone_begins_anew",),
    ),
    Mutant(
        "late answer of an effect dropped", EVIDENCE,
        "        self._of = of\n        self._keep()", "        self._of = None",
        "what a call answers after its time-out is lost, and it is called again", "F5",
        tests=(f"{SPECIFIED}::TestALateAnswer",),
    ),
    Mutant(
        "late answer of another step taken", EVIDENCE, " or of < tries.seq:", ":",
        "a step that began anew gets an answer to another step's call", "F5",
        tests=(f"{SPECIFIED}::TestALateAnswer::test_an_answer_to_a_step_before_a_resume_is_dropped",),
    ),
    Mutant(
        "attempts not counted by the verifier", LEGAL_EFFECTS, "    if failures > times:", "    if failures > times + 1:",
        "an attempt more than `retry` allows is called legal", "7",
        tests=FORGED,
    ),
    Mutant(
        "early attempts not seen by the verifier", LEGAL_EFFECTS,
        "    if before is not None and since < before.next_at:", "    if before is not None and since < record.at - 10**9:",
        "an attempt before its time is called legal", "7",
        tests=FORGED,
    ),
    Mutant(
        "answers on record not compared by the verifier", LEGAL_STEPS,
        "    if [*answers[: len(step.answers)]] != step.answers:", "    if len(answers) < len(step.answers):",
        "a step that goes on with other answers than those on record is called legal", "7",
        tests=FORGED,
    ),
    Mutant(
        "step begun anew not seen by the verifier", LEGAL_STEPS,
        "    if now is not None and now != step.now:", "    if now is not None and now < step.now:",
        "a step that begins anew without a word is called legal", "7",
        tests=FORGED,
    ),
    Mutant(
        "answers passed over by the verifier", LEGAL_STEPS,
        'which it waits for" if past else None', 'which it waits for" if not answers else None',
        "a step that goes on without the answer it waits for is called legal", "7",
        tests=FORGED,
    ),
    Mutant(
        "answers that do not fit repeated for ever", "kernel/plan.py",
        "    return intent.misfits > UNEXPECTED_RETRY.times", "    return False",
        "an action is called thousands of times with the same wrong answer", "budget",
        tests=("tests/engine/test_answers_that_never_fit.py::TestAnActionWithoutRetry",),
    ),
    Mutant(
        "answers that do not fit not counted", "kernel/recording.py",
        "    intent.misfits += misfit\n", "    intent.misfits = int(misfit)\n",
        "a lost answer in between starts the count again", "budget",
        tests=("tests/engine/test_answers_that_never_fit.py::TestAnActionWithoutRetry",),
    ),
    Mutant(
        "verifier does not count answers that do not fit", "kernel/legality/commits.py",
        "    if action.retry is None and commit.misfits > MISFITS:", "    if False:",
        "a journal passes in which an action was called again and again", "7",
        tests=("tests/kernel/test_legality.py::test_a_forged_journal_is_found_at_its_record",),
    ),
)  # fmt: skip
