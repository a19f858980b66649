"""Keep what an attempt brought after it was given up.

That of an action is evidence, also when its worker had lost the run. That of an effect is its
answer, while the run still waits for that call.
"""

from __future__ import annotations

import logging
from typing import assert_never

from opord.drive.calls import Answered, Ending, Failed, TookTooLong, Unexpected
from opord.drive.errors import RunPruned, RunUnknown
from opord.drive.host import Carrier, Host
from opord.drive.interrupts import evidence_of
from opord.drive.reading import read
from opord.drive.telling import tell_moved
from opord.kernel import effects, inbox, recording
from opord.kernel.answers import Applied
from opord.kernel.draft import Draft
from opord.kernel.inbox import Evidence
from opord.kernel.program import CallProgram
from opord.kernel.rows import is_held
from opord.values.types import RunId

log = logging.getLogger("opord.client")


async def keep_late(host: Host, run_id: RunId, evidence: Evidence) -> None:
    """Keep what a worker learned of an attempt after it lost the run. It ends an open doubt."""
    while True:
        try:
            run = await read(host, run_id)
        except RunUnknown:
            return
        except RunPruned as gone:
            log.warning("%s: %s comes too late to be kept: %s", run_id, _named(evidence), gone)
            return
        draft = Draft(run, host.now(), host.name)
        intent = run.intent
        concerns = intent is not None and intent.seq == evidence.intent and intent.outcome is None
        if run.worker is not None and not concerns:
            # Another worker holds the run, and this evidence changes nothing for it. The evidence
            # joins the journal when the run rests.
            draft.put.append(inbox.inbox_row(draft.run, host.new_id(), draft.at, evidence))
            write = draft.write(head=False)
        elif inbox.adopt(draft, evidence):
            draft.seize()
            recording.runnable(draft)
            write = draft.write()
        elif run.worker is not None:
            draft = Draft(await read(host, run_id), host.now(), host.name)
            draft.put.append(inbox.inbox_row(draft.run, host.new_id(), draft.at, evidence))
            write = draft.write(head=False)
        else:
            write = draft.write()
        host.hook("before evidence", run_id)
        if isinstance(await host.apply(write), Applied):
            log.info("%s: %s is kept as evidence", run_id, _named(evidence))
            tell_moved(host, run, seized=run.worker is None and concerns)
            return


class LateAnswer:
    """Takes what an attempt of an effect brings after it was given up.

    It is kept once the record of the failed attempt is durable (`on_record`): before that, nobody
    can tell which call it answers.
    """

    __slots__ = ("_answer", "_attempt", "_call", "_host", "_of", "_run_id")

    def __init__(self, host: Carrier, run_id: RunId, call: CallProgram, attempt: int) -> None:
        self._host = host
        self._run_id = run_id
        self._call = call
        self._attempt = attempt
        self._of: int | None = None
        self._answer: Evidence | None = None

    def __call__(self, ending: Ending) -> None:
        """Take the ending of the attempt."""
        match ending:
            case Failed(failure) if failure.opord_transient:
                return  # it counts as failed already
            case Answered() | Failed() | TookTooLong() | Unexpected():
                self._answer = evidence_of(self._call, 0, self._attempt, ending, self._host.name)
            case _:
                assert_never(ending)
        self._keep()

    def on_record(self, of: int) -> None:
        """Note that the failed attempt is on record, with this number."""
        self._of = of
        self._keep()

    def _keep(self) -> None:
        if self._of is not None and self._answer is not None:
            self._host.in_background(keep_answer(self._host, self._run_id, self._of, self._answer))


async def keep_answer(host: Host, run_id: RunId, of: int, answer: Evidence) -> None:
    """Let a run go on with a late answer of an effect, if it still waits for that call.

    `of` is the number of the record of the failed attempt that has answered now.
    """
    kind = answer.kind
    if kind == "not_called":
        raise ValueError(f"{run_id}: an attempt of {answer.call} that was given up had begun")
    while True:
        try:
            run = await read(host, run_id)
        except (RunUnknown, RunPruned):
            return
        tries = run.tries
        if tries is None or is_held(run.status) or tries.call != answer.call or of < tries.seq:
            log.debug("%s: %s answered too late, the run waits for it no more", run_id, answer.call)
            return
        draft = Draft(run, host.now(), host.name)
        held = run.worker is not None
        if held:
            draft.seize()  # the attempt that is under way is not needed any more
        effects.answered_late(draft, of, answer.attempt, kind, answer.value, learned_by=answer.worker)
        host.hook("before evidence", run_id)
        if isinstance(await host.apply(draft.write()), Applied):
            log.info(
                "%s: attempt %d of %s answered late; the run goes on with it",
                run_id, answer.attempt, answer.call,
            )  # fmt: skip
            tell_moved(host, run, seized=held)
            return


def _named(evidence: Evidence) -> str:
    match evidence.kind:
        case "ok" | "failed":
            return f"a late outcome of {evidence.call}"
        case "not_called":
            return f"the word that a call of {evidence.call} never began"
        case _:
            assert_never(evidence.kind)
