"""The one protocol of all runtimes, used by the command line, API, console and `opord.Engine`.

A backend is a store with the engine over it, or a cluster. Each verb has the same refusals
everywhere, with the same codes (`codes.py`). `can` lists the optional verbs that a runtime has;
`limits` says how large things may be. Runs are named by their contract and key, as in `Order/17`.
Instants are microseconds since 1970 UTC.

With `if_seq`, the number of the newest record that somebody saw, a verb is refused as `RunMoved`
(`run_moved`) if the run has moved since.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeAlias, TypeVar

from opord.backends.census import Census
from opord.backends.finding import Finder
from opord.backends.sizes import LIMITS, Limits
from opord.backends.wishes import PruneWish
from opord.contract import Contract
from opord.drive.errors import InputInvalid, Refused, RunPruned
from opord.drive.starts import Started, accepted, refusal
from opord.generated.handles import Sent
from opord.kernel.data_filter import DataIs
from opord.kernel.limits import LimitUse
from opord.kernel.needs import Served
from opord.kernel.program import Program
from opord.kernel.rows import (
    InboxRow,
    Kept,
    RecordRow,
    RunRow,
    Status,
    StoredContract,
    StoredNeed,
    ValueRow,
)
from opord.stores.base import (
    Move,
    Outbox,
    Progress,
    RowDamaged,
    RunFilter,
    StoreError,
    Stray,
    UnreadRow,
    WorkerRow,
)
from opord.stores.beside import Beside
from opord.values.types import Digest, Instant, RunId

if TYPE_CHECKING:
    from opord.engine.pruning import Tally as Tally
    from opord.kernel.legality import Problem
    from opord.stores.archive import ArchiveWriter as ArchiveWriter

T = TypeVar("T")

__all__ = [
    "LIMITS",
    "Backend",
    "Can",
    "Finder",
    "Census",
    "InputInvalid",
    "Limits",
    "Move",
    "Outbox",
    "Page",
    "Progress",
    "PruneWish",
    "Reading",
    "RowDamaged",
    "RunFilter",
    "RunPruned",
    "Started",
    "StoreError",
    "Unsupported",
    "Verified",
    "Version",
    "WorkerRow",
    "accepted",
    "refusal",
]

Can: TypeAlias = Literal["prune", "archive", "transactions"]
"""What a runtime may lack. It is refused as `Unsupported`: a verb when it is called, and a contract
with an action `in transaction` before anything runs.
"""

_IN_WORDS: dict[Can, str] = {
    "prune": "prune",
    "archive": "archive",
    "transactions": "carry out actions in transaction",
}


class Unsupported(Refused):
    """This runtime cannot do it. `Backend.can` lists what it can do."""

    code = "unsupported"

    def __init__(self, verb: Can, runtime: str) -> None:
        super().__init__(f"{runtime} cannot {_IN_WORDS[verb]}; use the tools of that runtime instead")
        self.verb = verb


def check_carried(can: Collection[Can], runtime: str, contracts: Iterable[Contract]) -> None:
    """Refuse contracts that a runtime cannot carry.

    Raises:
        Unsupported: one has an action `in transaction`, and the runtime has no transactions.
    """
    if "transactions" not in can and any(one.transaction for each in contracts for one in each.actions):
        raise Unsupported("transactions", runtime)


class Page(NamedTuple):
    """Some runs of a listing. `damaged` says what is wrong with each run that cannot be read.

    The row of a damaged run may only be shown. `after` is where the next page begins; None if there
    is none.
    """

    rows: list[RunRow]
    damaged: dict[str, str]
    after: str | None


class Reading(NamedTuple):
    """All that is stored of a run.

    `unread` is what cannot be read; `now` is the clock of the place that stores it.

    If `runs` is among the unread tables, the row may only be shown.
    """

    kept: Kept
    unread: list[UnreadRow]
    now: int

    @property
    def row_damage(self) -> str | None:
        """Why the run's own row cannot be read; None if it can."""
        return next((one.why for one in self.unread if one.table == "runs"), None)


class Version(NamedTuple):
    """A contract that has been stored."""

    name: str
    version: int
    digest: Digest


class Verified(NamedTuple):
    """The result of verifying a run: its records and problems, and what it needs from a person.

    `status` is None if even the row of the run is missing.
    """

    run: RunId
    records: int
    problems: list[Problem]
    needs: tuple[StoredNeed, ...]
    status: Status | None


class Backend(Protocol):
    """A place where runs are started, moved, read and maintained."""

    @property
    def can(self) -> frozenset[Can]:
        """The optional verbs that this runtime has."""
        ...

    @property
    def limits(self) -> Limits:
        """How large things may be here."""
        ...

    # --- moving runs -----------------------------------------------------------------------------

    async def start(
        self,
        program: Program,
        members: Any,
        *,
        priority: int = 0,
        label: str | None = None,
        delivery: str = "",
    ) -> Started:
        """Start a run from an object with a member for each parameter.

        The start is durable when this returns.

        The same key and input give the same run again, with the priority and the label that it has.

        Args:
            program: the contract.
            members: the input.
            priority: from -100 to 100; workers take runs of a higher one first.
            label: only workers with this label take the run. None is no label.
            delivery: an id that the sender gives this start. When it comes again, its run is the
                answer, even if the input differs then. Empty for none.

        Raises:
            SchedulingInvalid (`scheduling_invalid`): the priority or the label is none.
            InputInvalid (`input_invalid`): the input does not fit the contract, or is too large.
            StartRefused (`start_refused`): a `require` of the contract does not hold for the input,
                and no run of that key exists.
            StartConflict (`start_conflict`): a run of that key was started with another input.
            ContractConflict (`contract_conflict`): another contract is stored under this name and
                version.
            SecretsUnprotected (`secrets_unprotected`): the contract has secrets, and there is no
                key.
        """
        ...

    async def send(
        self,
        run: RunId,
        event: str,
        args: Any,
        *,
        actor: str = "",
        role: str | None = None,
        if_seq: int | None = None,
        delivery: str = "",
    ) -> Sent:
        """Send an event to a run. `args` is an object with a member for each parameter.

        `delivery` is an id that the sender gives this event, the same each time that it sends it;
        empty for none. It is kept with the run, in the same write as the event. The same delivery
        again is answered as `repeated`, whatever state the run is in, and with other content it is
        refused as `event_conflict`.

        Raises:
            RunUnknown (`run_unknown`), RunPruned (`run_pruned`), RunEnded (`run_ended`): no run can
                take it.
            UnknownEvent (`event_unknown`), InputInvalid (`input_invalid`): the contract has no such
                event, or its content does not fit.
            RoleRequired (`role_required`), SenderExcluded (`sender_excluded`): not this sender.
            EventRefused (`event_refused`): the run's current state does not handle it.
            EventWouldStall (`event_would_stall`): its step cannot be computed, so the run would
                only stall.
            EventConflict (`event_conflict`): its key was used before with other content.
            QueueFull (`queue_full`), HistoryFull (`history_full`): there is no room for it.
        """
        ...

    async def resume(
        self,
        run: RunId,
        *,
        actor: str,
        role: str | None = None,
        reason: str | None = None,
        if_seq: int | None = None,
    ) -> None:
        """Let a stalled run go on after its cause was mended.

        Raises:
            NotStalled (`not_stalled`): it is not stalled.
            CollisionOpen (`collision_open`): a person has to resolve a collision of it.
            RunUnknown (`run_unknown`), RunPruned (`run_pruned`): there is no such run.
        """
        ...

    async def resolve(
        self,
        run: RunId,
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
        """Say whether the action that a run is in doubt about happened, and with which result.

        Of a collision (a key that took effect before with other arguments), say `happened` to take
        the result on record, or `another`: the commit is another one, and is made under the run's
        own key.

        `seen` is the number of the newest record that the person saw (`seen` in `waiting_for`).
        Without it, the answer applies to the doubt that is open when it arrives.

        Raises:
            NotInDoubt (`not_in_doubt`): no action of it is in doubt, or it has moved since
                record `seen`.
            WrongResolution (`wrong_resolution`): it is no answer to what a person is asked.
            InputInvalid (`input_invalid`): the result is not of the action's type, or there is not
                exactly one answer.
            RunUnknown (`run_unknown`), RunPruned (`run_pruned`): there is no such run.
        """
        ...

    async def acknowledge(
        self,
        run: RunId,
        *,
        seen: int | None = None,
        actor: str,
        role: str | None = None,
        reason: str | None = None,
        if_seq: int | None = None,
    ) -> None:
        """Close the open alarms of a run, after a person has looked at them. Nothing else changes.

        `seen` is the number of the newest record that the person saw (`seen` in `waiting_for`). If
        an alarm came after it, nothing is closed.

        Raises:
            NoAlarm (`no_alarm`): it has no open alarm, one came after record `seen`, or an action
                is being called just now.
            RunUnknown (`run_unknown`), RunPruned (`run_pruned`): there is no such run.
        """
        ...

    async def drop_event(
        self,
        run: RunId,
        event_id: str,
        *,
        actor: str,
        role: str | None = None,
        reason: str | None = None,
        if_seq: int | None = None,
        dry_run: bool = False,
    ) -> None:
        """Take out a stored event, or the event that a stalled step without a commit answers.

        The run then waits in its state again, with the timers that it had on entry. The key of the
        event stays spent: the same event again is answered as `dropped`. With `dry_run` nothing is
        done, but the request is refused as it would be.

        Raises:
            EventIdUnknown (`event_id_unknown`): the run has no event of that id.
            EventGone (`event_gone`): the event was taken and its step went on, or it was recorded
                and nothing more.
            CommitOpen (`commit_open`): the step that answers it has an open commit.
            RunBusy (`run_busy`): a worker holds the run, or the step has not stalled.
            RunEnded (`run_ended`): the run has ended.
            RunUnknown (`run_unknown`), RunPruned (`run_pruned`): there is no such run.
        """
        ...

    async def cancel(
        self, run: RunId, *, actor: str, role: str | None = None, reason: str | None = None,
        if_seq: int | None = None, delivery: str = "",
    ) -> Sent:  # fmt: skip
        """Ask a run to cancel with the event `cancel`, if its contract handles that event.

        See `send`.
        """
        ...

    async def terminate(
        self,
        run: RunId,
        *,
        actor: str,
        role: str | None = None,
        reason: str | None = None,
        if_seq: int | None = None,
    ) -> None:
        """End a run by an administrator's word.

        Raises:
            RunEnded (`run_ended`): it has ended.
            RunUnknown (`run_unknown`), RunPruned (`run_pruned`): there is no such run.
        """
        ...

    # --- reading ---------------------------------------------------------------------------------

    async def row(self, run: RunId) -> RunRow:
        """Return a run as stored. It includes all that was durable when this was called.

        Raises:
            RunUnknown (`run_unknown`): there is no such run.
            RunPruned (`run_pruned`): it has ended and was pruned; the error holds its tombstone.
        """
        ...

    async def runs(
        self, where: RunFilter, *, data: Sequence[DataIs] = (), limit: int, after: str | None = None
    ) -> Page:
        """Return up to `limit` runs, newest start first, beginning after the run `after`.

        With `data`, only runs whose input or state fits all these conditions. A page may then have
        fewer runs although others follow.

        A run that cannot be read does not hide the others. Whether its data fit is not known, so
        with `data` it is left out.
        """
        ...

    async def now(self) -> Instant:
        """Return the clock of the place that stores the runs."""
        ...

    async def counts(self) -> dict[Status, int]:
        """Return how many runs are in each status."""
        ...

    async def census(self) -> Census:
        """Count the runs of each contract, and say what waits. The cost grows with the runs."""
        ...

    def records(self, run: RunId, *, after: int = 0) -> AsyncIterator[RecordRow]:
        """Yield a run's records with a `seq` above `after`, in order.

        Yields nothing if there is no such run.
        """
        ...

    async def record(self, run: RunId, seq: int) -> RecordRow | None:
        """Return a record of a run; None if there is no such record."""
        ...

    async def kept(self, run: RunId) -> Reading:
        """Return all that is stored of a run at one instant, as far as it can be read.

        Raises:
            RunUnknown (`run_unknown`), RunPruned (`run_pruned`): there is no such run.
        """
        ...

    async def strays(self) -> list[Stray]:
        """Return what is stored of runs that cannot be listed because a row is missing."""
        ...

    async def inbox(self, run: RunId) -> list[InboxRow]:
        """Return the messages that wait for a run, in order of arrival."""
        ...

    async def waiting(self, run: RunId) -> int:
        """Return the number of messages that wait for a run. Cheap, however large they are."""
        ...

    async def values(self, run: RunId, digests: Collection[str] | None = None) -> list[ValueRow]:
        """Return the large values of a run with these digests, those that exist.

        If `digests` is None, return all of them.
        """
        ...

    async def contract(self, digest: Digest) -> StoredContract | None:
        """Return the text of the contract of that digest."""
        ...

    async def versions(self, contract: str | None = None) -> list[Version]:
        """Return the stored contracts, or those of one name, by name and version."""
        ...

    # --- waiting ---------------------------------------------------------------------------------

    async def end_of(self, run: RunId) -> RunRow:
        """Wait until a run has ended, and return it as stored.

        Raises:
            RunUnknown (`run_unknown`), RunPruned (`run_pruned`): there is no such run, or it was
                pruned.
        """
        ...

    def outage(self) -> Exception | None:
        """Return why the store does not answer now. None if it does, or if it does not say why."""
        ...

    async def wait_for_change(self, seen: int | None, timeout_s: float) -> int:
        """Return the current change number once it differs from `seen`, or after the timeout.

        Others' changes raise it.

        What this process writes itself may or may not count. With None it returns at once.
        """
        ...

    async def progress(self, runs: Sequence[RunId]) -> list[Progress]:
        """Return where these runs are, those that exist. Cheap, however large they are."""
        ...

    async def moves(self, since: Instant, *, limit: int) -> list[Move]:
        """Return the newest records of all runs since an instant, at most `limit`, oldest first.

        A record may come to light after others with a later instant.
        """
        ...

    # --- workers ---------------------------------------------------------------------------------

    async def served(self) -> frozenset[Served]:
        """Return what live workers take: digests of contracts, each with a label."""
        ...

    async def workers(self, *, gone: bool = False) -> list[WorkerRow]:
        """Return the workers that are alive now; with `gone`, also those that no longer are."""
        ...

    # --- messages to other programs --------------------------------------------------------------

    async def read_outbox(self, ask: Callable[[Outbox], T]) -> T:
        """Return what a verb of the outbox that only reads answers. It waits for the store."""
        ...

    async def write_outbox(self, act: Callable[[Outbox], T]) -> T:
        """Call another verb of the outbox, and return its answer. It waits for the store.

        It may be called again if it is open whether it happened.
        """
        ...

    # --- limits ----------------------------------------------------------------------------------

    async def limits_in_use(self) -> list[LimitUse]:
        """Return the limits of the deployment, and how much of each is in use."""
        ...

    async def drop_limit(self, name: str) -> None:
        """Forget a limit, by its name. What waited for it goes on.

        Raises:
            LimitUnknown: there is none of that name.
        """
        ...

    def beside(self) -> Beside:
        """Return what keeps tables of others beside the runs; any thread may use it.

        Raises:
            Unsupported (`unsupported`): this runtime has no place for them.
        """
        ...

    def finder(self) -> Finder:
        """Return what finds live runs by a field of their data, without a scan."""
        ...

    # --- maintaining runs ------------------------------------------------------------------------

    def verify(self, run: str | None = None) -> AsyncIterator[Verified]:
        """Prove that the journal of a run, or of each, is unbroken and each transition in it legal.

        Yields what was found for each run.

        Raises:
            RunUnknown (`run_unknown`), RunPruned (`run_pruned`): there is no such run.
        """
        ...

    async def archive(self, path: Path) -> ArchiveWriter:
        """Open an archive file to which `prune` appends this backend's runs.

        The file is made if it does not exist.

        Raises:
            ArchiveRefused (`archive_refused`): it belongs to another store, or is not an archive.
            Unsupported (`unsupported`): this runtime cannot do it.
        """
        ...

    def prune(
        self, wish: PruneWish, archive: ArchiveWriter | None, *, dry_run: bool = False
    ) -> AsyncIterator[Tally]:
        """Delete ended runs, each after its history is durable in the archive.

        Yield the tally as it proceeds.

        It can be stopped anywhere and started again. With `dry_run` it only counts, and yields
        once.

        Raises:
            Unsupported (`unsupported`): this runtime cannot do it.
        """
        ...
