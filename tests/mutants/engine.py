"""Planted bugs of the engine: workers, flights, calls, commits, and what clients do."""

from __future__ import annotations

from tests.mutants.model import Mutant

FLIGHT, WORKER = "drive/flight.py", "engine/worker.py"
STARTS, EVENTS, PEOPLE, EVIDENCE = (
    "drive/starts.py",
    "drive/events.py",
    "drive/people.py",
    "drive/evidence.py",
)
LEASES = "drive/leases.py"
CALLS, COMMITS = "drive/calls.py", "engine/commits.py"

MUTANTS = (
    Mutant(
        "attempt not durable before its call",
        FLIGHT,
        "        await self._flush(draft)\n        if intent.attempt == 1:\n",
        "        after = await self._attempt(call, intent, args)\n"
        "        draft.records += after.records\n"
        "        draft.settled += after.settled\n"
        "        return draft\n"
        "        if intent.attempt == 1:\n",
        "an action is called before its intent, or its attempt, is durable",
        "2, C5",
        seeds=40,
    ),
    Mutant(
        "event acknowledged before its commit", EVENTS,
        '    result = await host.apply(write)\n    host.hook("event written", run.id)',
        '    host.apply(write)\n    result = Applied(0)\n    host.hook("event written", run.id)',
        "an event is confirmed before it is durable", "6, C11",
        seeds=40,
    ),
    Mutant(
        "start acknowledged before its commit", STARTS,
        "    result = await host.apply(draft.start())",
        "    host.apply(draft.start())\n    result = None",
        "a start is confirmed before it is durable", "5, C1",
        seeds=40,
    ),
    Mutant(
        "fresh key on retry", FLIGHT,
        "about = self._about(call, intent.key, intent.attempt)",
        'about = self._about(call, f"{intent.key}/{intent.attempt}", intent.attempt)',
        "each attempt has an idempotency key of its own", "1, 2, C7, C23",
        seeds=40,
    ),
    Mutant(
        "time-out taken as failed", FLIGHT,
        "            case Failed(failure):\n                self._finish(draft, call, intent, Outcome",
        "            case TookTooLong():\n"
        '                moves.attempt_failed(draft, intent, {"type": "TimedOut"}, next_at=draft.at)\n'
        "            case Failed(failure):\n                self._finish(draft, call, intent, Outcome",
        "an attempt that took too long counts as one that did not happen", "4, C6",
        seeds=40,
    ),
    Mutant(
        "unexpected error taken as transient", FLIGHT,
        "            case Failed(failure):\n                self._finish(draft, call, intent, Outcome",
        "            case Unexpected():\n"
        "                moves.did_not_happen(draft, intent, by=\"call\", fresh=False)\n"
        "            case Failed(failure):\n                self._finish(draft, call, intent, Outcome",
        "an attempt whose connection broke counts as one that did not happen", "4, C6",
        tests=("tests/engine/test_crash_everywhere.py::test_one_crash_anywhere",),
    ),
    Mutant(
        "event dropped while busy", EVENTS,
        "        draft.put.append(row)\n", "",
        "an event that is to be kept is confirmed and thrown away", "6, C12",
        seeds=40,
    ),
    Mutant(
        "bound of the queue ignored", EVENTS,
        "        await _check_queue(host, run, row, event)\n", "",
        "as many events are stored for a run as anybody likes to send", "2.5, 22",
        tests=("tests/engine/test_limits.py::test_events_that_wait",),
    ),
    Mutant(
        "hold on removed",
        FLIGHT,
        "        await self.lease.make_sure()\n",
        "",
        "an action is called with a lease that may have run out long ago",
        "1, 12, C13",
        seeds=40,
    ),
    Mutant(
        "hold on believes a lost lease",
        LEASES,
        "                raise Lost(None)",
        "                pass",
        "whoever lost the run calls its action all the same",
        "1, 12, C13",
        seeds=40,
    ),
    Mutant(
        "evidence thrown away", FLIGHT,
        "            if self._learned is not None:\n                await keep_late(self.host, self.run.id, self._learned)\n            log.debug",
        "            log.debug",
        "what a worker learned that lost the run is not kept", "11, C14",
        tests=("tests/engine/test_evidence.py::TestAZombie::test_its_result_settles_the_doubt",),
    ),
    Mutant(
        "evidence of a call given up thrown away", FLIGHT,
        "        self.host.in_background(keep_late(self.host, self.run.id, evidence))", "        return",
        "what a thread brings after its time-out is not kept", "11, C14",
        tests=("tests/engine/test_evidence.py::TestThreads::test_an_answer_after_the_time_out_settles_the_doubt",),
    ),
    Mutant(
        "settle delay ignored", FLIGHT,
        "        if due > draft.at or self.host.draining:\n            await self._park(draft, \"in_doubt\", max(due, draft.at))",
        "        if self.host.draining:\n            await self._park(draft, \"in_doubt\", max(due, draft.at))",
        "the effect that checks is asked before it can know", "4, C7",
        seeds=40,
    ),
    Mutant(
        "lookup answer none taken as done", FLIGHT,
        "        if found.value is None or found.value is False:",
        "        if found.value is False:",
        "a look-up that finds nothing counts as one that found something", "3",
        seeds=100,
    ),
    Mutant(
        "lookup answer false taken as done", FLIGHT,
        "        if found.value is None or found.value is False:",
        "        if found.value is None:",
        "a look-up that says no counts as a yes", "3",
        seeds=250,
    ),
    Mutant(
        "lookup that fails taken as no", FLIGHT,
        "        if isinstance(found, Unanswered):\n            intent.checks += 1",
        "        if isinstance(found, Unanswered):\n"
        '            moves.did_not_happen(draft, intent, by="check", fresh=False)\n            return draft\n'
        "        if isinstance(found, Unanswered):\n            intent.checks += 1",
        "a look-up that does not answer counts as a no", "1, 4",
        tests=("tests/engine/test_doubts.py::TestCheck::test_while_the_effect_fails_it_is_asked_again",),
    ),
    Mutant(
        "doubt lost on takeover", FLIGHT,
        '                    moves.attempt_doubted(draft, intent, "its worker was lost during the call")',
        "                    intent.in_flight = False",
        "an attempt whose worker died counts as one that was never made", "1, C5, C7",
        seeds=40,
    ),
    Mutant(
        "deadline of doubt not armed", FLIGHT,
        '                    moves.ask(draft, intent, asking(intent, action, in_window=situation.in_window))\n'
        '                    await self._park(draft, "in_doubt", doubt.ask_deadline(intent, action))',
        '                    moves.ask(draft, intent, asking(intent, action, in_window=situation.in_window))\n'
        '                    await self._park(draft, "in_doubt", None)',
        "a person is asked within a time, and nobody looks when it is over", "14",
        tests=("tests/engine/test_doubts.py::TestAskWithin::test_unanswered_it_is_as_report",),
    ),
    Mutant(
        "skip taken as unknown failure", FLIGHT,
        'moves.outcome_known(draft, intent, Outcome("ok", None, "skip"))',
        'moves.outcome_known(draft, intent, Outcome("ok", None, "call"))',
        "what is skipped is on record as done by the call", "3",
        seeds=40,
    ),
    Mutant(
        "report taken as done", FLIGHT,
        'moves.outcome_known(draft, intent, Outcome("failed", {"type": "InDoubt"}, "report"))',
        'moves.outcome_known(draft, intent, Outcome("ok", None, "report"))',
        "a doubt that is to be reported goes on as a success", "3",
        tests=("tests/engine/test_doubts.py::TestAskWithin::test_unanswered_it_is_as_report",),
    ),
    Mutant(
        "retry budget not counted after a failure", FLIGHT,
        "                again = intent.counted <= (action.retry.times if action.retry is not None else 0)",
        "                again = True",
        "an attempt is due although none is left", "budget",
        seeds=40,
    ),
    Mutant(
        "transient failure not retried", FLIGHT,
        "            case Failed(failure) if failure.opord_transient:",
        "            case Failed(failure) if failure.opord_transient and intent.attempt > 1:",
        "the first transient failure of an action is final", "4",
        seeds=40,
    ),
    Mutant(
        "lease not renewed by a write",
        LEASES,
        "        self._run.wake_at = now + self._host.lease_us",
        "        pass",
        "a flight that writes all the time loses its lease",
        "12",
        tests=("tests/engine/test_a_step_taken_over.py::test_an_intent_renews_the_lease_under_which_its_action_is_called",),
    ),
    Mutant(
        "lost run not noticed", FLIGHT,
        "        if not isinstance(result, Applied):\n            raise Lost(result.row if isinstance(result, Stale) else None)\n",
        "        if not isinstance(result, Applied):\n            return\n",
        "a worker goes on although its write was refused", "1, 11",
        seeds=250,
    ),
    Mutant(
        "messages overlooked at the end of a flight", FLIGHT,
        "            result = await self.host.apply(draft.write(arrivals=run.arrivals))\n            if isinstance(result, Applied):\n                self.ended",
        "            result = await self.host.apply(draft.write())\n            if isinstance(result, Applied):\n                self.ended",
        "a run rests although a message has just come for it", "6, C12",
        seeds=40,
    ),
    Mutant(
        "other step under an open intent", FLIGHT,
        "        elif intent.call != request.name or dumps(intent.args) != dumps(args):",
        "        elif intent.call != request.name:",
        "a commit that is taken over is made with other arguments", "C24",
        tests=("tests/engine/test_a_step_taken_over.py::test_one_that_does_not_come_to_its_commit_stalls_and_calls_nobody",),
    ),
    Mutant(
        "own key with other arguments", FLIGHT,
        "        if known != digest(dumps(args)):", "        if not known:",
        "a key that took effect answers for other arguments", "C24",
        tests=("tests/engine/test_steps.py::TestKeys::test_others_stall_the_run",),
    ),
    Mutant(
        "own key called again", FLIGHT,
        "            if known is not None:\n                return draft, known\n            self.host.hook",
        "            self.host.hook",
        "a key that took effect in the run is called again", "1",
        tests=("tests/engine/test_steps.py::TestKeys::test_the_same_arguments_get_the_result_on_record",),
    ),
    Mutant(
        "check counts the attempt cut off", FLIGHT,
        "max(intent.counted - 1, 0) if isinstance(action.doubt, Check) else intent.counted",
        "intent.counted",
        "an attempt that was cut off with its worker is taken from the retries of a checked action", "budget",
        tests=("tests/engine/test_doubts.py::TestADeadWorker::test_an_attempt_cut_off_that_did_not_happen_is_none_of_those_that_retry_allows",),
    ),
    Mutant(
        "step under a new now after takeover", FLIGHT,
        "        now = pending.now if pending is not None and intent is not None else draft.at",
        "        now = draft.at",
        "a step that is taken over sees another `now`", "C24",
        tests=("tests/engine/test_steps.py::TestNow::test_is_kept_with_the_intent_for_whoever_takes_over",),
    ),
    Mutant(
        "answers not given again", FLIGHT,
        "inbox.pending_answers(run) if intent is not None else ()", "()",
        "a step that is taken over asks its effects anew", "C24",
        tests=("tests/engine/test_a_step_taken_over.py::test_it_is_given_what_it_was_answered_before",),
    ),
    Mutant(
        "timer of a phase overlooked in an effect", FLIGHT,
        "        except TimeoutError:\n            raise TimerDue from None",
        "        except TimeoutError:\n            return await self.calls.attempt(call, args, about)",
        "a timer of the phase does not end the wait for an effect", "13",
        tests=("tests/engine/test_phases_and_timers.py::TestPhases::test_it_ends_a_perform",),
    ),
    Mutant(
        "start key held by two inputs", STARTS,
        'if opened_text(program, run_id, "input", result.row.input) != run.input_text:',
        "if not result.row.input:",
        "another input under a start key is taken as the same start", "5",
        seeds=40,
    ),
    Mutant(
        "event key looked up but not claimed", EVENTS,
        "    if key is not None:\n        draft.event_keys.append(key)\n", "",
        "an event's key is not kept, so that it is taken twice", "6",
        tests=("tests/engine/test_events.py::TestKeys::test_the_same_key_twice_is_one_event",),
    ),
    Mutant(
        "event key without its content", EVENTS,
        "if contents[0] != contents[1]:", "if not contents[0]:",
        "another content under an event's key is taken for the same", "2.5",
        tests=("tests/engine/test_events.py::TestKeys::test_with_other_content_it_is_a_conflict",),
    ),
    Mutant(
        "role not checked", EVENTS,
        "if event.roles and role not in event.roles:", "if event.roles and role is None:",
        "anybody with some role may send an event of another one", "20, 21",
        seeds=40,
    ),
    Mutant(
        "payload not validated", EVENTS,
        "        values = declared.args.accept(args)", "        values = declared.args.load(args)",
        "what an event carries is not held against its declared types", "7, 2.6",
        tests=("tests/engine/test_events.py::TestWithoutKeep::test_what_does_not_fit_its_type_is_refused",),
    ),
    Mutant(
        "event size not bounded", EVENTS,
        '        check_size(dumps(rest), what="what the event carries")\n', "",
        "an event may be as large as its sender likes", "2.6",
        tests=("tests/engine/test_bounds.py::test_an_event_over_the_limit_is_refused_and_changes_nothing",),
    ),
    Mutant(
        "input size not bounded", STARTS,
        '        check_size(draft.run.input_text, what="the input")\n', "",
        "an input may be as large as its sender likes", "2.6",
        tests=("tests/engine/test_bounds.py::test_an_input_over_the_limit_is_refused_and_starts_nothing",),
    ),
    Mutant(
        "ended run terminated", PEOPLE,
        '        if run.status == "ended":\n            raise RunEnded(run.id, run.state, run.outcome, how=run.body.how)\n        draft.seize()',
        "        draft.seize()",
        "an ended run is ended again by an administrator", "9",
        seeds=40,
    ),
    Mutant(
        "holder not fenced off by an event", EVENTS,
        "    held = run.worker\n    if held is not None:\n        draft.seize()\n",
        "    held = run.worker\n",
        "an event moves a run that a worker holds and leaves that worker its lease", "11, C19",
        tests=("tests/engine/test_phases_and_timers.py::TestASharedHandlerMayTakeAStateThatActs::test_between_attempts_of_an_effect",),
    ),
    Mutant(
        "timer overtaken by a later event", EVENTS,
        "    if inbox.must_look(run, now):", "    if False:",
        "an event wins over a timer that was due before it", "13, C19",
        seeds=250,
    ),
    Mutant(
        "resolved while the attempt is under way", PEOPLE,
        "        if intent.in_flight:\n            raise NotInDoubt", "        if False:\n            raise NotInDoubt",
        "a person settles an attempt that is being made", "4",
        tests=("tests/engine/test_doubts.py::TestAsk::test_nobody_resolves_while_an_attempt_is_under_way",),
    ),
    Mutant(
        "resolved without a doubt", PEOPLE,
        "if intent is None or intent.outcome is not None or not (intent.doubts or intent.asking):",
        "if intent is None or intent.outcome is not None:",
        "a person settles what nobody doubts", "4",
        tests=("tests/engine/test_doubts.py::TestAsk::test_nor_is_one_between_two_attempts_of_which_the_first_did_not_take_effect",),
    ),
    Mutant(
        "retry of what is not stalled", PEOPLE,
        '        if run.status != "stalled":', "        if False:",
        "a run that is not stalled is let go on", "21",
        seeds=40,
    ),
    Mutant(
        "late outcome thrown away if the run is held", EVIDENCE,
        "            draft.put.append(inbox.inbox_row(draft.run, host.new_id(), draft.at, evidence))\n            write = draft.write(head=False)\n        elif inbox.adopt",
        "            return\n        elif inbox.adopt",
        "evidence that comes while somebody holds the run is lost", "11, C14",
        seeds=500,
    ),
    Mutant(
        "recovery by the worker's clock",
        FLIGHT,
        "        now = self.host.now()\n        self.lease",
        "        now = self.host.world.now()\n        self.lease",
        "leases and timers go by the clock of the machine that looks",
        "12, 13",
        seeds=40,
    ),
    Mutant(
        "events by the sender's clock", EVENTS,
        "    now = host.now()\n    draft = Draft(run, now, host.name)",
        "    now = host.world.now()\n    draft = Draft(run, now, host.name)",
        "whether a timer is due goes by the clock of the machine that sends", "13",
        seeds=40,
    ),
    Mutant(
        "lost lease not dropped", WORKER,
        "                        if self.flights.get(run_id) is flown[run_id]:", "                        if False:",
        "a flight whose lease is lost goes on waiting for its effects", "12",
        tests=("tests/engine/test_evidence.py::TestAZombie::test_a_late_final_failure_leaves_the_word_to_a_repeat_that_is_under_way",),
    ),
    Mutant(
        "newer flight dropped for an older one", WORKER,
        "                        if self.flights.get(run_id) is flown[run_id]:", "                        if True:",
        "a run that was claimed anew is dropped since the older claim is lost", "14",
        tests=("tests/engine/test_claimed_anew.py::test_only_the_flight_whose_lease_was_lost_is_broken_off",),
    ),
    Mutant(
        "leases not renewed", WORKER,
        "                if held:\n                    lost =", "                if False:\n                    lost =",
        "a call that takes longer than a lease loses its run", "12",
        tests=("tests/engine/test_claimed_anew.py::test_only_the_flight_whose_lease_was_lost_is_broken_off",),
    ),
    Mutant(
        "call broken off with its run", WORKER,
        "if flight is not None and not flight.unbreakable and flight.task is not None:\n            flight.task.cancel()",
        "if flight is not None and flight.task is not None:\n            flight.task.cancel()",
        "an action's call is cancelled because the run was moved by somebody else", "11, C14",
        tests=("tests/engine/test_evidence.py::TestAZombie::test_its_result_settles_the_doubt",),
    ),
    Mutant(
        "result size not bounded", CALLS,
        '            check_size(kept, what=f"the result of {call.declaration.name}")\n', "",
        "a handler's result may be as large as it likes", "2.6",
        tests=("tests/engine/test_bounds.py::test_a_result_over_the_limit_is_unexpected",),
    ),
    Mutant(
        "time limit of a handler ignored", CALLS,
        "                async with asyncio.timeout(seconds) as scope:",
        "                async with asyncio.timeout(None) as scope:",
        "a handler that never answers holds its run for ever", "14",
        seeds=100,
    ),
    Mutant(
        "write given up when the store is gone", COMMITS,
        "            except StoreUnavailable as error:\n                if pause",
        "            except StoreUnavailable as error:\n                raise\n                if pause",
        "a store that is full or locked for a moment is an error of whoever writes", "14, 2.2",
        seeds=40,
    ),
    Mutant(
        "two writes of a run in one batch", COMMITS,
        "        if run in self._behind:", "        if False:",
        "two writes of one run are put into one batch, which no store takes", "8",
        seeds=250,
    ),
    Mutant(
        "one bad change refuses all", COMMITS,
        "            if len(batch) > 1 and _is_of_one(error):", "            if False:",
        "what the store cannot write of one run is an error of all others", "15",
        tests=("tests/engine/test_commits.py::test_a_change_that_cannot_be_written_fails_alone",),
    ),
)  # fmt: skip
