"""Planted bugs of the kernel: the table of doubts, moves, messages, records, and secrets on their way."""

from __future__ import annotations

from tests.mutants.model import Mutant

DOUBT, MOVES, INBOX = "kernel/doubt.py", "kernel/moves.py", "kernel/inbox.py"
DRAFT, RUN, STEP, SEALING = "kernel/draft.py", "kernel/run.py", "kernel/step.py", "kernel/sealing.py"

MUTANTS = (
    Mutant(
        "key window ignored", DOUBT,
        "    return now < intent.first_at + microseconds(action.key.window)", "    return True",
        "an attempt is repeated although the other side has forgotten its key", "1, C22",
        seeds=40,
    ),
    Mutant(
        "settle delay left out", DOUBT,
        "    return max(intent.given_up_at + microseconds(check.after), intent.next_at)",
        "    return max(intent.given_up_at, intent.next_at)",
        "the effect that checks is asked before it can know", "4, C7",
        seeds=40,
    ),
    Mutant(
        "settle delay from the first doubt", MOVES,
        "    intent.given_up_at = draft.at\n", "    intent.given_up_at = intent.given_up_at or draft.at\n",
        "the delay of a later doubt is counted from the first one", "4, C7",
        seeds=250,
    ),
    Mutant(
        "lost call repeated without a doubt", DOUBT,
        'Row("C0", lambda s: _open(s) and s.in_flight and not s.live, "doubt")',
        'Row("C0", lambda s: _open(s) and s.in_flight and not s.live, "attempt")',
        "whoever takes a run over calls its action again at once", "1, C5, C13",
        seeds=40,
    ),
    Mutant(
        "ask taken for repeat", DOUBT,
        'Row("C4", lambda s: _doubtful(s) and s.policy == "ask", "ask")',
        'Row("C4", lambda s: _doubtful(s) and s.policy == "ask", "attempt")',
        "an action without a rule for doubts is called again", "1, C7",
        seeds=100,
    ),
    Mutant(
        "repeat past its attempts", DOUBT,
        "    return s.attempts_left and s.in_window", "    return s.in_window",
        "a doubtful attempt is repeated for ever", "budget",
        seeds=100,
    ),
    Mutant(
        "transient of a later attempt ends a doubt", DOUBT,
        "    return _still(s) and not s.doubt and not s.asking", "    return _still(s) and (not s.doubt or s.failed) and not s.asking",
        "an earlier doubt is forgotten since a later attempt failed", "4",
        seeds=250,
    ),
    Mutant(
        "transient failure clears the doubts", MOVES,
        "    intent.in_flight = False\n    intent.failure = failure\n",
        "    intent.in_flight = False\n    intent.doubts = []\n    intent.failure = failure\n",
        "an earlier doubt is forgotten since a later attempt failed", "4",
        seeds=250,
    ),
    Mutant(
        "one attempt too many", DOUBT,
        "        return intent.counted <= action.retry.times", "        return intent.counted <= action.retry.times + 1",
        "an action is tried once more than `retry` says", "budget",
        seeds=100,
    ),
    Mutant(
        "attempts not counted", MOVES,
        "    intent.counted += 1\n    intent.in_flight = True", "    intent.in_flight = True",
        "`retry` never comes to its end", "budget",
        seeds=100,
    ),
    Mutant(
        "timer fired early", INBOX,
        "    if timers[name] > draft.at:", "    if timers[name] > draft.at + 60_000_000:",
        "a timer fires up to a minute before it is due", "13",
        seeds=100,
    ),
    Mutant(
        "wrong timer first", INBOX,
        "    name = min(timers, key=timers.__getitem__)", "    name = max(timers, key=timers.__getitem__)",
        "of two timers the later one fires first", "13",
        seeds=250,
    ),
    Mutant(
        "kept event taken but not removed", INBOX,
        "            left.remove(row)\n            draft.take.append(row.id)\n            receive",
        "            left.remove(row)\n            receive",
        "a kept event is applied and stays in the inbox", "6, C11",
        seeds=40,
    ),
    Mutant(
        "kept event applied twice in one settling", INBOX,
        "            left.remove(row)\n            draft.take.append(row.id)\n            receive",
        "            draft.take.append(row.id)\n            receive",
        "a kept event is applied again in the next state", "6",
        seeds=40,
    ),
    Mutant(
        "kept event lost at the end", INBOX,
        "            return _leave_unhandled(draft, left)",
        "            draft.take += [row.id for row in left]\n            return []",
        "events that wait when a run ends are thrown away", "6, C12",
        seeds=40,
    ),
    Mutant(
        "inbox cleared at a transition", INBOX,
        "            entered = run.body.entered\n",
        "            if entered >= 0:\n                draft.take += [row.id for row in left]\n                left = []\n            entered = run.body.entered\n",
        "events that wait are thrown away when the run moves", "6, C12",
        seeds=40,
    ),
    Mutant(
        "event moves an open commit", INBOX,
        '    if run.status == "ended" or commit_open(run):\n        return {}',
        '    if run.status == "ended":\n        return {}',
        "an event (a cancellation, say) wins over a commit that may be done", "4, C12, C19",
        seeds=100,
    ),
    Mutant(
        "secret in clear in a record", DRAFT,
        '            said = sealed(run.program, run.id, f"record {seq}", said)', "            pass",
        "a record holds a secret that anybody can read", "20",
        tests=("tests/protection/test_at_rest.py::test_no_planted_secret_is_in_any_byte_that_is_written_or_said",),
    ),
    Mutant(
        "secret in clear in the input", DRAFT,
        '            sealed_text(run.program, run.id, "input", run.input_text),', "            run.input_text,",
        "the input of a run holds a secret that anybody can read", "20",
        tests=("tests/protection/test_at_rest.py::test_no_planted_secret_is_in_any_byte_that_is_written_or_said",),
    ),
    Mutant(
        "secret in clear in the inbox", INBOX,
        '    body = sealed_text(run.program, run.id, f"inbox {message_id}", _write(message).decode())',
        "    body = _write(message).decode()",
        "a message that waits holds a secret that anybody can read", "20",
        tests=("tests/protection/test_at_rest.py::test_a_kept_event_waits_sealed",),
    ),
    Mutant(
        "secret in clear in the present data", RUN,
        '        return dumps(sealed(self.program, self.id, "body", msgspec.to_builtins(self.body)))',
        "        return dumps(msgspec.to_builtins(self.body))",
        "the row of a run holds a secret that anybody can read", "20",
        tests=("tests/protection/test_at_rest.py::test_no_planted_secret_is_in_any_byte_that_is_written_or_said",),
    ),
    Mutant(
        "secret in clear among settled keys", MOVES,
        '                sealed_text(run.program, run.id, f"{where} result", dumps(outcome.value)),',
        "                dumps(outcome.value),",
        "the result of a settled key holds a secret that anybody can read", "20",
        tests=("tests/protection/test_at_rest.py::test_no_planted_secret_is_in_any_byte_that_is_written_or_said",),
    ),
    Mutant(
        "secret told by a doubt", MOVES,
        "    intent.reason = reason = hidden(draft.run, reason)\n", "    intent.reason = reason\n",
        "the reason of a doubt repeats a secret that the handler raised with", "20",
        tests=("tests/protection/test_at_rest.py::test_no_planted_secret_is_in_any_byte_that_is_written_or_said",),
    ),
    Mutant(
        "secrets not bound to their run", SEALING,
        '    return rest if vault is None else seal_data(vault, f"{run}\\n{place}", rest)',
        "    return rest if vault is None else seal_data(vault, place, rest)",
        "a sealed secret is bound to the wrong place", "20",
        tests=("tests/protection/test_at_rest.py::test_no_planted_secret_is_in_any_byte_that_is_written_or_said",),
    ),
    Mutant(
        "secrets bound to no place", SEALING,
        '        return {name: seal_data(vault, f"{place}/{name}", value) for name, value in rest.items()}',
        "        return {name: seal_data(vault, place, value) for name, value in rest.items()}",
        "a sealed secret can be moved to another field", "20",
        tests=("tests/protection/test_at_rest.py::test_no_planted_secret_is_in_any_byte_that_is_written_or_said",),
    ),
    Mutant(
        "secret sealed by its look alone", SEALING,
        "        if SECRET in rest or SEALED in rest:", "        if SECRET in rest:",
        "a user's own data that look sealed are taken for a secret", "20",
        tests=("tests/protection/test_at_rest.py::test_a_users_own_data_that_look_like_a_secret_come_back_as_they_were",),
    ),
    Mutant(
        "step that diverged goes on", STEP,
        "            if answer.call != said.name:", "            if False:",
        "a step that is taken over gets the answer of another call", "C24",
        tests=("tests/engine/test_a_step_taken_over.py::test_one_that_does_not_come_to_its_commit_stalls_and_calls_nobody",),
    ),
)  # fmt: skip
