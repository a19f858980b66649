"""What a runtime answers: the one protocol that command line, API, console and `opord.Engine` ask.

A backend is a store with the engine over it, or a cluster. Each verb has the same refusals everywhere, with the same
codes (`codes.py`). `can` has what a runtime may lack, `limits` how large things may be. Runs are named by their
contract and key, as in `Order/17`; instants are microseconds since 1970 UTC.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Protocol, TypeAlias

from opord.drive.errors import InputInvalid, Refused, RunPruned
from opord.drive.starts import Started, accepted
from opord.generated.handles import Sent
from opord.kernel import bounds
from opord.kernel.program import Program
from opord.kernel.rows import Head, InboxRow, Kept, RecordRow, RunRow, Status, StoredContract, ValueRow
from opord.stores.base import RowDamaged, RunFilter, StoreError, Stray, Unread, WorkerRow
from opord.values.guard import LIMIT_BYTES
from opord.values.types import Digest, RunId

if TYPE_CHECKING:
    from opord.engine.pruning import Tally as Tally
    from opord.kernel.legality import Problem
    from opord.stores.archive import ArchiveWriter as ArchiveWriter

__all__ = [
    "LIMITS",
    "Backend",
    "Can",
    "InputInvalid",
    "Limits",
    "Page",
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
]

Can: TypeAlias = Literal["prune", "archive"]
"""What a runtime may lack: the verbs of these names. One that is asked for in vain is refused as `Unsupported`."""


class Unsupported(Refused):
    """This runtime cannot do it; `Backend.can` says what it can."""

    code = "unsupported"

    def __init__(self, verb: Can, runtime: str) -> None:
        super().__init__(f"{runtime} cannot {verb}; see what keeps its runs for how that is done there")
        self.verb = verb


class Limits(NamedTuple):
    """How large things may be. What is larger is refused before anything is accepted, with the same code everywhere.

    `value_bytes` is one value from outside as JSON, `step_bytes` what a state carries or an action is called with;
    `key_chars` a key, `name_chars` who acts, `reason_chars` why. `queue_messages` and `queue_bytes` are what may wait in
    a run, `history_records` is how long its journal may be.
    """

    value_bytes: int
    step_bytes: int
    key_chars: int
    name_chars: int
    reason_chars: int
    queue_messages: int
    queue_bytes: int
    history_records: int


LIMITS: Final = Limits(
    LIMIT_BYTES,
    bounds.STEP_BYTES,
    bounds.LONGEST_KEY,
    bounds.LONGEST_NAME,
    bounds.LONGEST_REASON,
    bounds.QUEUE_MESSAGES,
    bounds.QUEUE_BYTES,
    bounds.HISTORY_RECORDS,
)
"""The limits of the kernel, which hold where a runtime has no smaller ones."""


class Page(NamedTuple):
    """Some runs of a listing. `damaged` says of runs that cannot be read what is wrong; their rows are only to be shown.

    `after` is where the next page begins; None if there is none.
    """

    rows: list[RunRow]
    damaged: dict[str, str]
    after: str | None


class Reading(NamedTuple):
    """All that is kept of a run; `unread` is what of it cannot be read, `now` the clock of where it is kept.

    Where `runs` is among the tables of what is unread, the row is only to be shown.
    """

    kept: Kept
    unread: list[Unread]
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
    """What the examination of a run found: how many records it has, what is wrong, whether it waits for a person.

    `status` is None where not even the row of the run is there.
    """

    run: RunId
    records: int
    problems: list[Problem]
    needs_person: bool
    status: Status | None


@dataclass(frozen=True, slots=True)
class PruneWish:
    """Which ended runs are to be pruned: those that ended before an instant, or longer ago than `age_us`.

    `keep_us` is how long their keys stay taken, `contract` the name of theirs, `limit` how many at most, the oldest
    first. With `compact` the room is given back to the disk.
    """

    before: int | None = None
    age_us: int | None = None
    keep_us: int = 0
    contract: str | None = None
    limit: int | None = None
    compact: bool = False


class Backend(Protocol):
    """A place where runs are started, moved, read and looked after."""

    @property
    def can(self) -> frozenset[Can]:
        """The verbs that this runtime has among those that one may lack."""
        ...

    @property
    def limits(self) -> Limits:
        """How large things may be here."""
        ...

    # --- moving runs -----------------------------------------------------------------------------

    async def start(self, program: Program, members: Any) -> Started:
        """Start a run from an object with a member for each parameter; it is durable when this returns.

        The same key and input again give the same run.

        Raises:
            InputInvalid (`input_invalid`): the input does not fit the contract, or is too large.
            StartConflict (`start_conflict`): a run of that key was started with another input.
            ContractConflict (`contract_conflict`): another contract is stored under this name and version.
            SecretsUnprotected (`secrets_unprotected`): the contract has secrets, and there is no key.
        """
        ...

    async def send(
        self, run: RunId, event: str, args: Any, *, actor: str = "", role: str | None = None
    ) -> Sent:
        """Send a run an event; `args` is an object with a member for each parameter.

        Raises:
            RunUnknown (`run_unknown`), RunPruned (`run_pruned`), RunEnded (`run_ended`): no run takes it.
            UnknownEvent (`event_unknown`), InputInvalid (`input_invalid`): the contract has no such event.
            RoleRequired (`role_required`): the sender may not.
            EventRefused (`event_refused`): the state that the run is in does not handle it.
            EventConflict (`event_conflict`): its key was used for another content.
            QueueFull (`queue_full`), HistoryFull (`history_full`): there is no room for it.
        """
        ...

    async def resume(
        self, run: RunId, *, actor: str, role: str | None = None, reason: str | None = None
    ) -> None:
        """Let a stalled run go on, the cause being mended.

        Raises:
            NotStalled (`not_stalled`): it is not stalled.
            RunUnknown (`run_unknown`), RunPruned (`run_pruned`): there is no such run.
        """
        ...

    async def resolve(
        self,
        run: RunId,
        *,
        happened: bool,
        result: Any = None,
        actor: str,
        role: str | None = None,
        reason: str | None = None,
    ) -> None:
        """Say whether the action that a run is in doubt about happened, and with which result.

        Raises:
            NotInDoubt (`not_in_doubt`): no action of it is in doubt.
            InputInvalid (`input_invalid`): the result is not of the action's type.
            RunUnknown (`run_unknown`), RunPruned (`run_pruned`): there is no such run.
        """
        ...

    async def cancel(
        self, run: RunId, *, actor: str, role: str | None = None, reason: str | None = None
    ) -> Sent:
        """Tell a run to cancel: the event `cancel`, which its contract handles or does not. See `send`."""
        ...

    async def terminate(
        self, run: RunId, *, actor: str, role: str | None = None, reason: str | None = None
    ) -> None:
        """End a run by an administrator's word.

        Raises:
            RunEnded (`run_ended`): it has ended.
            RunUnknown (`run_unknown`), RunPruned (`run_pruned`): there is no such run.
        """
        ...

    # --- reading ---------------------------------------------------------------------------------

    async def row(self, run: RunId) -> RunRow:
        """Return a run as it is kept. What was durable when this was called is in it.

        Raises:
            RunUnknown (`run_unknown`): there is no such run.
            RunPruned (`run_pruned`): it has ended, and is kept no more; its tombstone is in the error.
        """
        ...

    async def runs(self, where: RunFilter, *, limit: int, after: str | None = None) -> Page:
        """Return up to `limit` runs, newest start first, those that come after the run `after`.

        A run that cannot be read keeps no other from being listed.
        """
        ...

    async def counts(self) -> dict[Status, int]:
        """Return how many runs are in each status."""
        ...

    def records(self, run: RunId, *, after: int = 0) -> AsyncIterator[RecordRow]:
        """Yield a run's records with a `seq` above `after`, in order; none for a run that is not there."""
        ...

    async def kept(self, run: RunId) -> Reading:
        """Return all that is kept of a run at one instant, as far as it can be read.

        Raises:
            RunUnknown (`run_unknown`), RunPruned (`run_pruned`): there is no such run.
        """
        ...

    async def strays(self) -> list[Stray]:
        """Return what is kept of runs that cannot be listed, for something that others need is missing."""
        ...

    async def inbox(self, run: RunId) -> list[InboxRow]:
        """Return the messages that wait for a run, in order of arrival."""
        ...

    async def values(self, run: RunId, digests: Collection[str] | None = None) -> list[ValueRow]:
        """Return the large values of a run that have these digests, as far as they are there; all of them where None."""
        ...

    async def contract(self, digest: Digest) -> StoredContract | None:
        """Return the text of the contract of that digest."""
        ...

    async def versions(self, contract: str | None = None) -> list[Version]:
        """Return the contracts that have been stored, or those of one name, by name and version."""
        ...

    # --- waiting ---------------------------------------------------------------------------------

    async def end_of(self, run: RunId) -> Head:
        """Wait until a run has ended, and return its head.

        Raises:
            RunUnknown (`run_unknown`), RunPruned (`run_pruned`): there is no such run, or none any more.
        """
        ...

    async def wait_for_change(self, seen: int | None, timeout_s: float) -> int:
        """Return a number as soon as it is not `seen`, or after the time-out: it differs when others changed something.

        What this process writes itself may or may not count. With None it returns at once.
        """
        ...

    # --- workers ---------------------------------------------------------------------------------

    async def served(self) -> frozenset[str]:
        """Return the digests of the contracts for which a live worker has handlers."""
        ...

    async def workers(self) -> list[WorkerRow]:
        """Return the workers that are alive now."""
        ...

    # --- looking after runs ----------------------------------------------------------------------

    def verify(self, run: str | None = None) -> AsyncIterator[Verified]:
        """Prove that the journal of a run, or of each, is unbroken, and every move in it legal; yield what was found.

        Raises:
            RunUnknown (`run_unknown`), RunPruned (`run_pruned`): there is no such run.
        """
        ...

    async def archive(self, path: Path) -> ArchiveWriter:
        """Open a file to which `prune` appends the stories of this backend's runs; it is made if need be.

        Raises:
            ArchiveRefused (`archive_refused`): it is another store's, or none.
            Unsupported (`unsupported`): this runtime cannot.
        """
        ...

    def prune(
        self, wish: PruneWish, archive: ArchiveWriter | None, *, dry_run: bool = False
    ) -> AsyncIterator[Tally]:
        """Delete runs that have ended, each after its story is durable in the archive; yield the tally as it goes on.

        It can be stopped anywhere and done again. With `dry_run` it only counts, and yields once.

        Raises:
            Unsupported (`unsupported`): this runtime cannot.
        """
        ...
