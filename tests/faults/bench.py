"""One story under given faults: engines, clients that repeat requests, and a judgement.

The engines count their calls of the store.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from opord.drive.errors import EngineError
from opord.stores.base import RunRow, StoreUnavailable
from opord.testing.clock import run_virtually
from opord.testing.crashing import Killed
from opord.testing.engines import kill
from tests.faults.kinds import OUTSIDE, Fault
from tests.faults.outside import Outside
from tests.faults.stories import Story
from tests.sim.machine import CUT_OFF_S, LEASE_S, Broken, Life, Machine, Told
from tests.sim.plan import Plan

TRIES = 12
PATIENCE_S = 14_000.0


class Ended(NamedTuple):
    """The result of a story: the points it passed, the problems, how it ended, and its trace."""

    points: list[str]
    problems: list[str]
    outcome: str
    doubts: int
    asked: int
    trace: str


class Mortal(Life):
    """One engine with its view of the store.

    Every verb but the clock is a point at which a fault may be due.
    """

    machine: Bench
    free = ("now", "bell", "at_once", "close")

    def die(self, hours: float = 0.0) -> None:
        self.machine.down_s = max(self.machine.down_s, hours * 3600)
        super().die()

    def cut_off(self) -> None:
        """Make the store unreachable for longer than a lease, and start another worker."""
        super().cut_off()
        self.machine.wanted = "second worker"

    def hook(self, point: str, run: str) -> None:
        if self.dead:
            raise Killed
        self.machine.tell(point, by=self.name, run=run)

    def before(self, name: str, args: tuple[Any, ...]) -> None:
        bench = self.machine
        self._kind = kind = bench.passes(f"store {name}")
        if kind in OUTSIDE:
            bench.wanted = kind
        if kind == "fenced":
            bench.fence()
        self._fail_before(kind)

    def after(self, name: str, args: tuple[Any, ...], answer: Any) -> Any:
        kind = self._kind
        if name == "claim":
            self.machine.claimed(answer)
        if name == "apply":
            self.machine.note(args[0])
        self._fail_after(kind)
        return answer

    def _fail_before(self, kind: str) -> None:
        if kind == "refused":
            raise StoreUnavailable("locked", "nothing was done")
        if kind == "away":
            self.cut_off()
            raise StoreUnavailable("gone", "nothing was done")
        if kind == "broken":
            raise OSError(5, "nothing was done")
        if kind == "crash before":
            self.die()
            raise Killed

    def _fail_after(self, kind: str) -> None:
        if kind == "done, refused":
            raise StoreUnavailable("io", "done, and then an error")
        if kind == "done, away":
            self.cut_off()
            raise StoreUnavailable("gone", "done, and then out of reach")
        if kind == "done, broken":
            raise OSError(5, "done, and then an error")
        if kind == "crash after":
            self.die()
            raise Killed


class Bench(Machine):
    """The world of one story."""

    life = Mortal
    provider: Outside

    def __init__(self, story: Story, store: str, faults: Sequence[Fault]) -> None:
        super().__init__(Plan(1, story.contract, store, (), ()))
        self.story = story
        self.due = {fault.at: fault.kind for fault in faults}
        self.points: list[str] = []
        self.provider = Outside(self)
        self.wanted: str | None = None
        self.down_s = 0.0
        self.again: list[Any] = []
        self.leases: Counter[tuple[str, int]] = Counter()
        self.written: list[list[str]] = []

    # --- points ----------------------------------------------------------------------------------

    def passes(self, point: str) -> str:
        """Count an operation; return the kind of fault that is due at it, or nothing."""
        self.points.append(point)
        kind = self.due.get(len(self.points), "")
        if kind:
            self.tell("fault", at=point, kind=kind)
        return kind

    def caller(self) -> Mortal:
        """Return the engine whose handler runs now: the one with the current task."""
        task = asyncio.current_task()
        for life in self.lives:
            worker = life.engine.worker if life.engine is not None else None
            if worker is not None and any(one.task is task for one in worker.flights.values()):
                assert isinstance(life, Mortal)
                return life
        raise RuntimeError("a handler is called by nobody")

    def fence(self) -> None:
        """Raise the epoch of every run, as a worker does that takes the runs over.

        An open transaction holds its run against that.
        """
        if self.within:
            return
        for row in self._rows():
            self.store.rewrite(row.run, lambda kept: kept)

    def claimed(self, rows: list[RunRow]) -> None:
        """Record the claimed runs with their epochs."""
        self.leases.update((row.run, row.epoch) for row in rows)

    def note(self, batch: Any) -> None:
        """Record the records of a batch, in words."""
        bodies = [json.loads(record.body) for change in batch for record in change.records]
        self.written.append(
            [f"{one['kind']} {one.get('call') or one.get('event') or one.get('to') or ''}" for one in bodies]
        )

    # --- the story -------------------------------------------------------------------------------

    async def story_(self) -> None:
        """Play the story, let all come to rest, and judge."""
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        await self.revive()
        await self.story.tell(self)
        await self.until(None)
        for send in self.again:
            await send()
        away_s = (max(one.fails_until_us for one in self.lives) - self.clock.now_us) / 1e6
        await asyncio.sleep(LEASE_S / 2 + max(0.0, away_s))
        await self.until(None)
        for life in self.lives:
            assert life.engine is not None
            await kill(life.engine)
        self.judge(at_rest=True)
        self.judge_end()

    async def revive(self) -> None:
        """Replace the dead engines.

        The down time passes first. Then do what was asked for from outside.
        """
        while True:
            if any(one.dead for one in self.lives):
                down, self.down_s = self.down_s, 0.0
                self.clock.advance(down)
            await self.replace_dead()
            wanted, self.wanted = self.wanted, None
            if wanted is None:
                return
            if wanted == "second worker":
                if len(self.lives) < 2:
                    await self.engine()
            elif wanted == "cancel":
                await self.insist("cancel", self._cancel)
            elif wanted == "terminate":
                await self.insist("terminate", self._terminate)

    def _cancel(self) -> Any:
        return self._send(self.story.run, "cancel", {"reason": "changed my mind"}, "kim", None)

    def _terminate(self) -> Any:
        run = self.story.run
        return self._ask("terminate", {"run": run}, lambda client: client.terminate(run, actor="root"))

    def row(self) -> RunRow | None:
        """Return the run of the story as it is stored."""
        return self.store.load(self.story.run)

    async def until(self, state: str | None) -> None:
        """Let time pass until the run waits in a state, or has ended.

        Persons answer its questions.
        """
        pause, passed = 0.25, 0.0
        while passed < PATIENCE_S:
            await self.revive()
            row = self.row()
            if row is not None and (row.head.status == "ended" or self._waits(row, state)):
                break
            await asyncio.sleep(pause)
            passed += pause
            pause = min(2 * pause, 60.0)
            if row is not None and row.head.status == "in_doubt":
                await self._answer(row)
            if row is not None and row.head.status == "stalled":
                await self._bounded(self._retry(row, "operator"))
        self.judge()

    async def _answer(self, row: RunRow) -> None:
        """Let a person look at the provider and say what happened.

        If the provider would only repeat an error under the key, a day passes first.
        """
        intent = ((json.loads(row.head.body).get("pending") or {}).get("intent")) or {}
        if intent.get("asking") and self.provider.errs_for_good(intent["call"], intent["key"]):
            await self.jump(days=1)
        await self._bounded(self._resolve(row, "operator"))

    def _waits(self, row: RunRow, state: str | None) -> bool:
        if state is None:
            return False
        return (row.head.state, row.head.status) == (state, "waiting")

    async def jump(self, *, days: float) -> None:
        """Let days pass at once."""
        self.clock.advance(days * 86_400.0)
        await asyncio.sleep(1.0)

    # --- clients ---------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start the run, and repeat the request until there is an answer."""
        program = self.subject.program
        members = self.story.input
        about = {"input": json.dumps(members, sort_keys=True), "keyed": True}

        def ask() -> Any:
            return self._ask(
                "start", about, lambda client: client.start(program, program.input.accept(members))
            )

        await self.message("start", ask)

    async def send(self, event: str, args: dict[str, Any], actor: str, role: str) -> None:
        """Send an event, and repeat it until there is an answer; then let the run come to rest."""
        await self.message(event, lambda: self._send(self.story.run, event, args, actor, role, "event"))
        await asyncio.sleep(1.0)

    async def message(self, name: str, ask: Any) -> None:
        """Send a message under the fault that is due at it."""
        kind = self.passes(f"message {name}")
        if kind == "at the end":
            self.again.append(lambda: self.insist(name, ask))
        if kind == "at once":
            await asyncio.gather(self.insist(name, ask), self.insist(name, ask))
        elif kind == "crash on the way":
            client = asyncio.ensure_future(self.insist(name, ask))
            await asyncio.sleep(0)
            self.lives[0].die()
            await client
        else:
            await self.insist(name, ask)
        if kind == "twice":
            await self.insist(name, ask)

    async def insist(self, name: str, ask: Any) -> None:
        """Repeat a request until there is an answer."""
        for _ in range(TRIES):
            before = len(self.history)
            await self._bounded(ask())
            mine = self.history[before:]
            if any(one["end"] != "lost" for one in mine if one["op"] not in ("resolve", "retry")):
                return
            await asyncio.sleep(1.0)
            if name not in ("cancel", "terminate"):
                await self.revive()
            elif any(one.dead for one in self.lives):
                await self.replace_dead()

    async def _ask(self, kind: str, about: dict[str, Any], verb: Any) -> None:
        await self.replace_dead()
        life = self.lives[0]
        assert life.engine is not None
        entry: dict[str, Any] = {
            "op": kind,
            "n": len(self.history),
            **about,
            "at": self.clock.now_us,
            "end": "lost",
        }
        self.history.append(entry)
        asking = asyncio.ensure_future(verb(life.engine.client))
        dying = asyncio.ensure_future(life.died.wait())
        await asyncio.wait([asking, dying], return_when=asyncio.FIRST_COMPLETED, timeout=CUT_OFF_S * 2)
        dying.cancel()
        if not asking.done() or life.dead:
            asking.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception, Killed):
                await asking
            self.tell(f"end: {kind} lost")
            return
        try:
            answer = asking.result()
        except EngineError as error:
            entry["end"], entry["code"] = "refused", type(error).__name__
        except (Exception, Killed):
            entry["end"] = "lost"
        else:
            entry["end"] = "acked"
            entry["answer"] = list(answer) if isinstance(answer, tuple) else answer
        self.tell(f"end: {kind} {entry['end']}", code=entry.get("code"))

    # --- the judgement ---------------------------------------------------------------------------

    def judge_end(self) -> None:
        """Judge what the verifier cannot know: the holders of runs, and the ledger at the end."""
        problems = [
            f"12: {run} was given out twice at epoch {epoch}"
            for (run, epoch), n in self.leases.items()
            if n > 1
        ]
        problems += self._keys_twice()
        row = self.row()
        if row is None:
            problems.append("5: there is no run, and the start was confirmed")
        elif row.head.status != "ended":
            problems.append(f"14: it did not end: {row.head.status} in {row.head.state}, {row.head.reason}")
        elif row.head.outcome != "terminated":
            order = [one["action"] for one in self.effects()]
            did = Counter(order)
            if not self.story.balance(row.head.state, did, order):
                problems.append(f"16: it ends in {row.head.state}, and what took effect is {order}")
        if problems:
            raise Broken(problems)

    def _keys_twice(self) -> list[str]:
        """List the events with a key that are in the journal more than once.

        The stories use each key of an event for one event only.
        """
        keyed = {name for name, event in self.subject.program.events.items() if event.key is not None}
        bodies = [json.loads(body) for row in self._plain() for _, _, body, _ in row["records"]]
        kept = Counter(one["event"] for one in bodies if one["kind"] in ("event", "unhandled", "ignored"))
        return [
            f"6: {name}, which has a key, is there {kept[name]} times" for name in keyed if kept[name] > 1
        ]


def tell_all(story: Story, store: str, faults: Sequence[Fault] = ()) -> tuple[Bench, Told]:
    """Play a story under faults; return its world, for inspection, and the result."""
    logging.getLogger("opord").setLevel(logging.CRITICAL + 1)
    bench = Bench(story, store, faults)
    problems: list[str] = []
    try:
        run_virtually(bench.story_(), bench.clock)
    except Broken as broken:
        problems = broken.problems
    return bench, bench.told(problems)


def tell(story: Story, store: str, faults: Sequence[Fault] = ()) -> Ended:
    """Play a story under faults and return the result."""
    bench, told = tell_all(story, store, faults)
    row = bench.row()
    bench.store.close()
    records = [json.loads(body) for one in told.rows for _, _, body, _ in one["records"]]
    return Ended(
        bench.points,
        told.problems,
        row.head.state if row is not None else "",
        sum(one["kind"] == "doubt" for one in records),
        sum(one["op"] == "resolve" for one in told.history),
        told.trace,
    )
