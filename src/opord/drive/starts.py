"""Start runs. Starts are deduplicated: the same key and input give the same run again."""

from __future__ import annotations

from typing import Any, Final, NamedTuple, assert_never, cast
from uuid import UUID, uuid5

from opord.drive.accepting import accepted_by
from opord.drive.errors import (
    ContractReplaced,
    ContractUnreadable,
    InputInvalid,
    SchedulingInvalid,
    StartConflict,
    StartRefused,
)
from opord.drive.host import Host
from opord.drive.traces import trace_now
from opord.kernel import inbox, recording
from opord.kernel.answers import Applied, Exists, KeyTaken, NotStored, Stale, WasPruned
from opord.kernel.bounds import computed_key
from opord.kernel.input_digest import input_digest, value_digest
from opord.kernel.large import Texts, needed, open_value
from opord.kernel.program import Program
from opord.kernel.rows import RunRow, Tombstone
from opord.kernel.same_input import by_value, differences
from opord.kernel.scheduling import NO_LABEL, USUAL, Scheduling, label_problem, priority_problem
from opord.kernel.sealing import opened_text
from opord.kernel.step import StepError
from opord.values.canonical import dumps, loads
from opord.values.guard import BadValue, check_size
from opord.values.types import Digest, RunId

_DELIVERED: Final = UUID("5d1f7a52-0b2e-4c5e-9d1c-6f1c9a4b7e30")
"""The namespace of the runs that are named by their delivery."""

_UNREAD: Final = "the contract version that started the run cannot read this input"
_PRUNED: Final = "the run was pruned, so Opord cannot tell which fields differ"


class Started(NamedTuple):
    """The answer to a start: the run's name, and whether it is new.

    A run that is not new was started before with the same input. `pruned` is true if that run has
    ended and was pruned.
    """

    run: RunId
    created: bool
    pruned: bool = False


def scheduled(priority: object = 0, label: object = None) -> Scheduling:
    """Return the scheduling of a start, with `label` None for none.

    Raises:
        SchedulingInvalid: the priority is out of range, or the label has characters it may not.
    """
    problem = priority_problem(priority) or (label_problem(label) if label is not None else "")
    if problem:
        raise SchedulingInvalid(problem)
    return Scheduling(cast(int, priority), NO_LABEL if label is None else cast(str, label))


async def start(
    host: Host,
    program: Program,
    input_value: Any,
    *,
    number: int,
    scheduling: Scheduling = USUAL,
    delivery: str = "",
) -> Started:
    """Start a run. `number` distinguishes this start from the others of the same host.

    `input_value` is the program's input, as `program.input.accept` returns it. `delivery` is an id
    that the sender gives the start: the run that it has started is the answer to it, with any
    input that it has when it comes again. After that run was pruned, only the same input is. It is
    empty for none.

    Raises:
        InputInvalid: the input does not fit the contract.
        StartRefused: a `require` of the contract does not hold, and no run of that key exists.
        StartConflict: a run of that key was started with another input.
        ContractReplaced: the contract is no longer in the store.
    """
    program = host.own(program)
    lease_us = host.lease_at_birth(program.digest, scheduling.label)
    try:
        run_id = _run_id(host, program, input_value, delivery)
        may_be_there = program.key is not None or bool(delivery)
        if (refused := refusal(program, input_value)) is not None:
            if may_be_there and (
                started := await _started_before(host, program, run_id, input_value, delivery)
            ):
                return started
            raise refused
        draft = recording.start(
            program,
            run_id,
            input_value,
            now=host.now(),
            worker=host.name,
            held=lease_us is not None,
            # The record also names this process. With the number, every start is unique.
            message=str(number) if may_be_there else None,
            scheduling=scheduling,
            delivery=delivery,
            trace=trace_now(),
        )
        check_size(draft.run.input_text, what="the input")
    except BadValue as error:
        raise InputInvalid(program.name, error.path, error.message) from error
    except StepError as error:
        raise InputInvalid(program.name, "", f"the initial state cannot be made: {error}") from error
    run = draft.run
    if lease_us is not None:
        run.worker = host.name
        # Inlined instead of `Instant(...)`: this runs for each start.
        run.wake_at = draft.at + lease_us  # type: ignore[assignment]
    elif run.at.declaration.kind == "acting":
        run.wake_at = draft.at
    else:
        inbox.take_in(draft, [])
    host.hook("before start", run_id)
    result = await host.apply(draft.start())
    host.hook("start written", run_id)
    match result:
        case Applied():
            if lease_us is not None:
                host.launch(run)
            return Started(run_id, True)
        case Exists(row):
            return await _same_start(host, program, row, input_value, run.input_text, delivery)
        case WasPruned(tombstone):
            return await _same_as_pruned(host, program, tombstone, input_value, run.input_text)
        case NotStored():
            raise ContractReplaced(program.name, program.version)
        case Stale() | KeyTaken():
            raise RuntimeError(f"{run_id}: {result} is no answer to a start")
        case _:
            assert_never(result)


def refusal(program: Program, input_value: Any) -> StartRefused | None:
    """Return why the contract refuses to start a run with an input; None if it does not.

    A condition that cannot be computed refuses too.
    """
    if program.refusal is None:
        return None
    try:
        refused = program.refusal(input_value)
    except Exception as error:
        place = program.place_of(error)
        where = f" at {place}" if place is not None else ""
        return StartRefused(program.name, f"its `require`{where} cannot be computed: {error}")
    if refused is None:
        return None
    number, why = refused
    return StartRefused(program.name, why, program.contract.requirements[number])


async def _started_before(
    host: Host, program: Program, run_id: RunId, input_value: Any, delivery: str
) -> Started | None:
    """Return the run of a start that the contract refuses; None if no run of its name is there."""
    text = dumps(program.input.dump(input_value))
    row = await host.load(run_id)
    if row is not None:
        return await _same_start(host, program, row, input_value, text, delivery)
    tombstone = await host.tombstone(run_id)
    if tombstone is not None:
        return await _same_as_pruned(host, program, tombstone, input_value, text)
    return None


async def _same_start(
    host: Host, program: Program, row: RunRow, input_value: Any, text: str, delivery: str
) -> Started:
    """Return a run that is there, if the start has its input, or the delivery that has started it.

    Raises:
        StartConflict: it has neither.
    """
    try:
        return await _same_as_run(host, program, row, input_value, text)
    except StartConflict:
        if delivery and await _started_by(host, row.run, delivery):
            return Started(row.run, False)
        raise


async def _same_as_run(host: Host, program: Program, row: RunRow, input_value: Any, text: str) -> Started:
    """Return a run that is there. `text` is the input of the start.

    Raises:
        StartConflict: the run was started with another input.
    """
    sent = await _read_by(host, row.contract, program, input_value, text)
    if sent is None:
        raise StartConflict(row.run, why=_UNREAD)
    stored = await _input_of(host, program, row)
    if sent != stored:
        contract = (await _own_program(host, row.contract, program)).contract
        differing = differences(by_value(contract, loads(stored)), by_value(contract, loads(sent)))
        if differing:
            raise StartConflict(row.run, differing)
    return Started(row.run, False)


async def _same_as_pruned(
    host: Host, program: Program, tombstone: Tombstone, input_value: Any, text: str
) -> Started:
    """Return a run that was pruned. `text` is the input of the start.

    Raises:
        StartConflict: the run was started with another input.
    """
    sent = await _read_by(host, tombstone.contract, program, input_value, text)
    if sent is None:
        raise StartConflict(tombstone.run, why=_UNREAD)
    own = await _own_program(host, tombstone.contract, program)
    if tombstone.input not in (value_digest(own.contract, sent), input_digest(sent)):
        raise StartConflict(tombstone.run, why=_PRUNED)
    return Started(tombstone.run, False, True)


async def _started_by(host: Host, run: RunId, delivery: str) -> bool:
    """Say whether a run was started by this delivery, as its first record says."""
    first = await host.records(run, after=0, limit=1)
    return bool(first) and loads(first[0].body).get("delivery") == delivery


async def _own_program(host: Host, contract: Digest, program: Program) -> Program:
    """Return the program that a run was started with."""
    return program if program.is_named_by(contract) else await host.program(contract)


async def _read_by(host: Host, contract: Digest, program: Program, input_value: Any, text: str) -> str | None:
    """Read the input of a start by the contract version of the existing run.

    A start that is sent again after a deploy then finds its run, if the new version only added
    members with defaults. Return None if the older version cannot read the input.
    """
    if program.is_named_by(contract):
        return text
    try:
        other = await host.program(contract)
        return dumps(other.input.dump(other.input.accept(input_value)))
    except (BadValue, ContractUnreadable):
        return None


async def _input_of(host: Host, program: Program, row: RunRow) -> str:
    """Return the input that a run was started with, to compare it with that of a repeated start."""
    stored_input = opened_text(program, row.run, "input", row.input)
    digests = needed(row, data=False)
    if not digests:
        return stored_input
    values = Texts(await host.values(row.run, digests), lambda text: open_value(program.vault, row.run, text))
    return dumps(values.whole_input(stored_input))


def accepted(program: Program, members: Any) -> Any:
    """Return an input as the contract accepts it, after a check of the key that names its run.

    Raises:
        InputInvalid: it does not fit, or its key is empty, too long, or cannot be computed.
    """
    value = accepted_by(program.input, members, program.name)
    try:
        _run_of(program, value)
    except BadValue as error:
        raise InputInvalid(program.name, error.path, error.message) from error
    return value


def _run_of(program: Program, input_value: Any) -> str | None:
    """Return the name of the run that an input starts; None if the contract has no key."""
    key = program.key
    if key is None:
        return None
    return f"{program.name}/{computed_key(lambda: key(input_value), 'the key that names the run')}"


def _run_id(host: Host, program: Program, input_value: Any, delivery: str) -> RunId:
    """Return the name of the run to start. Without a key, its delivery names it, if it has one."""
    named = _run_of(program, input_value)
    if named is None and delivery:
        named = f"{program.name}/{uuid5(_DELIVERED, f'{program.name} {delivery}')}"
    return RunId(named or f"{program.name}/{host.new_id()}")
