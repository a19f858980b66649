"""Mark each live run of a store that was restored from a copy, before any worker carries it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, get_args

import msgspec

from opord.contract import Action
from opord.drive.errors import ContractUnreadable, EngineError
from opord.engine.programs import Programs
from opord.engine.protection import Protection
from opord.kernel import restored
from opord.kernel.draft import Draft
from opord.kernel.instants import text
from opord.kernel.program import Program
from opord.kernel.rows import RunRow, Status, has_ended
from opord.kernel.run import Collision, Intent, skeleton
from opord.kernel.settled import has_key_expression
from opord.stores.base import Applied, RowDamaged, RunFilter, Store, Write
from opord.values.types import START_OF_TIME, Instant, RunId

AT_ONCE = 200
"""Number of runs that are marked in one transaction."""

PAGE = 500
"""Number of runs that are read at a time."""

LIVE: tuple[Status, ...] = tuple(status for status in get_args(Status) if not has_ended(status))


class CopyFromTheFuture(EngineError):
    """The copy is said to be newer than the store's clock."""

    code = "copy_from_the_future"


class Marked(NamedTuple):
    """A live run of a restored store. `since` is the last instant that the copy knows of it.

    - `open` is the commit that is open in the copy, with its `call`, `key` and `attempt`.
    - `first_in_doubt` are the actions of its contract that are in doubt before they are called.
    - `with_time` are the actions that become so when their key's window is over.
    - `colliding` is the action whose key took effect before, with other arguments. It is in doubt
      first if a person says, or has said, that it is another commit.
    - `how` is "marked", "marked before", "to be marked" if that was only asked, or "unreadable" if
      its row cannot be read, or this version cannot compile its contract.
    """

    run: RunId
    contract: str
    state: str
    status: str
    how: str
    since: str | None = None
    open: dict[str, Any] | None = None
    first_in_doubt: tuple[str, ...] = ()
    with_time: tuple[str, ...] = ()
    colliding: str | None = None


def mark_restored(
    store: Store,
    *,
    actor: str,
    copied_at: Instant = START_OF_TIME,
    role: str | None = None,
    reason: str | None = None,
    dry_run: bool = False,
) -> Iterator[Marked]:
    """Mark every live run, a batch in each transaction; yield each run once its mark is durable.

    With `dry_run` nothing is written; each run is yielded with the mark that it would get.

    It can be stopped anywhere and started again: a run that has not moved since it was marked stays
    as it is. `copied_at` is when the copy was made, in microseconds, if known; otherwise the run's
    own last record gives a less exact instant.

    Raises:
        CopyFromTheFuture: `copied_at` is later than the store's clock.
    """
    now = store.now()
    if copied_at > now:
        raise CopyFromTheFuture(
            f"the copy cannot be from {text(copied_at)}: it is only {text(now)} now; "
            "give the time of the copy, or set this machine's clock"
        )
    programs = Programs(Protection(insecure=True))
    for status in LIVE:
        names: list[str] = []
        for one in _names(store, status):
            if isinstance(one, RowDamaged):
                yield _damaged(one)
            else:
                names.append(one)
        for first in range(0, len(names), AT_ONCE):
            yield from _mark(
                store,
                programs,
                names[first : first + AT_ONCE],
                copied_at,
                actor=actor,
                role=role,
                reason=reason,
                dry_run=dry_run,
            )


def _names(store: Store, status: Status) -> Iterator[str | RowDamaged]:
    """Yield the names of the runs of a status, and each row that cannot be read."""
    last: str | None = None
    one_by_one = 0
    while True:
        try:
            page = store.runs(RunFilter(status=status), limit=1 if one_by_one else PAGE, after=last)
        except RowDamaged as damage:
            if not one_by_one:
                one_by_one = PAGE
                continue
            yield damage
            if damage.after is None:
                return
            last = damage.after
        else:
            if not page:
                return
            yield from (row.run for row in page)
            last = page[-1].run
        one_by_one = max(one_by_one - 1, 0)


def _damaged(damage: RowDamaged) -> Marked:
    row = damage.readable
    if row is None:
        return Marked(RunId(""), "", "", "", "unreadable")
    return Marked(row.run, row.name, row.head.state, row.head.status, "unreadable")


def _mark(
    store: Store, programs: Programs, names: list[str], copied_at: Instant, *, dry_run: bool, **who: Any
) -> Iterator[Marked]:
    """Mark these runs. If another process writes to one at the same time, read that run again."""
    while names:
        marks: dict[str, Marked] = {}
        writes: list[Write] = []
        for name in names:
            try:
                row = store.load(RunId(name))
            except RowDamaged as damage:
                yield _damaged(damage)
                continue
            if row is None or has_ended(row.head.status):
                continue
            marked, write = _one(store, programs, row, copied_at, **who)
            if write is None:
                yield marked
            elif dry_run:
                yield marked._replace(how="to be marked")
            else:
                marks[name] = marked
                writes.append(write)
        results = store.apply(writes) if writes else []
        names = []
        for write, result in zip(writes, results, strict=True):
            if isinstance(result, Applied):
                yield marks[write.run]
            else:
                names.append(write.run)


def _one(
    store: Store, programs: Programs, row: RunRow, copied_at: Instant, **who: Any
) -> tuple[Marked, Write | None]:
    head = row.head
    marked = Marked(row.run, row.name, head.state, head.status, "marked")
    try:
        program = programs.load(store, row.contract)
        run = skeleton(program, row)
        (last,) = store.journal(row.run, after=row.seq - 1, limit=1)
    except (ContractUnreadable, RowDamaged, msgspec.DecodeError, ValueError):
        return marked._replace(how="unreadable"), None
    write: Write | None = None
    if not (run.body.wary and last.kind == "restored"):
        draft = Draft(run, max(store.now(), last.at), str(who["actor"]))
        restored.begin_wariness(draft, since=max(last.at, copied_at), **who)
        write = draft.write()
    marked = marked._replace(
        how="marked before" if write is None else "marked",
        since=text(run.body.wary),
        open=_open(run.intent),
        first_in_doubt=_first_in_doubt(program),
        with_time=_with_time(program),
        colliding=_colliding(run.collision),
    )
    return marked, write


def _open(intent: Intent | None) -> dict[str, Any] | None:
    if intent is None or intent.outcome is not None:
        return None
    return {"call": intent.call, "key": intent.key, "attempt": intent.attempt}


def _colliding(collision: Collision | None) -> str | None:
    if collision is None or collision.answer == "happened":
        return None
    return collision.call


def _first_in_doubt(program: Program) -> tuple[str, ...]:
    """Return the actions without a key that the contract computes."""
    return tuple(one.name for one in _actions(program) if not has_key_expression(one))


def _with_time(program: Program) -> tuple[str, ...]:
    """Return the actions with a computed key that the other side forgets after a time."""
    return tuple(
        one.name
        for one in _actions(program)
        if has_key_expression(one) and one.key is not None and one.key.window is not None
    )


def _actions(program: Program) -> Iterator[Action]:
    for call in program.calls.values():
        action = call.declaration
        # What an action in transaction wrote is in the store, so it was restored with the run.
        if isinstance(action, Action) and not action.transaction:
            yield action
