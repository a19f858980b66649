"""Carry out a person's decisions on a run: resume or terminate it, resolve, acknowledge."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, assert_never

from opord.drive.accepting import accepted_by
from opord.drive.errors import (
    CollisionOpen,
    ContractUnreadable,
    InputInvalid,
    NoAlarm,
    NotInDoubt,
    NotStalled,
    RunEnded,
    RunMoved,
    RunUnreadable,
    SecretsUnprotected,
    WrongResolution,
)
from opord.drive.host import Host
from opord.drive.instead import instead
from opord.drive.past import look_back
from opord.drive.reading import missing, read, read_by_journal, read_by_row
from opord.drive.telling import tell_moved, tell_opened
from opord.kernel import bounds, collisions, inbox, recording, taking
from opord.kernel.answers import Applied, Exists, KeyTaken, NotStored, Stale, WasPruned
from opord.kernel.bounds import check_note
from opord.kernel.draft import Draft
from opord.kernel.records import CollisionAnswer
from opord.kernel.rows import InboxRow, has_ended, is_held
from opord.kernel.run import Collision, Run
from opord.kernel.sealing import SEALED
from opord.values.guard import BadValue
from opord.values.types import RunId
from opord.values.vault import SecretUnreadable

Change: TypeAlias = Callable[[Run, Draft, list[InboxRow]], bool | None]
"""Changes a run through a draft, or refuses to; see `change_run`."""

Reading: TypeAlias = Callable[[Host, RunId], Awaitable[Run]]
"""Reads a run that is to be changed."""


async def resume(
    host: Host,
    run_id: RunId,
    *,
    actor: str,
    role: str | None = None,
    reason: str | None = None,
    if_seq: int | None = None,
) -> None:
    """Let a stalled run go on after its cause was mended.

    Raises:
        RunUnknown, NotStalled, CollisionOpen: the request was refused.
    """

    check_actor(actor, role, reason)

    def change(run: Run, draft: Draft, waiting: list[InboxRow]) -> None:
        if not is_held(run.status):
            raise NotStalled(run.id, run.status, instead(run))
        if run.collision is not None and run.collides:
            raise CollisionOpen(run.id, run.collision.call, run.collision.key)
        recording.resume(draft, actor=actor, role=role, reason=reason)

    await change_run(host, run_id, change, if_seq=if_seq)


async def terminate(
    host: Host,
    run_id: RunId,
    *,
    actor: str,
    role: str | None = None,
    reason: str | None = None,
    if_seq: int | None = None,
) -> None:
    """End a run by an administrator's word, even if its contract, secrets or data cannot be read.

    If even its row cannot be read, its journal says what the run is.

    Raises:
        RunUnknown, RunEnded: the request was refused.
        RunUnreadable: neither its row nor its journal can be read.
    """

    check_actor(actor, role, reason)

    def change(run: Run, draft: Draft, waiting: list[InboxRow]) -> None:
        if has_ended(run.status):
            raise RunEnded(run.id, run.state, run.outcome, how=run.body.how)
        draft.seize()
        recording.terminate(draft, actor=actor, role=role, reason=reason)

    if await host.left_of(run_id) is None:
        try:
            await _change_readable_or_not(host, run_id, change, if_seq)
            return
        except RunUnreadable:
            pass  # its journal may still say what it is
    await change_run(host, run_id, change, reading=read_by_journal, if_seq=if_seq)


async def acknowledge(
    host: Host,
    run_id: RunId,
    *,
    seen: int | None = None,
    actor: str,
    role: str | None = None,
    reason: str | None = None,
    if_seq: int | None = None,
) -> None:
    """Close the open alarms of a run, also if its contract, secrets or data cannot be read.

    `seen` is the number of the newest record that the person saw. A newer alarm is not closed, and
    nothing is.

    Raises:
        RunUnknown, NoAlarm: the request was refused.
        RunUnreadable: even its row cannot be read.
    """

    check_actor(actor, role, reason)

    def change(run: Run, draft: Draft, waiting: list[InboxRow]) -> None:
        alarms = run.body.alarms
        if not alarms:
            raise NoAlarm(run.id, "it has no open alarm", instead(run))
        if seen is not None and alarms[-1].seq > seen:
            raise NoAlarm(
                run.id, f"an alarm came after record {seen}, the newest that you saw; look at the run again"
            )
        intent = run.intent
        if run.worker is not None:
            if intent is not None and intent.in_flight and intent.outcome is None:
                raise NoAlarm(
                    run.id, f"attempt {intent.attempt} of {intent.call} is under way; wait until it has ended"
                )
            draft.seize()
            run.wake_at = draft.at
        recording.acknowledge(draft, actor=actor, role=role, reason=reason)

    await _change_readable_or_not(host, run_id, change, if_seq)


async def resolve(
    host: Host,
    run_id: RunId,
    *,
    happened: bool | None = None,
    another: bool = False,
    result: Any = None,
    seen: int | None = None,
    actor: str,
    role: str | None = None,
    reason: str | None = None,
    if_seq: int | None = None,
) -> None:
    """Say, as a person, whether the action that a run is in doubt about happened.

    `result` is its result, if it happened. Of a collision, say `happened` to take the result on
    record, or `another`: the commit is another one, and is made under the run's own key. `seen` is
    the number of the newest record that the person saw. The answer is refused if the run has moved
    since: it may be in doubt about another call by then.

    Raises:
        RunUnknown, NotInDoubt, WrongResolution: the request was refused.
        InputInvalid: the result is not of the action's type, or there is not exactly one answer.
    """

    check_actor(actor, role, reason)
    if (happened is not None) == another:
        raise InputInvalid("the answer", "", "say either that it happened, or that it is another commit")

    def change(run: Run, draft: Draft, waiting: list[InboxRow]) -> None:
        if seen is not None and run.seq != seen:
            raise NotInDoubt(
                run.id,
                f"record {seen} was the newest that you saw, and the run has {run.seq} now; look at it again",
            )
        if run.collision is not None and run.collides:
            answer = _answer_to(run.id, run.collision, happened, another, result)
            draft.seize()
            collisions.resolve(draft, run.collision, answer, actor=actor, role=role, reason=reason)
            return
        intent = run.intent
        if intent is None or intent.outcome is not None or not (intent.doubts or intent.asking):
            is_now = "has ended" if has_ended(run.status) else f"is {run.status.replace('_', ' ')}"
            raise NotInDoubt(run.id, f"it {is_now}, and no action of it is in doubt", instead(run))
        if intent.in_flight:
            raise NotInDoubt(
                run.id, f"attempt {intent.attempt} of {intent.call} is under way; wait until it has ended"
            )
        if another:
            raise WrongResolution(
                run.id,
                f"{intent.call} is in doubt, and there is no collision: its key did not take effect before",
                ["--happened [RESULT]", "--did-not-happen"],
            )
        draft.seize()
        if not happened:
            recording.did_not_happen(
                draft, intent, by="person", fresh=True, actor=actor, role=role, reason=reason
            )
            return
        call, _ = run.action(intent)
        if call.result is None and result is not None:
            raise InputInvalid(
                f"the resolution of {intent.call}", "", "the action has no result; leave it out"
            )
        what = f"the resolution of {intent.call}"
        value = accepted_by(call.result, result, what) if call.result is not None else None
        try:
            rest = call.result.dump(value) if call.result is not None else None
        except BadValue as error:
            raise InputInvalid(what, error.path, error.message) from error
        recording.happened(draft, intent, rest, actor=actor, role=role, reason=reason)

    await change_run(host, run_id, change, if_seq=if_seq)


def _answer_to(
    run: RunId, collision: Collision, happened: bool | None, another: bool, result: Any
) -> CollisionAnswer:
    """Return what a person says of a collision.

    Raises:
        WrongResolution: it is no answer to a collision, or it has a result.
    """
    answers = ["--happened", "--another"]
    took_effect = f"{collision.call} took effect before under the key {collision.key!r}"
    if another:
        return "another"
    if not happened:
        raise WrongResolution(run, took_effect, answers)
    if result is not None:
        raise WrongResolution(
            run, f"{took_effect}, and its result is on record; leave the result out", answers
        )
    return "happened"


def check_seq(run: Run, if_seq: int | None) -> None:
    """Refuse a request for a run as it was seen if it has moved since.

    Raises:
        RunMoved: its newest record is not `if_seq`.
    """
    if if_seq is not None and run.seq != if_seq:
        raise RunMoved(run.id, if_seq, run.seq)


def check_actor(actor: str, role: str | None, reason: str | None) -> None:
    """Refuse a person without a name, or with what cannot be stored: it goes on record who acted.

    Raises:
        InputInvalid: the name is empty, or something is too long or cannot be stored.
    """
    check_person(actor, role, reason)
    if not actor.strip():
        raise InputInvalid(
            "the sender", "", "the actor's name is empty; give the name of the person or service that acts"
        )


def check_person(actor: str, role: str | None, reason: str | None = None) -> None:
    """Refuse a name, role or reason that cannot be stored.

    Raises:
        InputInvalid: one of them is too long or has characters that cannot be stored.
    """
    try:
        if actor is None:
            raise BadValue("", "the actor's name: expected a text, got: None")
        check_note(actor, "the actor's name")
        check_note(role, "the role")
        check_note(reason, "the reason", most=bounds.LONGEST_REASON)
    except BadValue as error:
        raise InputInvalid("the sender", "", error.message) from None


def check_delivery(delivery: str) -> None:
    """Refuse the id of a delivery that cannot be stored.

    Raises:
        InputInvalid: it is too long or has characters that cannot be stored.
    """
    try:
        check_note(delivery, "the delivery id", most=bounds.LONGEST_KEY)
    except BadValue as error:
        raise InputInvalid("the delivery", "", error.message) from None


async def _change_readable_or_not(host: Host, run_id: RunId, change: Change, if_seq: int | None) -> None:
    """Change a run; by its row alone if its contract, secrets or data cannot be read."""
    try:
        await change_run(host, run_id, change, if_seq=if_seq)
    except (ContractUnreadable, RunUnreadable, SecretsUnprotected, SecretUnreadable):
        await change_run(host, run_id, change, reading=read_by_row, if_seq=if_seq)


async def change_run(
    host: Host, run_id: RunId, change: Change, *, reading: Reading = read, if_seq: int | None = None
) -> None:
    """Change a run, and try again if it has moved meanwhile.

    `change` gets the run, a draft, and the messages that wait. If it returns False, nothing is
    written. `reading` says how the run is read: whole, or without its contract and data.

    Raises:
        RunMoved: the newest record of the run is not `if_seq`.
    """
    while True:
        run = await reading(host, run_id)
        check_seq(run, if_seq)
        held = run.worker is not None
        draft = Draft(run, host.now(), host.name)
        waiting = await host.inbox(run_id) if run.arrivals else []
        if change(run, draft, waiting) is False:
            return
        if reading is not read:
            # A sealed text in a message is sealed for its place in the inbox and cannot be moved to
            # a record.
            waiting = [message for message in waiting if SEALED not in message.body]
        await look_back(host, draft, waiting)
        if has_ended(run.status) or (run.status == "running" and not taking.commit_open(run)):
            inbox.take_in(draft, waiting)
        result = await host.apply(draft.write(arrivals=run.arrivals))
        match result:
            case Applied():
                tell_opened(host, draft)
                tell_moved(host, run, seized=held)
                return
            case Stale(None):
                raise await missing(host, run_id)
            case Stale():
                await asyncio.sleep(0)
            case Exists() | KeyTaken() | WasPruned() | NotStored():
                raise RuntimeError(f"{run_id}: {result} is no answer to a person's word")
            case _:
                assert_never(result)
