"""Runs a plan on a lossy disk: the power fails at operations that the seed chooses.

All processes die with the power. After each loss this is checked: the store opens; SQLite finds
nothing wrong with it; every write that was answered is there; every journal is unbroken and legal;
and the simulation's own verifier, which knows the provider's ledger and what clients were told,
finds nothing.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import apsw

from opord.engine.protection import protection_with
from opord.kernel.legality import verify_kept
from opord.stores.base import Applied, StoreError, Write
from opord.stores.sqlite import SqliteStore
from opord.testing.clock import run_virtually
from opord.testing.crashing import Killed
from tests.disk.lossy import VFS, WAYS, Disk
from tests.sim.machine import Broken, Machine, Told
from tests.sim.plan import Op, Plan, plan_of
from tests.support.store import FaultyStore

WHERE: tuple[tuple[str, ...], ...] = (
    ("create", "delete", "write", "truncate", "sync"),
    ("sync",),
    ("create", "delete", "truncate"),
)
CHECKPOINT_PAGES = (3, 20, 4000)
LOSSES = 10


class Power:
    """Decides by seed where the power fails next; it fails `left` more times."""

    def __init__(self, rng: Random, left: int) -> None:
        self.rng, self.left = rng, left
        self._draw()

    def _draw(self) -> None:
        (self.kinds,) = self.rng.choices(WHERE, (6, 5, 1))
        self.nth = self.rng.randrange(
            1, self.rng.choice((4, 30, 200) if self.kinds != WHERE[1] else (3, 8, 20))
        )
        self.when = self.rng.choice(("before", "after"))

    def __call__(self, kind: str) -> str | None:
        if self.left <= 0 or kind not in self.kinds:
            return None
        self.nth -= 1
        if self.nth:
            return None
        when, self.left = self.when, self.left - 1
        self._draw()
        return when


class Powered(FaultyStore):
    """A store as seen by processes that die with the power: no verb answers after that."""

    def __init__(self, store: SqliteStore, disk: Disk) -> None:
        super().__init__(store)
        self.store, self.disk, self.life = store, disk, disk.life

    def call(self, name: str, verb: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return super().call(name, verb, *args, **kwargs)
        except Exception:
            self.reach()
            raise

    def after(self, name: str, args: tuple[Any, ...], answer: Any) -> Any:
        self.reach()
        return answer

    def reach(self) -> None:
        if self.disk.off or self.life != self.disk.life:
            raise Killed


class PowerMachine(Machine):
    """A simulation on a lossy disk.

    `settings` replace the store's own ones, and `plain_syncs` is the disk's. With these a test can
    check that a store that syncs too little is detected.
    """

    limited = False

    def __init__(
        self,
        plan: Plan,
        root: Path,
        *,
        losses: int = LOSSES,
        lose_at: Callable[[str], str | None] | None = None,
        settings: Mapping[str, int] | None = None,
        plain_syncs: bool = True,
        salt: str = "",
    ) -> None:
        super().__init__(plan._replace(store="memory"))
        self.rng = Random(f"power {plan.seed} {salt}")
        self.settings = settings or {}
        self.disk = Disk(root, plain_syncs=plain_syncs)
        self.disk.lose_at = lose_at or Power(self.rng, losses)
        self.disk.on_loss = self._power_goes
        self.acknowledged: dict[str, tuple[int, str]] = {}
        self.found: list[str] = []
        self._way = "orderly"
        try:
            self._open()
            self._restore()
        except BaseException:
            self.disk.close()
            raise

    def close(self) -> None:
        """Close all that is open, and forget the files."""
        self._close_store()
        self.disk.close()

    def apply(self, batch: Any) -> Any:
        """Let the store write, and remember what it reports as durable."""
        return self.note(batch, super().apply(batch))

    def note(self, batch: Any, results: Any) -> Any:
        """Remember up to which record each run is durable; return the store's answers."""
        for change, result in zip(batch, results, strict=True):
            records = change.records
            if isinstance(result, Applied) and records:
                run = change.run if isinstance(change, Write) else change.row.run
                self.acknowledged[run] = (records[-1].seq, records[-1].hash)
        return results

    # --- losing and coming back ------------------------------------------------------------------

    def _power_goes(self) -> None:
        self.tell("the power goes")
        for life in self.everyone:
            life.die()

    def _restore(self) -> None:
        """Switch the power on again, and check that everything durable is there."""
        if not self.disk.off:
            return
        while self.disk.off:
            self._close_store()
            self._way = self.rng.choice(WAYS)
            self.tell(f"survives: {self._way}")
            self.disk.lose(self.rng, self._way)
            self._open()
        self.found += self.missing()
        if not self.found:
            try:
                super().judge()
            except Broken as broken:
                self.found += broken.problems

    def _open(self) -> None:
        """Open the store; the power may fail again meanwhile."""
        try:
            store = SqliteStore(self.disk.folder / "runs.db", clock=self._now, vfs=VFS)
        except (StoreError, apsw.Error) as error:
            if self.disk.off:
                self.tell("lost again while opening")
                return
            raise Broken([f"19: the store does not open after {self._way!r}: {error}"]) from error
        connection = store._pool.writer.connection
        connection.pragma("wal_autocheckpoint", self.rng.choice(CHECKPOINT_PAGES))
        for name, value in self.settings.items():
            connection.pragma(name, value)
        self.store = Powered(store, self.disk)  # type: ignore[assignment]

    def _close_store(self) -> None:
        if isinstance(self.store, Powered):
            with contextlib.suppress(apsw.Error, StoreError):
                self.store.store.close()

    def missing(self) -> list[str]:
        """Return what differs from the promises in the store as found."""
        assert isinstance(self.store, Powered)
        store = self.store.store
        with store._pool.writer.use() as connection:
            damage = str(connection.execute("PRAGMA integrity_check(1)").get)
            astray = connection.execute("PRAGMA foreign_key_check").get
        found = [f"19: after {self._way!r} {damage}"] if damage != "ok" else []
        if astray is not None:
            found.append(f"19: after {self._way!r} {astray} refers to nothing")
        for run, (seq, digest) in self.acknowledged.items():
            record = store.journal(run, after=seq - 1, limit=1)
            if [one.hash for one in record] != [digest]:
                found.append(f"5: record {seq} of {run} was answered for, and {self._way!r} lost it")
        program = protection_with("", insecure=True).of(self.subject.program)
        for row in super()._rows():
            kept = store.kept(row.run)
            assert kept is not None
            found += [
                f"7: after {self._way!r} {row.run}: {problem}" for problem in verify_kept(program, kept)
            ]
        return found

    def _orderly(self) -> None:
        """Close the store as a last worker does, and open it again."""
        for life in self.everyone:
            life.die()
        self.tell("orderly restart")
        self._close_store()
        if not self.disk.off:
            self._open()

    # --- the story, with the power in mind ---------------------------------------------------

    async def engine(self) -> Any:
        """Open one more engine, on a disk that has power."""
        self._restore()
        return await super().engine()

    async def replace_dead(self) -> None:
        """Make sure of power and a living engine."""
        if self.rng.random() < 0.04:
            self._orderly()
        while True:
            self._restore()
            if self.found:
                raise Broken(self.found)
            await super().replace_dead()
            if not self.disk.off:
                return

    async def _rest(self) -> None:
        self.disk.lose_at = lambda kind: None
        await super()._rest()

    def _rows(self) -> list[Any]:
        self._restore()
        return super()._rows()

    def judge(self, *, at_rest: bool = False) -> None:
        """Judge everything, on a disk that has power."""
        self._restore()
        if self.found:
            raise Broken(self.found)
        super().judge(at_rest=at_rest)


class At:
    """Makes the power fail once, at the nth operation of these kinds on the disk."""

    def __init__(self, nth: int, when: str, kinds: tuple[str, ...] = WHERE[0]) -> None:
        self.left, self.when, self.kinds = nth, when, kinds

    def __call__(self, kind: str) -> str | None:
        if kind not in self.kinds:
            return None
        self.left -= 1
        return self.when if self.left == 0 else None


def short_plan(seed: int) -> Plan:
    """Return a plan of few operations, so that the power can fail at each of them.

    Its contract charges a card.
    """
    plan = plan_of(seed)
    kinds = ("start", "wait", "event", "start", "event", "wait")
    ops = tuple(Op(kind, 5.0, plan.seed + at) for at, kind in enumerate(kinds))
    return plan._replace(contract="src/opord/examples/orders/order.opord", ops=ops, faults=())


def lose_power(plan: Plan, root: Path, **how: Any) -> Told:
    """Carry out a plan on a lossy disk and return the result."""
    logging.getLogger("opord").setLevel(logging.CRITICAL + 1)
    root.mkdir(parents=True, exist_ok=True)
    machine = PowerMachine(plan, root, **how)
    try:
        run_virtually(machine.story(), machine.clock)
        told = machine.told([])
    except Broken as broken:
        trace = "\n".join(machine.lines)
        told = Told(broken.problems, trace, [], machine.provider.ledger, machine.history, machine.counts)
    finally:
        machine.close()
    told.counts.update({f"disk: {kind}": n for kind, n in machine.disk.counts.items()})
    return told
