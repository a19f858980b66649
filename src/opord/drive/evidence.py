"""Record how an attempt ended after it was given up.

For an action this is evidence, even if its worker has lost the run. For an effect it is the answer,
if the run still waits for that call.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Final, assert_never
from weakref import WeakKeyDictionary

from opord.drive.calls import Answered, Ending, Failed, TookTooLong, Unexpected
from opord.drive.errors import ContractUnreadable, RunPruned, RunUnknown, RunUnreadable
from opord.drive.host import Carrier, Host
from opord.drive.interrupts import evidence_of
from opord.drive.logged import FEW, FEW_S, Few, about, about_call
from opord.drive.past import look_back_at
from opord.drive.reading import read, read_row
from opord.drive.telling import tell_moved, tell_opened
from opord.kernel import effects, inbox, recording
from opord.kernel.answers import Applied
from opord.kernel.draft import Draft
from opord.kernel.inbox import Evidence
from opord.kernel.program import CallProgram
from opord.kernel.rows import has_ended, is_held
from opord.kernel.run import Run, skeleton
from opord.values.types import RunId
from opord.values.vault import SecretUnreadable

log: logging.Logger = logging.getLogger("opord.client")

_lines: Final[WeakKeyDictionary[Host, Few]] = WeakKeyDictionary()
"""How much evidence each host has told of lately."""


async def keep_late(host: Host, run_id: RunId, evidence: Evidence) -> None:
    """Keep what a worker learned of an attempt after it lost the run.

    It ends an open doubt. If it contradicts what was decided, it raises an alarm.
    """
    while True:
        try:
            run = await _read(host, run_id)
        except (RunUnknown, RunPruned, RunUnreadable, ContractUnreadable) as gone:
            log.warning(
                "%s: %s (attempt %d, %s), and only this log line keeps the answer: %s",
                *(run_id, _named(evidence), evidence.attempt, evidence.kind, gone),
                extra=about_call(run_id, evidence.call, evidence.attempt),
            )
            return
        draft = Draft(run, host.now(), host.name)
        intent = run.intent
        concerns = intent is not None and intent.seq == evidence.intent and intent.outcome is None
        # Another worker holds the run, and this evidence changes nothing for it; or the run's data
        # cannot be read. The evidence joins the journal when the run rests, or is mended.
        waits = run.worker is not None and not concerns
        waits = waits or (run.kept_data is None and not has_ended(run.status))
        if not waits:
            await look_back_at(host, draft, [evidence.intent])
            if inbox.adopt(draft, evidence):
                draft.seize()
                recording.runnable(draft)
            elif run.worker is not None:
                same = await read(host, run_id)
                if (same.epoch, same.seq) != (draft.base_epoch, draft.base_seq):
                    continue  # it may have ended, and nobody takes in what an ended run is sent
                draft, waits = Draft(same, host.now(), host.name), True
        if waits:
            draft.put += (inbox.inbox_row(draft.run, host.new_id(), draft.at, evidence),)
        elif run.kept_data is None:
            # What is sealed in its row stays as it is.
            run.program = replace(run.program, vault=None)
        host.hook("before evidence", run_id)
        if isinstance(await host.apply(draft.write(head=not waits)), Applied):
            _tell_kept(host, run, evidence)
            tell_opened(host, draft)
            tell_moved(host, run, seized=run.worker is None and concerns)
            return


def _tell_kept(host: Host, run: Run, evidence: Evidence) -> None:
    """Log that evidence is kept. If much comes at once, only the level `DEBUG` has all of it."""
    place = _lines.setdefault(host, Few()).place(host.monotonic())
    level = logging.INFO if place <= FEW else logging.DEBUG
    log.log(level, "%s: %s is kept as evidence", run.id, _named(evidence), extra=about(run))
    if place == FEW:
        log.info("more evidence may follow; for %g s only the level DEBUG has a line for each", FEW_S)


async def _read(host: Host, run_id: RunId) -> Run:
    """Return a run; without its data if these cannot be read.

    Raises:
        RunUnknown, RunPruned, ContractUnreadable, RunUnreadable: there is nothing to read.
    """
    try:
        return await read(host, run_id)
    except (RunUnreadable, SecretUnreadable):
        row = await read_row(host, run_id)
        program = await host.program(row.contract)
        try:
            return skeleton(program, row)
        except Exception as error:
            raise RunUnreadable(run_id, str(error)) from error


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
        raise ValueError(f"{run_id}: an attempt of {answer.call} that the worker gave up had begun")
    while True:
        try:
            run = await read(host, run_id)
        except (RunUnknown, RunPruned):
            return
        tries = run.tries
        if tries is None or is_held(run.status) or tries.call != answer.call or of < tries.seq:
            log.debug(
                "%s: %s answered too late; the run no longer waits for it",
                run_id,
                answer.call,
                extra=about(run),
            )
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
                run_id, answer.attempt, answer.call, extra=about(run),
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
